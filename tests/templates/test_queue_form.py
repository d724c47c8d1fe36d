"""The queue table and the choices of the spawn form."""

from __future__ import annotations

import pytest

from slurm.records import Sentence
from tests.templates.contexts import EVIL, form, queue_form, table
from texts import LANGUAGES

EVERY_LANGUAGE = pytest.mark.parametrize("lang", LANGUAGES)


class TestQueueTable:
    @EVERY_LANGUAGE
    def test_has_a_caption_and_headers_with_scopes(self, lang: str) -> None:
        page = form(lang)
        assert page.one("caption").inside("table")
        scopes = [header.get("scope") for header in page.all("th")]
        assert scopes.count("col") == 10
        assert scopes.count("row") == 5
        assert None not in scopes

    def test_the_words_are_those_people_know(self) -> None:
        words = [header.text.strip() for header in form().all("th", scope="col")]
        assert words[2:6] == ["Alloc", "Idle", "Down", "Total"]
        assert form().one("button", id="refresh").text == "Refresh"
        assert form().one("a", href="/hub/spawn").text == "Refresh"

    def test_every_cell_of_a_narrow_screen_has_its_label(self) -> None:
        page = form()
        assert all(cell.get("data-label") for cell in page.all("td", role="cell") if cell.get("data-cell"))

    def test_a_queue_one_may_not_use_says_why_and_cannot_be_chosen(self) -> None:
        page = form()
        radio = page.one("input", value="bigmem")
        assert radio.get("disabled") is not None
        assert "why-bigmem" in (radio.get("aria-describedby") or "")
        assert "for certain users only" in page.one(id="why-bigmem").text
        assert page.one("input", value="jupyter").get("disabled") is None

    def test_slots_gpus_and_nodes_are_told_apart(self) -> None:
        cells = [cell.text.strip() for cell in form().all("td", data_cell="free")]
        assert cells == ["38 of 50 slots", "4 of 10 GPUs", "4 of 10 GPUs", "2 of 5 nodes"]

    def test_a_free_queue_says_so_in_words(self) -> None:
        prices = [cell.text for cell in form().all("td", data_cell="price")]
        assert prices == ["free", "3,000 KRW", "8,000 KRW", "1,500 KRW"]

    def test_the_time_of_the_figures_is_there(self) -> None:
        page = form()
        assert page.one("time", data_local="time").get("datetime") == "2026-11-21T09:00:00+00:00"
        assert "3 s" in page.one("caption").text

    def test_without_any_answer_of_slurm_one_can_still_submit(self) -> None:
        page = form(table=table(known=False, problem="Unable to contact slurm controller"))
        assert "no figures yet" in page.one(id="queues-problem").text
        assert page.one("input", value="jupyter").get("disabled") is None
        assert page.all("td", data_cell="alloc")[0].text == "–"

    def test_old_figures_are_called_old(self) -> None:
        page = form(table=table(problem="Unable to contact slurm controller"))
        assert "last figures" in page.one(id="queues-problem").text

    def test_an_error_is_said_at_its_field(self) -> None:
        page = form(
            errors={
                "hours": Sentence(
                    "The queue “%(queue)s” gives no choice of GPUs: leave the number out.", {"queue": EVIL}
                )
            }
        )
        hours = page.one("input", name="hours")
        assert hours.get("aria-invalid") == "true"
        assert "hours-error" in (hours.get("aria-describedby") or "")
        assert EVIL in page.one(id="hours-error").text


class TestCost:
    def test_the_cost_is_said_before_submit(self) -> None:
        assert form().one(id="cost-sum").text.strip() == "At most 12,000 KRW for 4 hours"

    def test_it_is_said_that_closing_the_browser_does_not_stop_it(self) -> None:
        assert "Closing the browser does not stop" in form().one(id="cost-paid").text

    def test_a_free_queue_is_free_of_charge(self) -> None:
        page = form(chosen={**queue_form()["chosen"], "queue": "jupyter"})
        assert page.one(id="cost-sum").text.strip() == "Free of charge"

    @pytest.mark.parametrize("hours", [None, "", "x", "-3", 0])
    def test_nonsense_in_the_hours_does_not_break_the_page(self, hours: object) -> None:
        page = form(chosen={**queue_form()["chosen"], "hours": hours})
        assert page.one("input", name="hours").get("value") == str(hours or "")

    def test_only_known_fields_are_posted(self) -> None:
        page = form()
        names = {one.get("name") for one in [*page.all("input"), *page.all("select")] if one.get("name")}
        assert names == {"queue", "interface", "hours", "gpus", "account"}
