"""Chromium, people who are logged in, and a cluster that every test finds empty."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.window import PATIENCE_MS, Windows
from tests.centre import RunningCentre

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# A module long and not a session: while it lives its event loop counts as the running one, and the
# asynchronous tests of other folders could not run theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "no chromium: demo/install.sh test installs it"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def windows(browser: Browser, centre: RunningCentre, request: pytest.FixtureRequest) -> Iterator[Windows]:
    """Give windows, and complain about what their consoles complained about."""
    windows = Windows(browser, centre, re.sub(r"^test_", "", request.node.name))
    yield windows
    windows.close()
    assert not windows.complaints, "\n".join(windows.complaints)
