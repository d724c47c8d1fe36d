"""What scripts add to the card of a server, to its log, and to waiting, in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from slurm.records import Sentence
from tests.browser.axe import violations
from tests.templates.contexts import EVIL, PAGES, again, form, spawner, user, with_card
from tests.templates.pagehub import PageHub
from tests.templates.pages import render
from tests.templates.test_in_a_browser import OPTIONS, QUIET

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).resolve().parents[2] / "test-artefacts"
WITH_LOG = {**PAGES["server_log.html"], "problem": None, "job_id": "4711", "lines": ("one", "two")}

# The browser's own notifications can be shown, but not read: what is shown is kept here besides.
KEEP_MESSAGES = """
window.shown = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.shown.push([title, options.body]); }
};
"""
HIDDEN = "Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS + QUIET)
        yield browser
        browser.close()


class Window:
    """A browser's window in which the hub shows what a test has rendered."""

    def __init__(self, context: BrowserContext, hub: str) -> None:
        self.context, self.hub = context, hub
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def show(self, template: str, lang: str = "en", **names: Any) -> Page:
        """Show a page as if the hub had; showing another one changes what the next request brings."""
        html = render(template, lang, **names).html
        self.page.unroute_all()
        self.page.route("**/hub/shown**", lambda route: route.fulfill(content_type="text/html", body=html))
        return self.page

    def open(self, template: str, lang: str = "en", **names: Any) -> Page:
        self.show(template, lang, **names).goto(f"{self.hub}shown")
        return self.page


@pytest.fixture
def window(chromium: Browser, page_hub: PageHub) -> Iterator[Window]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    window = Window(context, page_hub.url)
    yield window
    context.close()
    assert window.errors == []


def home(default: SimpleNamespace, *named: SimpleNamespace) -> dict[str, Any]:
    return {**PAGES["home.html"], "user": user("a1113a01", *named), "default_server": default}


class TestCountdown:
    def test_time_left_counts_down_and_the_warning_is_said_once(self, window: Window) -> None:
        window.page.clock.install()
        page = window.open("home.html", **home(with_card(ready=True, minutes=16)))
        page.wait_for_function("window._jupyterhub_page_loaded")
        left, warning = page.locator("[data-left]"), page.locator("[data-warn]")
        expect(left).to_have_text("16 min")
        expect(warning).to_be_hidden()
        page.clock.run_for(90_000)
        expect(left).to_have_text("14 min")
        expect(warning).to_be_visible()
        status = page.get_by_role("status")
        expect(status).to_contain_text("My server: Less than 15 minutes are left. Save your work")
        page.evaluate("document.getElementById('hp-status').textContent = ''")
        page.clock.run_for(30_000)
        expect(status).to_have_text("")
        page.reload()
        page.wait_for_function("window._jupyterhub_page_loaded")
        page.clock.run_for(120_000)
        expect(warning).to_be_visible()
        expect(status).to_have_text("")

    def test_at_the_end_it_stands_at_nothing(self, window: Window) -> None:
        window.page.clock.install()
        page = window.open("home.html", **home(with_card(ready=True, minutes=0)))
        page.wait_for_function("window._jupyterhub_page_loaded")
        page.clock.run_for(5_000)
        expect(page.locator("[data-left]")).to_have_text("0 s")

    def test_a_server_that_has_ended_meanwhile_is_shown_as_such(self, window: Window) -> None:
        window.page.clock.install()
        page = window.open("home.html", **home(with_card(ready=True)))
        page.wait_for_function("window._jupyterhub_page_loaded")
        window.show("home.html", **home(with_card()))
        page.route("**/api/hpchub/server**", lambda route: route.fulfill(status=404, body="{}"))
        page.clock.run_for(61_000)
        expect(page.get_by_text("not running").first).to_be_visible()


class TestLog:
    def follow(self, window: Window, **names: Any) -> Page:
        window.page.clock.install()
        page = window.open("server_log.html", **{**WITH_LOG, **names})
        page.wait_for_function("window._jupyterhub_page_loaded")
        return page

    def test_new_lines_come_by_themselves(self, window: Window) -> None:
        page = self.follow(window)
        window.show("server_log.html", **{**WITH_LOG, "lines": ("two", EVIL)})
        page.clock.run_for(5_100)
        expect(page.locator("#log-lines")).to_have_text(f"two\n{EVIL}")
        assert page.locator("img[src=x]").count() == 0

    def test_who_does_not_want_to_follow_is_left_in_peace(self, window: Window) -> None:
        page = self.follow(window)
        page.get_by_label("Follow").uncheck()
        window.show("server_log.html", **{**WITH_LOG, "lines": ("three",)})
        page.clock.run_for(20_000)
        expect(page.locator("#log-lines")).to_have_text("one\ntwo")
        page.get_by_role("link", name="Refresh").click()
        expect(page.locator("#log-lines")).to_have_text("three")
        expect(page.get_by_role("status")).to_have_text("The log is up to date.")

    def test_the_first_lines_take_the_place_of_the_word_that_there_are_none(self, window: Window) -> None:
        page = self.follow(window, lines=())
        expect(page.locator("#log-empty")).to_be_visible()
        window.show("server_log.html", **WITH_LOG)
        page.clock.run_for(5_100)
        expect(page.locator("#log-lines")).to_be_visible()
        expect(page.locator("#log-empty")).to_be_hidden()

    def test_what_cannot_be_read_leaves_what_was_read(self, window: Window) -> None:
        page = self.follow(window)
        window.show("server_log.html", **{**WITH_LOG, "problem": "It cannot be read.", "lines": ()})
        page.clock.run_for(5_100)
        expect(page.locator("#log-problem")).to_have_text("It cannot be read.")
        expect(page.locator("#log-lines")).to_have_text("one\ntwo")

    def test_a_lost_connection_is_said_and_mended(self, window: Window) -> None:
        page = self.follow(window)
        page.unroute_all()
        page.route("**/hub/shown**", lambda route: route.abort())
        page.clock.run_for(5_100)
        expect(page.locator("#log-problem")).to_contain_text("could not be refreshed")
        expect(page.locator("#log-lines")).to_have_text("one\ntwo")
        window.show("server_log.html", **{**WITH_LOG, "lines": ("three",)})
        page.clock.run_for(15_000)
        expect(page.locator("#log-lines")).to_have_text("three")
        expect(page.locator("#log-problem")).to_be_empty()


class TestNotification:
    def wait(self, window: Window, *events: dict[str, Any]) -> Page:
        """Open the waiting page, whose stream says these events."""
        window.page.add_init_script(KEEP_MESSAGES + HIDDEN)
        waiting = {"user": user(), "spawner": spawner(pending="spawn"), "progress_url": "/hub/stream"}
        window.show("spawn_pending.html", **waiting)
        window.page.route("**/hub/stream**", lambda route: stream(route, *events))
        window.page.goto(f"{window.hub}shown")
        return window.page

    def test_who_asked_for_it_is_told_and_the_server_opens_when_they_look(self, window: Window) -> None:
        window.context.grant_permissions(["notifications"], origin=window.hub)
        window.page.add_init_script(
            "localStorage.setItem('hpchub-notify', 'on');"
            "window.away = !sessionStorage.seen; sessionStorage.seen = 1;"
        )
        page = self.wait(window, {"message": "Server ready", "ready": True, "progress": 100})
        page.wait_for_function("window.shown.length === 1")
        assert page.evaluate("window.shown[0][0]") == "Your server is ready and opens now."
        assert page.title().startswith("Your server is ready")
        expect(page.get_by_label("Tell me when it starts")).to_be_checked()
        page.evaluate("window.stayed = true")
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_function("!window.stayed")

    def test_a_failure_is_told_with_its_reason(self, window: Window) -> None:
        window.context.grant_permissions(["notifications"], origin=window.hub)
        window.page.add_init_script("localStorage.setItem('hpchub-notify', 'on')")
        page = self.wait(
            window, {"message": "Job 7 failed.", "phase": "ended"}, {"failed": True, "message": ""}
        )
        page.wait_for_function("window.shown.length === 1")
        assert page.evaluate("window.shown[0]") == ["The server did not start.", "Job 7 failed."]
        assert page.title().startswith("The server did not start.")

    def test_nobody_is_told_who_did_not_ask(self, window: Window) -> None:
        window.context.grant_permissions(["notifications"], origin=window.hub)
        page = self.wait(window, {"failed": True, "message": "Spawn failed: no"})
        expect(page.locator("#failed")).to_be_visible()
        assert page.evaluate("window.shown") == []

    def test_the_wish_is_remembered(self, window: Window) -> None:
        window.context.grant_permissions(["notifications"], origin=window.hub)
        page = self.wait(window, {"message": "waits", "phase": "waiting"})
        page.get_by_label("Tell me when it starts").check()
        expect(page.locator("#notify-note")).to_contain_text("Your browser will show a message")
        page.reload()
        expect(page.get_by_label("Tell me when it starts")).to_be_checked()
        page.get_by_label("Tell me when it starts").uncheck()
        page.reload()
        expect(page.get_by_label("Tell me when it starts")).not_to_be_checked()

    def test_a_browser_that_refuses_is_said_to_refuse(self, window: Window) -> None:
        window.page.add_init_script(
            "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"
        )
        page = self.wait(window, {"message": "waits", "phase": "waiting"})
        expect(page.locator("#notify-note")).to_contain_text("does not let this site show messages")
        expect(page.get_by_label("Tell me when it starts")).to_be_disabled()

    def test_a_browser_without_them_is_said_to_have_none(self, window: Window) -> None:
        window.page.add_init_script(
            "delete window.Notification; window.Notification = class {}; delete window.Notification"
        )
        window.show(
            "spawn_pending.html", user=user(), spawner=spawner(pending="spawn"), progress_url="/hub/stream"
        )
        window.page.route("**/hub/stream**", lambda route: stream(route, {"message": "waits"}))
        window.page.goto(f"{window.hub}shown")
        expect(window.page.locator("#notify-note")).to_contain_text("cannot show messages here")

    def test_the_title_tells_the_place_in_the_queue(self, window: Window) -> None:
        page = self.wait(window, {"message": "waits", "phase": "waiting", "ahead": 3})
        page.wait_for_function("document.title.startsWith('3 ahead · ')")


def stream(route: Route, *events: dict[str, Any]) -> None:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    route.fulfill(content_type="text/event-stream", body=f"retry: 3600000\n\n{body}")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_withhold_nothing_from_anybody(window: Window, lang: str, scheme: Any, width: int) -> None:
    """Judged by axe-core, and as narrow as a telephone."""
    page = window.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    cards = home(
        with_card(ready=True, minutes=9, silent=True),
        with_card("second", ready=True),
        with_card("third", "requeued", pending="spawn"),
        with_card("fourth", again=again()),
    )
    paused = home(with_card("", "paused", ready=True))
    over = home(with_card(again=again()))
    waiting = {**PAGES["spawn_pending.html"], "spawner": with_card("", "held", pending="spawn")}
    pages = {"cards": ("home.html", cards), "paused": ("home.html", paused), "over": ("home.html", over)}
    pages |= {"log": ("server_log.html", WITH_LOG), "waiting": ("spawn_pending.html", waiting)}
    pages |= {name: (f"server_{name}.html", PAGES[f"server_{name}.html"]) for name in ("stop", "extend")}
    wrong = []
    for name, (template, names) in pages.items():
        window.open(template, lang, **names)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"server-{name}-{lang}-{scheme}-{width}.png", full_page=True)
        wrong += violations(page, f"{name}, {lang}, {scheme}, {width}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{name} is wider than {width}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_names_without_a_blank_make_no_page_wider_than_the_smallest_telephone(
    window: Window, lang: str
) -> None:
    long = "W" * 40
    window.page.set_viewport_size({"width": 320, "height": 640})
    presets = {**PAGES["presets.html"], "kept": [(long, "/hub/spawn", {"queue": long, "hours": 4})]}
    lost = Sentence("There is no preset “%(name)s”.", {"name": long})
    by_preset = form(lang, by_preset=long, presets=[long], errors={"preset": lost})
    pages = {
        "presets.html": {**presets, "problem": lost},
        "spawn.html": {**PAGES["spawn.html"], "spawner_options_form": by_preset.html},
        "home.html": home(with_card(ready=True), with_card(long, ready=True), with_card(long)),
        "server_stop.html": {**PAGES["server_stop.html"], "spawner": with_card(long, ready=True)},
    }
    for template, names in pages.items():
        page = window.open(template, lang, **names)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, template
