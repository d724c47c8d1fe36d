"""Waiting for a place: what the page says meanwhile, and the way out of it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.window import Windows, refresh_until, start_form, table_of, wait_for_tree
from tests.centre import RunningCentre
from tests.person import Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]


def test_waiting_page_shows_reason_and_cancel_works(
    empty: RunningCentre, anna: Person, busy: str, windows: Windows
) -> None:
    options = ("--partition=jupyter", "--gres=shard:1", "--cpus-per-task=2", "--account=proj01", "--time=10")
    other = empty.submit("a1113a02", *options)
    page = windows.open(anna)
    start_form(page, "jupyter")
    page.get_by_role("button", name="Submit").click()
    facts = {name: page.locator(f'[data-fact="{name}"]') for name in ("job_id", "state", "reason", "ahead")}
    expect(facts["state"]).to_have_text("PENDING")
    expect(facts["reason"]).to_have_text("others are before it in the queue")
    expect(facts["ahead"]).to_have_text("1")
    expect(page.locator("#steps [aria-current=step]")).to_have_text("Wait for a place")
    job = facts["job_id"].inner_text()
    assert empty.job_state(job) == "PENDING"
    windows.picture(page, "behind-another")

    empty.run(["scancel", other])
    expect(facts["ahead"]).to_have_text("none, you are next")
    expect(facts["reason"]).to_have_text("waiting for nodes: all 5 are busy", timeout=60_000)
    expect(page.locator("#hp-status")).to_contain_text("waiting for nodes: all 5 are busy")
    windows.picture(page, "next")

    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url("**/hub/home")
    expect(page.get_by_role("link", name="Start My Server")).to_be_visible()
    empty.wait_for_job(job, "CANCELLED", "")
    windows.picture(page, "cancelled")


def test_page_says_why_when_an_administrator_cancels_the_waiting_job(
    empty: RunningCentre, anna: Person, busy: str, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "jupyter")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-fact="job_id"]')).to_have_text(re.compile(r"^\d+$"))
    job = page.locator('[data-fact="job_id"]').inner_text()
    empty.run(["scancel", job])
    expect(page.get_by_role("heading", name="Your server did not start")).to_be_focused()
    expect(page.locator("#failed-message")).to_contain_text(f"Job {job}")
    windows.picture(page, "cancelled-by-administrator")
    page.get_by_role("link", name="Choose again").click()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()


def test_old_figures_stay_and_say_so_while_slurm_is_down(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "amd_a100_4")
    # The job of the test before may still be in the figures.
    refresh_until(page, lambda: table_of(page)["jupyter"] == ["0", "5", "0", "5"])
    before = table_of(page)
    notice = page.locator("#queues-problem")
    with empty.without("slurmctld"):
        refresh_until(page, lambda: notice.inner_text().strip() != "")
        expect(notice).to_contain_text("Slurm does not answer at the moment. These are the last figures")
        expect(page.locator("#hp-status")).to_contain_text("Slurm does not answer at the moment.")
        assert table_of(page) == before
        expect(page.locator("#queue-amd_a100_4")).to_be_checked()
        windows.picture(page, "slurm-down")
    refresh_until(page, lambda: notice.inner_text().strip() == "")
    assert table_of(page) == before
    windows.picture(page, "slurm-back")


# The browser's own messages can be shown, but not read: what is shown is kept here besides.
KEEP_MESSAGES = """
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); localStorage.setItem("shown", title); }
};
"""


def test_who_asked_for_it_is_told_when_the_server_starts(
    empty: RunningCentre, anna: Person, busy: str, windows: Windows
) -> None:
    page = windows.open(anna)
    page.context.grant_permissions(["notifications"], origin=empty.url)
    page.add_init_script(KEEP_MESSAGES)
    start_form(page, "jupyter")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-fact="state"]')).to_have_text("PENDING")
    page.get_by_label("Tell me when it starts").check()
    expect(page.locator("#notify-note")).to_contain_text("Your browser will show a message")
    windows.picture(page, "asked-for")
    empty.run(["scancel", busy])
    wait_for_tree(page, "a1113a01")
    assert page.evaluate("localStorage.getItem('shown')") == "Your server is ready and opens now."


def test_start_and_cancel_without_scripts(
    empty: RunningCentre, anna: Person, busy: str, windows: Windows
) -> None:
    page = windows.open(anna, java_script_enabled=False)
    start_form(page, "jupyter")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#progress-message")).to_contain_text("waits: waiting for nodes: all 5 are busy")
    job = page.locator('[data-fact="job_id"]').inner_text()
    expect(page.locator('[data-fact="elapsed"]')).to_have_text(re.compile(r"^\d+ (s|min)$"))
    windows.picture(page, "waiting")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancel this server?")).to_be_visible()
    windows.picture(page, "question")
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("link", name="Start My Server")).to_be_visible()
    empty.wait_for_job(job, "CANCELLED", "")


def test_held_job_says_so_and_can_be_cancelled(
    empty: RunningCentre, anna: Person, busy: str, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "jupyter")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-fact="state"]')).to_have_text("PENDING")
    job = page.locator('[data-fact="job_id"]').inner_text()
    empty.run(["scontrol", "hold", job])
    expect(page.locator("#progress-message")).to_contain_text("is held", timeout=30_000)
    expect(page.locator('[data-fact="reason"]')).to_contain_text("held by an administrator")
    expect(page.locator('[data-fact="ahead"]')).to_have_text("–")
    windows.picture(page, "held")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url("**/hub/home")
    empty.wait_for_job(job, "CANCELLED", "")
