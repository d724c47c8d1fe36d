"""A browser as tests use one: windows for people, pictures of what they saw, and an ear for the console."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, expect

from tests.centre import RunningCentre
from tests.person import Person

__all__ = ["Windows", "refresh_until", "start_form", "table_of", "wait_for_tree"]

ARTEFACTS = Path(__file__).resolve().parents[2] / "test-artefacts"
PATIENCE_MS = 45_000
START_MS = 120_000
REFRESH_SECONDS = 90.0
PRESS_MS = 250

# What Jupyter's own pages say in the console although all is well.
HARMLESS = (
    # Notebook 7.6: the plug-in of the keyboard shortcuts hears of a settings plug-in that it does not have.
    r"^Cannot read properties of undefined \(reading 'schema'\) \[\S+/user/\w+/(tree|notebooks/\S+)\]$",
    # Notebook 7.6: a window that is closed while it still draws.
    r"^Cannot read properties of null \(reading 'updateRenderOption'\) \[\S+/user/\w+/static/notebook/",
)


class Windows:
    """The windows of one test. Whatever their consoles complain about, and the test did not expect, fails it.

    Parameters
    ----------
    name : str
        What the pictures' names begin with.
    """

    def __init__(self, browser: Browser, centre: RunningCentre, name: str) -> None:
        self._browser = browser
        self._centre = centre
        self._name = re.sub(r"[^\w-]+", "-", name).strip("-")
        self._contexts: list[BrowserContext] = []
        self._pictures = 0
        self._heard: list[str] = []
        self._expected: list[str] = list(HARMLESS)
        for old in ARTEFACTS.glob(f"{self._name}-*.png"):
            old.unlink()

    def open(self, person: Person | None = None, lang: str = "en", **options: Any) -> Page:
        """Open a window with a profile of its own, where `person`, if any, is logged in already."""
        settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = self._browser.new_context(base_url=self._centre.url, **{**settings, **options})
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._hear_console)
        context.on("weberror", self._hear_error)
        self._contexts.append(context)
        self.speak(context, lang)
        if person is not None:
            context.add_cookies(
                [
                    {
                        "name": cookie.name,
                        "value": cookie.value or "",
                        "domain": "localhost",
                        "path": cookie.path,
                    }
                    for cookie in person.http.cookies.jar
                    if cookie.name != "hpchub-lang"
                ]
            )
        return context.new_page()

    def speak(self, context: BrowserContext, lang: str) -> None:
        """Set the language as its switch does, without pressing it."""
        context.add_cookies([{"name": "hpchub-lang", "value": lang, "url": self._centre.url}])

    def picture(self, page: Page, what: str) -> None:
        """Keep what the page looks like now."""
        ARTEFACTS.mkdir(exist_ok=True)
        self._pictures += 1
        what = re.sub(r"[^\w-]+", "-", what).strip("-")
        page.screenshot(path=ARTEFACTS / f"{self._name}-{self._pictures:02d}-{what}.png", full_page=True)

    def expect_complaints(self, *patterns: str) -> None:
        """Name what consoles will complain about because the test makes it happen."""
        self._expected.extend(patterns)

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    @property
    def complaints(self) -> Sequence[str]:
        return [
            text for text in self._heard if not any(re.search(pattern, text) for pattern in self._expected)
        ]

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._heard.append(f"{message.text} [{message.location.get('url', '')}]")

    def _hear_error(self, error: WebError) -> None:
        self._heard.append(f"{error.error} [{error.page.url if error.page else ''}]")


def start_form(page: Page, queue: str) -> None:
    """Open the spawn form and choose a queue for an hour."""
    page.goto("hub/spawn")
    page.locator(f"#queue-{queue}").check()
    page.locator("#hours").fill("1")


def table_of(page: Page) -> dict[str, list[str]]:
    """Read Alloc, Idle, Down and Total of each queue, as they stand in the page."""
    rows = page.locator("#queue-table tbody tr")
    rows.first.wait_for()
    return {
        str(row.get_attribute("data-queue")): [
            row.locator(f'[data-cell="{cell}"]').inner_text() for cell in ("alloc", "idle", "down", "total")
        ]
        for row in rows.all()
    }


def refresh_until(page: Page, holds: Callable[[], bool], *, press: Callable[[], None] | None = None) -> None:
    """Press Refresh like an impatient person: the hub does not ask Slurm again at each press."""
    press = press or page.get_by_role("button", name="Refresh").click
    deadline = time.monotonic() + REFRESH_SECONDS
    while True:
        press()
        expect(page.locator("#queue-table")).not_to_have_attribute("aria-busy", "true")
        if holds():
            return
        assert time.monotonic() < deadline, f"not after {REFRESH_SECONDS} s: {table_of(page)}"
        page.wait_for_timeout(PRESS_MS)


def wait_for_tree(page: Page, name: str) -> None:
    """Wait until the hub has led the page to the notebook server's list of files."""
    page.wait_for_url(f"**/user/{name}/tree*", timeout=START_MS, wait_until="commit")
