"""What a shared computer still shows after a log-out: nothing that was somebody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.window import Windows
from tests.centre import RunningCentre
from tests.person import Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]

NAME = "a1113a03"


@pytest.fixture
def guest(centre: RunningCentre) -> Iterator[Person]:
    """Somebody with a login that no other test needs afterwards."""
    person = Person(centre.url, NAME)
    answer = person.try_login(centre.otp(NAME), centre.password(NAME))
    assert answer.url.path == "/hub/home", person.alert(answer)
    yield person
    person.close()


def test_back_after_a_logout_shows_the_login_and_no_page_of_before(guest: Person, windows: Windows) -> None:
    page = windows.open(guest)
    visited = ("hub/home", "hub/spawn", "hub/hpchub/presets", "hub/token")
    for path in visited:
        page.goto(path)
        expect(page.locator(".hp-who")).to_have_text(NAME)
    page.locator("#logout").click()
    expect(page.locator(".hp-who")).to_have_count(0)
    for _page in visited:
        page.go_back()
        expect(page.locator("#hp-login")).to_be_visible()
        assert NAME not in page.content()
