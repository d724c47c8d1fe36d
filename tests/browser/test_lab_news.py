"""JupyterLab asks nobody whether he wants news from the internet, whatever the server was started from."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.window import Windows
from tests.centre import RunningCentre
from tests.person import Person
from tests.servers import started

pytestmark = [pytest.mark.centre, pytest.mark.browser]


def test_nobody_is_asked_for_news(empty: RunningCentre, anna: Person, windows: Windows) -> None:
    # What Lab itself complains about is not looked at here.
    windows.expect_complaints(".*")
    started(empty, anna, environment="shared:teaching", interface="lab")
    page = windows.open(anna)
    page.goto(f"user/{anna.name}/lab")
    expect(page.locator(".jp-Launcher-body")).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-toast-message, .Toastify__toast")).to_have_count(0)
    page.wait_for_timeout(1500)  # it would come once the rest is there
    assert "news" not in page.locator("body").inner_text().lower()
