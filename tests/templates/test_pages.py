"""Every page, in every language, as a browser and a screen reader find it."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from slurm.records import Sentence
from tests.templates.contexts import EVIL, PAGES, queue_form, spawner, table, user
from tests.templates.pages import Page, render
from texts import LANGUAGES

EVERY_PAGE = pytest.mark.parametrize("name", PAGES)
EVERY_LANGUAGE = pytest.mark.parametrize("lang", LANGUAGES)


def labels_of(page: Page) -> set[str]:
    return {label.get("for") or "" for label in page.all("label")}


def form(lang: str = "en", **context: Any) -> Page:
    # Our own contract, so a name that the spawner does not give must not pass unnoticed.
    return render("queue_form.html", lang, undefined=jinja2.StrictUndefined, **queue_form(**context))


@EVERY_PAGE
@EVERY_LANGUAGE
class TestEveryPage:
    def test_says_its_language(self, name: str, lang: str) -> None:
        assert render(name, lang, **PAGES[name]).one("html").get("lang") == lang

    def test_has_one_main_part_one_live_region_and_a_skip_link_to_it(self, name: str, lang: str) -> None:
        page = render(name, lang, **PAGES[name])
        assert page.one("main").get("id") == "main"
        assert page.one(role="status").inside("main")
        assert page.all("a", href="#main")

    def test_has_a_title_that_differs_from_an_empty_one(self, name: str, lang: str) -> None:
        assert "hpchub" in render(name, lang, **PAGES[name]).one("title").text

    def test_switches_the_language_without_scripts(self, name: str, lang: str) -> None:
        page = render(name, lang, uri="/hub/home?a=b&_xsrf=secret", **PAGES[name])
        assert [button.get("value") for button in page.all("button", name="lang")] == list(LANGUAGES)
        assert page.one("button", aria_pressed="true", name="lang").get("value") == lang
        assert {entry.get("value") for entry in page.all("input", name="next")} == {"/hub/home?a=b"}

    def test_every_field_has_a_name_for_screen_readers(self, name: str, lang: str) -> None:
        page = render(name, lang, **PAGES[name])
        for field in [*page.all("input"), *page.all("select"), *page.all("textarea")]:
            if field.get("type") != "hidden":
                assert field.get("id") in labels_of(page) or field.inside("label"), field.attributes

    def test_no_element_carries_a_script(self, name: str, lang: str) -> None:
        page = render(name, lang, **PAGES[name])
        assert not [key for one in page.elements for key in one.attributes if key.startswith("on")]

    def test_keeps_what_the_hubs_own_scripts_look_for(self, name: str, lang: str) -> None:
        page = render(name, lang, **PAGES[name])
        assert page.one("button", id="dark-theme-toggle")
        assert page.one(id="error-dialog")
        assert any("window.jhdata" in script.text for script in page.all("script"))


class TestKorean:
    @pytest.mark.parametrize(
        "name", [name for name in PAGES if name not in ("token.html", "admin.html", "oauth.html")]
    )
    def test_a_korean_page_has_a_korean_heading(self, name: str) -> None:
        heading = render(name, "ko", **PAGES[name]).all("h1")[0].text
        assert any("가" <= letter <= "힣" for letter in heading)

    def test_a_visitor_who_chose_nothing_gets_the_site_default(self) -> None:
        assert render("logout.html", None).one("html").get("lang") == "en"


class TestLogin:
    def page(self, **more: Any) -> Page:
        return render("login.html", "en", **{**PAGES["login.html"], **more})

    def test_asks_account_then_otp_then_password(self) -> None:
        fields = [one.get("name") for one in self.page().all("input") if one.get("type") != "hidden"]
        assert fields == ["username", "otp", "password"]

    @pytest.mark.parametrize(
        ("name", "token"),
        [("username", "username"), ("otp", "one-time-code"), ("password", "current-password")],
    )
    def test_password_managers_and_phones_can_fill_it_in(self, name: str, token: str) -> None:
        assert self.page().one("input", name=name).get("autocomplete") == token

    def test_the_code_is_one_field_for_digits_that_takes_spaces_from_a_paste(self) -> None:
        otp = self.page().one("input", name="otp")
        assert otp.get("inputmode") == "numeric"
        assert otp.get("maxlength") is None
        assert otp.get("pattern") is None

    def test_a_refusal_is_announced(self) -> None:
        assert "No." in self.page().one(role="alert").text

    def test_the_hubs_own_refusal_becomes_our_sentence(self) -> None:
        page = render(
            "login.html", "ko", **{**PAGES["login.html"], "login_error": "Invalid username or password"}
        )
        assert "일회용 비밀번호" in page.one(role="alert").text

    def test_what_was_typed_comes_back_as_text(self) -> None:
        page = self.page(username=EVIL, login_error=EVIL)
        assert page.one("input", name="username").get("value") == EVIL
        assert not page.all("img", src="x")


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


class TestWaiting:
    def page(self, **event: Any) -> Page:
        waiting = spawner(pending="spawn")
        waiting.last_progress = event
        return render("spawn_pending.html", "en", user=user(), spawner=waiting, progress_url="/p?a=1&b=2")

    def test_without_scripts_it_looks_again_by_itself(self) -> None:
        assert self.page().one("meta", http_equiv="refresh").inside("noscript")

    def test_what_is_known_is_there_at_once(self) -> None:
        page = self.page(message="Job 4711 waits", reason="all nodes are busy", ahead=0, state="PENDING")
        facts = {one.get("data-fact"): one.text for one in page.all("dd")}
        assert (facts["reason"], facts["ahead"], facts["state"]) == ("all nodes are busy", "0", "PENDING")

    def test_cancel_goes_to_this_server_and_no_other(self) -> None:
        named = render("spawn_pending.html", "en", user=user(), spawner=spawner("second"), progress_url="/p")
        assert self.page().one(id="waiting").get("data-server") == "/hub/api/users/a1113a01/server"
        assert named.one(id="waiting").get("data-server") == "/hub/api/users/a1113a01/servers/second"

    def test_the_bar_has_no_number_while_the_job_waits(self) -> None:
        assert self.page().one(role="progressbar").get("aria-valuenow") is None


class TestHome:
    def test_each_state_has_its_button(self) -> None:
        page = render("home.html", "en", **PAGES["home.html"])
        assert page.one("button", id="stop").text.strip() == "Stop My Server"
        stops = [button.get("data-stop") for button in page.all("button") if button.get("data-stop")]
        assert stops == ["/hub/api/users/a1113a01/server", "/hub/api/users/a1113a01/servers/second"]
        assert page.one("a", href="/hub/spawn/a1113a01/third")

    def test_it_says_plainly_that_closing_the_browser_does_not_stop_it(self) -> None:
        page = render("home.html", "en", **PAGES["home.html"])
        assert "Closing the browser does not stop this server" in page.one("main").text

    def test_why_the_last_server_ended_is_told(self) -> None:
        stopped = spawner()
        stopped.ticket = type(
            "Ticket",
            (),
            {
                "last_end": {
                    "msgid": "Job %(job)s has reached its time limit.",
                    "params": {"job": EVIL},
                    "at": "2026-11-21T09:00:00+00:00",
                }
            },
        )()
        page = render(
            "home.html",
            "ko",
            **{**PAGES["home.html"], "default_server": stopped, "allow_named_servers": False},
        )
        assert "시간 제한에 이르렀습니다" in page.one("main").text
        assert not page.all("img", src="x")


class TestForeignWords:
    """Whatever people, queues or Slurm call themselves stays text."""

    @EVERY_PAGE
    def test_of_a_user(self, name: str) -> None:
        context = {**PAGES[name]}
        if context.get("user"):
            context["user"] = user(EVIL, spawner(EVIL, ready=True))
        page = render(name, "en", **context)
        assert not page.all("img", src="x")
        assert "</script><b>" not in page.html

    @pytest.mark.parametrize("field", ["queue", "reason", "message", "state", "job_id", "expected_start"])
    def test_of_a_progress_event(self, field: str) -> None:
        page = TestWaiting().page(**{field: EVIL})
        assert not page.all("img", src="x")
        assert EVIL in page.one("main").text

    def test_of_a_queue(self) -> None:
        evil = table()
        words = {"title": {"en": EVIL}, "about": {"en": EVIL}}
        queue = evil.rows[0].queue.model_copy(update=words)
        rows = [
            type(evil.rows[0])(
                **{**{f: getattr(evil.rows[0], f) for f in evil.rows[0].__slots__}, "queue": queue}
            )
        ]
        page = form(table=type(evil)(tuple(rows), None, "KRW", None, None, EVIL, None))
        assert not page.all("img", src="x")
        assert page.one("span", id="about-jupyter").text == EVIL

    def test_of_an_address(self) -> None:
        page = render("404.html", "en", uri=f"/hub/{EVIL}?{EVIL}", **PAGES["404.html"])
        assert not page.all("img", src="x")

    def test_of_an_error(self) -> None:
        page = render("error.html", "en", **{**PAGES["error.html"], "message": EVIL, "status_message": EVIL})
        assert EVIL in page.one("main").text

    def test_of_a_failed_start(self) -> None:
        page = render("not_running.html", "en", **{**PAGES["not_running.html"], "failed_message": EVIL})
        assert EVIL in page.one(role="alert").text
