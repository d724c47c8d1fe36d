"""The hub goes away and comes back before somebody's eyes: the page says so, and does what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.proxy import Centre, run_proxy

pytestmark = pytest.mark.browser


@pytest.fixture
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with run_proxy(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a window whose clock the test moves on."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    page = context.new_page()
    page.clock.install()
    yield page
    context.close()


def look(page: Page, name: str) -> list[str]:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        found += violations(page, f"{name}, {scheme}")
    return found


def test_page_waits_for_the_hub_and_what_was_sent_is_not_sent_again(away: Centre, page: Page) -> None:
    page.goto(f"{away.url}/hub/home")
    expect(page.get_by_role("heading", level=1)).to_have_text("JupyterHub does not answer at the moment")
    expect(page.get_by_role("status")).to_contain_text("스스로 다시 확인하며")
    wrong = look(page, "hub away")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Look now")).to_be_focused()
    away.hub_comes()
    page.clock.run_for(10_000)
    expect(page).to_have_title("The hub")
    away.hub_goes()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("main")).to_contain_text("What you sent may not have arrived.")
    expect(page.get_by_role("status")).to_contain_text("This page tells you when JupyterHub answers again.")
    wrong += look(page, "hub away, form")
    away.hub_comes()
    page.clock.run_for(10_000)
    expect(page.get_by_role("status")).to_contain_text("JupyterHub answers again.")
    assert page.url == f"{away.url}/hub/form"
    assert not wrong, "\n".join(wrong)
