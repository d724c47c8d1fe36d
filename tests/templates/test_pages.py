"""Every page, in every language, as a browser and a screen reader find it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.templates.contexts import EVIL, PAGES, form, spawner, table, user
from tests.templates.pages import Page, render
from texts import LANGUAGES

EVERY_PAGE = pytest.mark.parametrize("name", PAGES)
EVERY_LANGUAGE = pytest.mark.parametrize("lang", LANGUAGES)


def labels_of(page: Page) -> set[str]:
    return {label.get("for") or "" for label in page.all("label")}


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

    def test_the_code_is_one_field_that_takes_letters_and_spaces_from_a_paste(self) -> None:
        otp = self.page().one("input", name="otp")
        assert otp.get("inputmode") is None, "recovery codes have letters"
        assert otp.get("autocomplete") == "one-time-code"
        assert otp.get("maxlength") is None
        assert otp.get("pattern") is None

    @pytest.mark.parametrize("optional", [False, True])
    def test_the_code_is_required_unless_somebody_may_go_without(self, optional: bool) -> None:
        who = SimpleNamespace(**{**vars(PAGES["login.html"]["authenticator"]), "otp_optional": optional})
        assert (self.page(authenticator=who).one("input", name="otp").get("required") is None) == optional

    def test_who_has_an_expired_password_is_led_to_the_centre_s_page(self) -> None:
        page = self.page(exception=SimpleNamespace(password_url="https://www.hpc.example/password"))
        assert page.one("a", href="https://www.hpc.example/password").text == "Change your password"
        assert not self.page(exception=SimpleNamespace()).all("a", href="https://www.hpc.example/password")

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
        assert page.one("span", id="about-jupyter").text == f"jupyter · {EVIL}"

    def test_of_an_address(self) -> None:
        page = render("404.html", "en", uri=f"/hub/{EVIL}?{EVIL}", **PAGES["404.html"])
        assert not page.all("img", src="x")

    def test_of_an_error(self) -> None:
        page = render("error.html", "en", **{**PAGES["error.html"], "message": EVIL, "status_message": EVIL})
        assert EVIL in page.one("main").text

    def test_of_a_failed_start(self) -> None:
        page = render("not_running.html", "en", **{**PAGES["not_running.html"], "failed_message": EVIL})
        assert EVIL in page.one(role="alert").text
