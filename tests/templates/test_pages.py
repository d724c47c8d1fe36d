"""Every page, in every language, as a browser and a screen reader find it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from jupyterhub.slugs import is_valid_safe_slug

from slurm.records import Sentence
from tests.templates.contexts import EVIL, OFFERS, PAGES, again, form, spawner, table, user, with_card
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

    @pytest.mark.parametrize(("phase", "words"), [("waiting", "not known yet"), ("running", "–")])
    def test_start_that_has_happened_is_not_expected(self, phase: str, words: str) -> None:
        assert self.page(phase=phase).one("dd", data_fact="expected_start").text == words

    @pytest.mark.parametrize(
        ("phase", "step"),
        [
            ("line", "Submit"),
            (EVIL, "Submit"),
            ("waiting", "Wait for a place"),
            ("starting", "Start the notebook"),
            ("running", "Start the notebook"),
        ],
    )
    def test_without_scripts_it_says_how_far_it_is(self, phase: str, step: str) -> None:
        page = self.page(phase=phase, ahead=0)
        assert page.one("li", aria_current="step").text == step
        ahead = next(one.text for one in page.all("dd") if one.get("data-fact") == "ahead")
        assert ahead == ("none, you are next" if phase == "waiting" else "0")

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


class TestCard:
    """The card of a server on the home page."""

    def page(self, default: Any, *named: Any, lang: str = "en") -> Page:
        words = {**PAGES["home.html"], "user": user("a1113a01", *named), "default_server": default}
        return render("home.html", lang, **words)

    def facts(self, page: Page) -> dict[str, str]:
        names = [one.text for one in page.all("dt")]
        return dict(zip(names, (one.text.strip() for one in page.all("dd")), strict=True))

    def test_tells_where_with_what_and_how_long_still(self) -> None:
        facts = self.facts(self.page(with_card(ready=True)))
        assert facts["Node"] == "gpu07"
        assert (facts["GPUs"], facts["CPUs"], facts["Memory"]) == ("2", "20", "187 GiB")
        assert facts["Time left"] == "2 h 14 min"
        assert facts["Job"] == "4711 · Log of job 4711"

    @pytest.mark.parametrize(
        ("minutes", "words"), [(0, "0 s"), (7, "7 min"), (60, "1 h 0 min"), (60 * 24 * 3 + 61, "3 d 1 h")]
    )
    def test_time_left_is_in_words_without_scripts(self, minutes: int, words: str) -> None:
        assert self.facts(self.page(with_card(ready=True, minutes=minutes)))["Time left"] == words

    def test_no_limit_is_said(self) -> None:
        assert self.facts(self.page(with_card(ready=True, minutes=None)))["Time left"] == "no limit"

    @pytest.mark.parametrize(("minutes", "hidden"), [(16, True), (14, False)])
    def test_near_the_end_it_warns_without_scripts(self, minutes: int, hidden: bool) -> None:
        page = self.page(with_card(ready=True, minutes=minutes))
        notice = next(one for one in page.elements if one.get("data-warn"))
        assert ("hidden" in notice.attributes) is hidden
        assert "Less than 15 minutes are left. Save your work" in notice.text

    def test_a_site_may_want_no_warning(self) -> None:
        page = self.page(with_card(ready=True, minutes=3, warn_minutes=0))
        assert not [one for one in page.elements if one.get("data-warn")]

    def test_each_named_server_has_a_card_and_forms_of_its_own(self) -> None:
        page = self.page(
            with_card(ready=True),
            with_card("second", ready=True),
            with_card("third", "held", pending="spawn"),
        )
        actions = [str(one.get("action")) for one in page.all("form", method="post")]
        forms = [action for action in actions if "extend" in action]
        assert forms == ["/hub/hpchub/extend/a1113a01", "/hub/hpchub/extend/a1113a01/second"]
        assert [one.text for one in page.all("h3")] == ["second", "third"]
        links = [one.get("href") for one in page.all("a")]
        for path in ("log/a1113a01", "log/a1113a01/second", "log/a1113a01/third", "stop/a1113a01/second"):
            assert f"/hub/hpchub/{path}" in links, path
        ids = [one.get("id") for one in page.elements if one.get("id")]
        assert len(ids) == len(set(ids))

    def test_what_more_time_costs_is_said_before(self) -> None:
        options = [one.text for one in self.page(with_card(ready=True)).all("option")]
        assert options[0] == "1 hour, at most 1,900 KRW"
        assert options[-1] == "3 hours, at most 5,700 KRW"

    def test_silence_of_slurm_shows_the_last_figures_with_their_age(self) -> None:
        page = self.page(with_card(ready=True, silent=True))
        assert "Slurm does not answer at the moment. The server goes on." in page.one("main").text
        assert "These are the last figures, 7 min old." in page.one("main").text
        assert self.facts(page)["Node"] == "gpu07"

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("held", "An operator can release it"),
            ("requeued", "lost its node"),
            ("paused", "paused by Slurm"),
        ],
    )
    def test_what_is_unusual_is_said_in_words(self, state: str, words: str) -> None:
        page = self.page(with_card(state=state, ready=True))
        assert words in page.one("main").text
        badges = [one.text for one in page.all("span") if "hp-badge" in (one.get("class") or "")]
        assert badges[0] != "running"

    def test_start_again_says_what_it_asks_for_and_asks_for_that(self) -> None:
        page = self.page(with_card(again=again()))
        button = next(one for one in page.all("button") if "Start again" in one.text)
        assert button.text == "Start again: 2 × V100, whole node, 4 hours, at most 7,600 KRW"
        form = next(one for one in page.all("form") if one.get("action") == "/hub/spawn/a1113a01")
        assert form.get("method") == "post"
        hidden = {one.get("name"): one.get("value") for one in page.all("input", type="hidden")}
        assert (hidden["queue"], hidden["hours"], hidden["interface"]) == ("cas_v100_2", "4", "lab")
        assert "_xsrf" in hidden

    def test_the_last_server_s_log_is_a_link(self) -> None:
        ended = with_card()
        ended.ticket.last_end = {
            "msgid": "Job %(job)s has ended.",
            "params": {"job": 7},
            "at": "",
            "job_id": "7",
        }
        assert self.page(ended).one("a", href="/hub/hpchub/log/a1113a01")


class TestServerPages:
    def test_the_log_is_text(self) -> None:
        page = render("server_log.html", "en", **PAGES["server_log.html"])
        assert page.one("pre").text == f"{EVIL}\nlast"
        assert not page.all("img", src="x")

    def test_no_log_yet_is_said(self) -> None:
        words = {**PAGES["server_log.html"], "lines": (), "problem": None}
        page = render("server_log.html", "en", **words)
        assert "The job writes one as soon as it runs." in page.one(id="log-empty").text
        assert "hidden" in page.one("pre").attributes

    @pytest.mark.parametrize("name", ["server_stop.html", "server_extend.html"])
    def test_forms_carry_the_token_and_go_to_the_server_they_speak_of(self, name: str) -> None:
        page = render(name, "en", **PAGES[name])
        form = next(one for one in page.all("form") if "hpchub" in str(one.get("action")))
        assert str(form.get("action")).endswith("/a1113a01/second")
        assert form.get("method") == "post"
        assert any(one.get("name") == "_xsrf" for one in page.all("input"))

    def test_whose_server_it_is_is_said_to_an_administrator(self) -> None:
        assert "of a1113a02" in render("server_stop.html", "en", **PAGES["server_stop.html"]).one("main").text


class TestSpawnPage:
    def test_sends_its_token_with_the_form_and_not_in_the_address(self) -> None:
        context = {**PAGES["spawn.html"], "for_user": None, "url": "/hub/spawn?queue=x&_xsrf=secret"}
        page = render("spawn.html", "en", uri="/hub/spawn?queue=x&_xsrf=secret", **context)
        assert page.one("form", id="spawn_form").get("action") == "/hub/spawn?queue=x"
        assert page.all("input", name="_xsrf")


class TestNewServer:
    @pytest.mark.parametrize(
        "name", ["a", "a1", "lab-2", "n" * 30, "1st", "2026-data", "a--b", "a-", "A", "n" * 31]
    )
    def test_the_field_takes_the_names_that_the_hub_takes(self, name: str) -> None:
        field = render("home.html", "en", **PAGES["home.html"]).one("input", id="new-server")
        fits = re.fullmatch(field.get("pattern") or "", name) and len(name) <= int(
            field.get("maxlength") or 0
        )
        assert bool(fits) == is_valid_safe_slug(name)


class TestExpiredForm:
    WORDS = ("XSRF cookie does not match POST argument", "'_xsrf' argument missing from POST")

    @pytest.mark.parametrize("words", WORDS)
    @EVERY_LANGUAGE
    def test_is_told_without_cookies_and_leads_to_the_login(self, words: str, lang: str) -> None:
        page = render("error.html", lang, user=None, status_code=403, message=words, login_url="/hub/login")
        assert "xsrf" not in page.one("main").text.lower()
        assert page.all("a", href="/hub/login")[-1].inside("main")

    def test_is_no_lack_of_rights(self) -> None:
        for message, heading in [(self.WORDS[0], "That did not work"), ("No", "You may not see this")]:
            page = render("error.html", "en", user=user(), status_code=403, message=message)
            assert page.one("h1").text == heading
            assert not [link for link in page.all("a", href="/hub/login") if link.inside("main")]


class TestAddressWithoutAnAnswer:
    """The proxy asks the hub what to show."""

    def page(self, asked: str) -> Page:
        uri = f"/hub/error/503?url={quote(asked, safe='')}"
        return render("error.html", "en", uri=uri, user=user(), status_code=503, message_html="appears down")

    def test_of_a_service_looks_again_by_itself_until_it_is_there(self) -> None:
        page = self.page("/services/environments/?lang=ko")
        assert page.one("h1").text == "This part of the site is about to start"
        assert [one for one in page.all("script") if "again.js" in (one.get("src") or "")]
        assert "tell the administrators" in page.one("main").text

    @pytest.mark.parametrize("asked", ["/user/a1113a01/lab", "/user/x/?url=/services/"])
    def test_of_a_server_leads_to_the_home_page(self, asked: str) -> None:
        page = self.page(asked)
        assert "Your server does not answer" in page.one("main").text
        assert "appears down" not in page.one("main").text
        assert not [one for one in page.all("script") if "again.js" in (one.get("src") or "")]

    def test_what_the_hub_itself_cannot_do_now_is_told_as_before(self) -> None:
        page = render("error.html", "en", **PAGES["error.html"])
        assert "Later" in page.one("main").text


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

    def test_of_slurm_and_of_a_queue_on_a_card(self) -> None:
        evil = with_card(EVIL, ready=True, minutes=10, again=None)
        evil.card = replace(
            evil.card,
            facts=replace(evil.card.facts, node=EVIL, job_id=EVIL, state="running"),
            queue=evil.card.queue.model_copy(update={"title": {"en": EVIL}}),
            room=replace(evil.card.room, why_not=Sentence("%(why)s", {"why": EVIL})),
        )
        for name in ("home.html", "server_extend.html"):
            names = {"default_server": evil, "spawner": evil, "path": f"a1113a01/{EVIL}"}
            page = render(name, "en", **{**PAGES[name], **names})
            assert not page.all("img", src="x")
            assert "<b>" not in page.html
            assert [one.text for one in page.all("dd")].count(EVIL) == 2  # queue and node

    def test_of_what_was_asked_for_last(self) -> None:
        wanted = again()
        queue = wanted.request.queue.model_copy(update={"title": {"en": EVIL}})
        fields = {EVIL: EVIL}
        request = replace(wanted.request, queue=queue)
        server = with_card(again=replace(wanted, fields=fields, request=request, gpu_type=EVIL))
        page = render("home.html", "en", **{**PAGES["home.html"], "default_server": server})
        assert not page.all("img", src="x")
        assert page.one("input", name=EVIL).get("value") == EVIL

    def test_of_choices_kept_as_a_preset(self) -> None:
        more = {
            "choices": {"queue": EVIL, "hours": EVIL},
            "typed": EVIL,
            "longest": 40,
            "back": f"/hub/spawn/{EVIL}",
        }
        page = render("presets.html", "en", **{**PAGES["presets.html"], "kept": [], **more})
        assert not page.all("img", src="x")
        assert page.one("input", id="preset-name").get("value") == EVIL
        assert page.one("input", name="hours").get("value") == EVIL
        assert EVIL in page.one(role="alert").text

    def test_of_jobs_without_a_server(self) -> None:
        page = render("jobs.html", "en", **PAGES["jobs.html"])
        assert not page.all("img", src="x")
        assert [one.text for one in page.all("td")][:2] == [EVIL, EVIL]

    def test_of_choices_in_the_form(self) -> None:
        names = ("account", "gpu_type", "gpus", "feature", "qos", "reservation")
        page = form(
            titles={name: {EVIL: EVIL} for name in names},
            offers={name: replace(one, qos=(EVIL,)) for name, one in OFFERS.items()},
            limits=[{"text": EVIL, "whose": EVIL, "full": True}],
            by_preset=EVIL,
            errors={"preset": Sentence("%(name)s", {"name": EVIL}), "hours": EVIL},
            last_end={"msgid": "%(why)s", "params": {"why": EVIL}, "at": EVIL},
            account_note=Sentence("%(why)s", {"why": EVIL}),
            refresh_url=f"/hub/spawn/{EVIL}",
        )
        assert not page.all("img", src="x")
        assert "<b>" not in page.html
        offered = page.one("input", id="queue-jupyter").get("data-offers")
        assert json.loads(offered or "")["qos"] == [EVIL]
        assert [one.get("value") for one in page.all("option")].count(EVIL) == len(names)

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
