"""The live parts of the pages, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.templates.contexts import EVIL
from tests.templates.pagehub import PageHub

pytestmark = pytest.mark.browser

NUMBERS = count(1)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS + QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, page_hub: PageHub) -> Iterator[Page]:
    """A browser in which a new user has just logged in."""
    page_hub.says(phase="waiting", message="waits")
    context = chromium.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{page_hub.url}login")
    page.fill("#username_input", f"person{next(NUMBERS)}")
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_function("!location.pathname.endsWith('login')")
    page.goto(f"{page_hub.url}spawn")
    yield page
    context.close()
    assert errors == []


class TestRefresh:
    def test_the_figures_change_in_place_and_focus_and_choices_stay(self, page: Page) -> None:
        page.check("#queue-amd_a100_4")
        page.fill("#hours", "7")
        idle = page.locator("tr[data-queue=jupyter] td[data-cell=idle]")
        before = int(idle.inner_text())
        page.evaluate("document.getElementById('queue-amd_a100_4').dataset.same = 'yes'")
        page.focus("#queue-amd_a100_4")
        page.evaluate("document.getElementById('refresh').click()")
        expect(idle).to_have_text(str(before + 1))
        assert page.evaluate("document.activeElement.dataset.same") == "yes"
        assert page.is_checked("#queue-amd_a100_4")
        assert page.input_value("#hours") == "7"
        expect(page.locator("#queue-table")).not_to_have_attribute("aria-busy", "true")

    def test_what_changed_is_announced(self, page: Page) -> None:
        page.click("#refresh")
        expect(page.get_by_role("status")).to_contain_text("jupyter: Idle")

    def test_a_lost_connection_keeps_the_rows_and_says_so(self, page: Page) -> None:
        page.route("**/hub/spawn*", lambda route: route.abort())
        page.click("#refresh")
        expect(page.locator("#queues-problem")).to_contain_text("could not be refreshed")
        assert page.locator("#queue-table tbody tr").count() == 4
        page.unroute("**/hub/spawn*")
        page.click("#refresh")
        expect(page.locator("#queues-problem")).to_have_text("")

    def test_an_expired_login_is_said_with_the_way_back(self, page: Page) -> None:
        page.context.clear_cookies()
        page.click("#refresh")
        expect(page.locator("#queues-problem a")).to_have_attribute("href", "/hub/login?next=%2Fhub%2Fspawn")

    def test_it_does_not_refresh_by_itself_unless_asked(self, page: Page) -> None:
        assert not page.is_checked("#auto-refresh")
        page.check("#auto-refresh")
        page.reload()
        assert page.is_checked("#auto-refresh")


class TestChoices:
    def test_hours_gpus_and_cost_follow_the_queue(self, page: Page) -> None:
        page.check("#queue-amd_a100_4")
        page.fill("#hours", "3")
        expect(page.locator("#cost-sum")).to_have_text("At most 24,000 KRW for 3 hours")
        expect(page.locator("#gpus")).to_have_value("4")
        page.check("#queue-jupyter")
        expect(page.locator("#cost-sum")).to_have_text("Free of charge")
        expect(page.locator("#gpus")).to_be_hidden()
        assert page.get_attribute("#hours", "max") == "48"

    def test_only_projects_that_fit_the_queue_can_be_chosen(self, page: Page) -> None:
        page.check("#queue-cas_v100_2")
        options = page.locator("#account option:not([disabled])").all_inner_texts()
        assert options == ["proj01"]


class TestWaiting:
    def submit(self, page: Page) -> None:
        page.check("#queue-jupyter")
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url("**/spawn-pending/**")

    def test_the_page_follows_the_job(self, page: Page, page_hub: PageHub) -> None:
        self.submit(page)
        page_hub.says(phase="waiting", message="all 5 are busy", job_id="4711", state="PENDING", ahead=2)
        expect(page.locator("[data-fact=job_id]")).to_have_text("4711")
        expect(page.locator("[data-fact=ahead]")).to_have_text("2")
        expect(page.get_by_role("status")).to_have_text("all 5 are busy")
        assert page.get_by_role("progressbar").get_attribute("aria-valuenow") is None
        page_hub.says(phase="running", message="starts on gpu01", state="RUNNING", progress=60)
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "60")
        expect(page.locator("[aria-current=step]")).to_have_text("Start the notebook")

    def test_what_slurm_says_stays_text(self, page: Page, page_hub: PageHub) -> None:
        self.submit(page)
        page_hub.says(phase="waiting", message=EVIL, reason=EVIL, state=EVIL, job_id=EVIL, html_message=EVIL)
        expect(page.locator("[data-fact=reason]")).to_have_text(EVIL)
        assert page.locator("img[src=x]").count() == 0

    def test_a_failure_shows_its_reason_and_the_log_as_text(self, page: Page, page_hub: PageHub) -> None:
        self.submit(page)
        page_hub.says(phase="ended", message="Job 4711 failed.", log_tail=f"last line {EVIL}")
        expect(page.get_by_role("status")).to_have_text("Job 4711 failed.")
        page_hub.says(phase="ended", message="Job 4711 failed.", fails=True)
        expect(page.locator("#failed-message")).to_contain_text("Job 4711 failed.")
        expect(page.locator("#failed-log pre")).to_have_text(f"last line {EVIL}")
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.activeElement.id") == "failed-title"

    def test_cancel_ends_the_start_and_leads_home(self, page: Page, page_hub: PageHub) -> None:
        self.submit(page)
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url("**/hub/home")
        expect(page.get_by_text("not running")).to_be_visible()
        assert (page_hub.folder / "stopped").exists()
