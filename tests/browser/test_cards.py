"""The card of a server that runs: its figures, more time, its log, and a start as the last time."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.window import Windows
from tests.centre import RunningCentre
from tests.person import Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]


def test_card_of_a_running_server_from_more_time_to_the_next_start(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    anna.start(queue="jupyter", hours=1)
    anna.until("ready")
    job = anna.api("GET", "hpchub/server").json()["job_id"]
    page = windows.open(anna)
    page.goto("hub/home")
    left = page.locator("[data-left]")
    expect(left).to_have_text(re.compile(r"^5\d min$"))
    expect(page.get_by_text("shared with others")).to_be_visible()
    windows.picture(page, "running")
    wrong = violations(page, "home")

    page.get_by_label("More time").select_option("2")
    page.get_by_role("button", name="Extend").click()
    expect(page.get_by_role("alert")).to_contain_text("The server now ends at:")
    windows.picture(page, "extended")
    assert "TimeLimit=03:00:00" in empty.run(["scontrol", "-o", "show", "job", job]).stdout
    page.get_by_role("link", name="Home").last.click()
    expect(left).to_have_text(re.compile(r"^2 h 5\d min$"))

    page.get_by_role("link", name=f"Log of job {job}").click()
    lines = page.locator("#log-lines")
    expect(lines).to_contain_text("ServerApp")
    windows.picture(page, "log")
    wrong += violations(page, "log")
    more = f"echo '<b>a line of the user</b>' >> /scratch/a1113a01/log/{job}.log"
    empty.run(["sh", "-c", more], "a1113a01")
    expect(lines).to_contain_text("<b>a line of the user</b>", timeout=30_000)

    page.goto("hub/home")
    page.get_by_role("button", name="Stop My Server").click()
    own = page.get_by_role("region", name="My server")
    again = own.get_by_role("button", name="Start again: Jupyter (free), 1 hour, free of charge")
    expect(again).to_be_visible(timeout=60_000)
    windows.picture(page, "stopped")
    wrong += violations(page, "stopped")
    again.click()
    page.wait_for_url(re.compile("spawn-pending|/tree"))
    anna.until("ready")
    assert not wrong, "\n".join(wrong)


def test_stop_and_more_time_without_scripts(empty: RunningCentre, anna: Person, windows: Windows) -> None:
    anna.start(queue="jupyter", hours=1)
    anna.until("ready")
    page = windows.open(anna, java_script_enabled=False)
    page.goto("hub/home")
    expect(page.locator("[data-left]")).to_have_text(re.compile(r"^5\d min$"))
    page.get_by_label("More time").select_option("1")
    page.get_by_role("button", name="Extend").click()
    expect(page.get_by_role("alert")).to_contain_text("The server now ends at:")
    windows.picture(page, "extended")
    page.goto("hub/home")
    page.get_by_role("link", name="Log of job").click()
    expect(page.locator("#log-lines")).to_contain_text("ServerApp")
    page.get_by_role("link", name="Home").last.click()
    page.get_by_role("link", name="Stop My Server").click()
    windows.picture(page, "question")
    page.get_by_role("button", name="Stop").click()
    anna.until("stopped")
