"""The queue table and the choices of the spawn form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queues.presets import Preset
from slurm.records import Sentence
from spawner.forecast import Forecast
from spawner.options import Options
from tests.templates.contexts import EVIL, form, menu, queue_form, table
from texts import LANGUAGES

EVERY_LANGUAGE = pytest.mark.parametrize("lang", LANGUAGES)


class TestQueueTable:
    @EVERY_LANGUAGE
    def test_has_a_caption_and_headers_with_scopes(self, lang: str) -> None:
        page = form(lang)
        assert page.one("caption").inside("table")
        scopes = [header.get("scope") for header in page.all("th")]
        assert scopes.count("col") == 11
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
        assert names == set(Options.model_fields) - {"reservation"}  # nobody offers one here


class TestExpectedStart:
    def test_what_slurm_has_said_already_stands_in_the_page(self) -> None:
        later = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
        expected = {
            "jupyter": Forecast(start=later, now=True),
            "cas_v100_2": Forecast(start=later),
            "amd_a100_4": Forecast(),
        }
        page = form(expected=expected)
        cells = [cell.text.strip() for cell in page.all("td", data_cell="expected")]
        assert cells == ["now", "2026-11-21 14:30 UTC", "Slurm cannot say", "–"]
        assert page.one("time", datetime=later.isoformat()).get("data-local") is not None

    def test_refusal_is_said_and_closes_nothing_to_those_who_have_no_script_to_open_it(self) -> None:
        words = Sentence("Slurm says: %(words)s", {"words": EVIL})
        page = form(expected={"jupyter": Forecast(refusal=words, closed=True)})
        assert page.one(id="refused-jupyter").text == f"Slurm says: {EVIL}"
        assert page.one("input", value="jupyter").get("disabled") is None
        assert "refused-jupyter" in (page.one("input", value="jupyter").get("aria-describedby") or "")


class TestLimits:
    def test_used_and_allowed_are_said_with_whose_limit_it_is(self) -> None:
        limit = {"text": "GPUs: 2 of 4", "whose": "yours, by QOS normal", "full": False}
        assert "GPUs: 2 of 4 (yours, by QOS normal)" in form(limits=[limit]).one(id="limits").text

    def test_without_limits_nothing_is_said_of_them(self) -> None:
        assert form().one(id="limits").get("hidden") is not None


class TestChoicesOfQueues:
    def test_every_choice_of_any_queue_is_there_without_a_script(self) -> None:
        page = form()
        offered = {
            name: [one.get("value") for one in page.all("option") if one.parent is page.one(id=name)]
            for name in ("gpu_type", "gpus", "feature", "qos")
        }
        assert offered == {
            "gpu_type": ["", "a100", "1g.10gb"],
            "gpus": ["", "1", "2", "4"],
            "feature": ["", "nvme"],
            "qos": ["", "normal", "long"],
        }

    def test_choice_that_nobody_offers_is_not_asked_for(self) -> None:
        assert form().all(id="reservation") == []

    def test_refused_choice_says_so_even_if_nobody_offers_it(self) -> None:
        page = form(errors={"reservation": Sentence("There is none.", {})})
        assert page.one(id="reservation-error").text == "There is none."

    def test_what_was_chosen_last_is_chosen(self) -> None:
        page = form(
            chosen={**queue_form()["chosen"], "queue": "amd_a100_4", "gpu_type": "1g.10gb", "gpus": "1"}
        )
        selected = [one.get("value") for one in page.all("option") if one.get("selected") is not None]
        assert selected == ["own:notebook", "1g.10gb", "1", "proj01"]


class TestEnvironments:
    def test_all_that_can_be_had_is_in_one_list_with_headings(self) -> None:
        page = form()
        values = [one.get("value") for one in page.all("option") if one.inside("optgroup")]
        assert values == ["own:notebook", "shared:base", "site", "image:class"]
        assert [one.get("label") for one in page.all("optgroup")] == [
            "Your own",
            "Of this site",
            "Container images",
        ]
        assert page.one("option", value="image:class").get("data-queues") == "jupyter"

    def test_whoever_has_none_is_led_to_bootstrap(self) -> None:
        page = form(environments=menu(()))
        assert page.one(id="bootstrap").get("href") == "/services/environments/"
        assert "no environment of your own yet" in page.one(id="environment-notice-1").text

    def test_where_one_is_required_there_is_nothing_to_choose_before(self) -> None:
        page = form(environments=menu((), without="require", shared=(), images=()))
        assert page.all("select", id="environment") == []
        assert page.one(id="bootstrap").get("href") == "/services/environments/"

    def test_a_site_without_environments_has_no_such_field(self) -> None:
        page = form(environments=None)
        assert page.all(id="environment") == []
        assert "My environments" not in page.html

    def test_a_refusal_is_said_at_the_field(self) -> None:
        page = form(errors={"environment": Sentence("There is no %(name)s.", {"name": EVIL})})
        assert EVIL in page.one(id="environment-error").text
        assert page.one("select", id="environment").get("aria-invalid") == "true"


class TestPresets:
    def test_own_and_the_sites_are_links_that_fill_in_the_form(self) -> None:
        site = Preset.model_validate({"name": "course", "title": "Course", "options": {"queue": "jupyter"}})
        page = form(presets=["Big & loud"], site_presets=(site,))
        links = {one.text: one.get("href") for one in page.all("a", class_="btn btn-sm hp-button")}
        assert links == {
            "Big & loud": "/hub/spawn?preset=Big+%26+loud",
            "Course": "/hub/spawn?preset=course",
        }

    def test_name_cannot_become_markup(self) -> None:
        page = form(presets=[EVIL])
        assert page.all("img") == []
        assert EVIL in [one.text for one in page.all("a")]

    def test_who_has_none_is_not_bothered(self) -> None:
        assert form().all(id="presets-title") == []

    def test_link_that_filled_in_the_form_says_that_nothing_has_started(self) -> None:
        assert "Nothing has been started yet." in form(by_link=True).html
        assert "Nothing has been started yet." not in form().html
