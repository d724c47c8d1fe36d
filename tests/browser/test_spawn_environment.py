"""What a server starts from, on the spawn page: the first time, by a link, and when the queue changes."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.window import Windows, start_form
from tests.centre import RunningCentre
from tests.person import Login

pytestmark = [pytest.mark.centre, pytest.mark.browser]

NEW = "a1113a02"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_first_visit_says_what_is_missing_and_leads_to_bootstrap(
    empty: RunningCentre, login: Login, windows: Windows, lang: str
) -> None:
    empty.run(["rm", "-rf", f"/scratch/{NEW}/.conda"], NEW)
    page = windows.open(login(NEW), lang=lang)
    start_form(page, "jupyter")
    expect(page.locator("#environment-notice-1")).to_be_visible()
    expect(page.locator("#bootstrap")).to_have_attribute("href", "/services/environments/")
    expect(page.locator("#environment")).to_have_value("site")
    assert violations(page, f"first-time-{lang}") == []
    windows.picture(page, "first-time")


def test_choice_goes_into_the_link_and_comes_back_from_it(
    empty: RunningCentre, login: Login, windows: Windows
) -> None:
    page = windows.open(login(NEW))
    start_form(page, "jupyter")
    values = page.locator("#environment option").evaluate_all("all => all.map(one => one.value)")
    page.select_option("#environment", values[-1])
    page.get_by_role("button", name="Copy a link").click()
    expect(page.locator("#copied-link")).to_be_visible()
    page.goto(f"hub/spawn?queue=jupyter&environment={values[-1]}")
    expect(page.locator("#environment")).to_have_value(re.compile(re.escape(values[-1])))


def test_image_of_other_queues_is_left_when_the_queue_changes(
    empty: RunningCentre, login: Login, windows: Windows
) -> None:
    page = windows.open(login(NEW))
    start_form(page, "jupyter")
    # The demo's image is for all queues; a site's may be for one.
    page.evaluate(
        "document.getElementById('environment')"
        ".add(Object.assign(new Option('Class', 'image:class'), {id: 'class'}));"
        "document.getElementById('class').dataset.queues = 'jupyter'"
    )
    page.select_option("#environment", "image:class")
    page.locator("#queue-amd_a100_4").check()
    expect(page.locator("#class")).to_be_disabled()
    expect(page.locator("#environment")).to_have_value("site")
