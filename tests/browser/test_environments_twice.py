"""My environments when a button is pressed twice, in two tabs, and while the service is not there yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.test_environments import REFUSED, SERVICE, come, forget
from tests.browser.window import Windows
from tests.centre import RunningCentre
from tests.integration.test_environments import hide
from tests.person import Login, Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]

BEN = "a1113a02"
MAKING_MS = 180_000


@pytest.fixture(scope="module")
def ben(centre: RunningCentre, login: Login) -> Iterator[Person]:
    centre.up()
    centre.cancel_all_jobs()
    forget(centre)
    yield login(BEN)
    centre.cancel_all_jobs()
    hide(centre, BEN)


def jobs(centre: RunningCentre) -> int:
    return len(centre.run(["squeue", "-h", "-u", BEN]).stdout.splitlines())


def second_tab(page: Page) -> Page:
    tab = page.context.new_page()
    come(tab)
    return tab


def test_a_button_that_is_pressed_twice_and_in_two_tabs_begins_one_thing(
    ben: Person, windows: Windows, centre: RunningCentre
) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben)
    come(page)
    other = second_tab(page)
    with centre.hanging("channel"):
        page.get_by_role("button", name="Make my environment").dblclick()
        page.wait_for_url("**/actions/*")
        expect(page.get_by_role("heading", name="Bootstrap · notebook")).to_be_visible()
        assert jobs(centre) == 1
        # The other tab still has the button, and says what is going on.
        other.get_by_role("button", name="Make my environment").click()
        expect(other.get_by_role("alert")).to_contain_text("“Bootstrap” is not done with “notebook” yet")
        assert jobs(centre) == 1
        come(other)
        expect(other.get_by_role("progressbar", name="Progress of Bootstrap")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
    for tab, badge in (
        (page, "#action [data-part=badge]"),
        (other, "#environment-notebook [data-part=badge]"),
    ):
        expect(tab.locator(badge)).to_have_text(re.compile("done|ready"), timeout=MAKING_MS)


def test_what_is_begun_in_one_tab_shows_in_the_other_when_somebody_looks_there(
    ben: Person, windows: Windows, centre: RunningCentre
) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben)
    come(page)
    other = second_tab(page)
    with centre.hanging("channel"):
        page.get_by_role("link", name="Install packages – notebook").click()
        page.get_by_role("dialog").get_by_label("Packages").fill("tabulate")
        page.get_by_role("dialog").get_by_role("button", name="Install").dblclick()
        page.wait_for_url("**/actions/*")
        assert jobs(centre) == 1
        # A browser says so of a tab that comes to the front.
        other.evaluate('document.dispatchEvent(new Event("visibilitychange"))')
        expect(other.get_by_role("progressbar", name="Progress of Install")).to_be_visible()
        other.get_by_role("link", name="Reset – notebook").click()
        other.get_by_role("dialog").get_by_role("button", name="Reset").dblclick()
        expect(other.get_by_role("alert")).to_contain_text("“Install” is not done with “notebook” yet")
        assert jobs(centre) == 1
    expect(page.locator("#action [data-part=badge]")).to_have_text("done", timeout=MAKING_MS)


def test_while_the_service_is_not_there_yet_a_page_says_so_and_comes_by_itself(
    ben: Person, windows: Windows, centre: RunningCentre
) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben)
    come(page)
    service = next(pid for pid, words in services(centre).items() if "services.environments" in words)
    centre.run(["kill", "-KILL", str(service)])
    page.goto(SERVICE)
    expect(page.get_by_role("heading", name="This part of the site is about to start")).to_be_visible()
    wrong = violations(page, "not there yet")
    windows.picture(page, "not-there-yet")
    expect(page.get_by_role("heading", name="My environments", exact=True)).to_be_visible(timeout=60_000)
    assert not wrong, "\n".join(wrong)


def services(centre: RunningCentre) -> dict[int, str]:
    listed = centre.run(["ps", "-eo", "pid=,args="]).stdout.splitlines()
    return {int(pid): words for pid, _space, words in (line.strip().partition(" ") for line in listed)}
