"""The live parts of the pages, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

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
        page.route("**/api/hpchub/queues", lambda route: route.abort())
        page.click("#refresh")
        expect(page.locator("#queues-problem")).to_contain_text("could not be refreshed")
        assert page.locator("#queue-table tbody tr").count() == 4
        page.unroute("**/api/hpchub/queues")
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

    def test_gpus_follow_their_type_and_what_a_queue_lacks_is_not_asked(self, page: Page) -> None:
        page.check("#queue-amd_a100_4")
        page.select_option("#gpus", "2")
        page.select_option("#gpu_type", "1g.10gb")
        expect(page.locator("#gpus")).to_have_value("1")
        assert page.locator("#gpus option:not([disabled])").all_inner_texts() == ["1"]
        assert page.locator("#feature option:not([disabled])").all_inner_texts() == [
            "any",
            "With a fast local disk",
        ]
        page.check("#queue-jupyter")
        for field in ("gpu_type", "gpus", "feature", "qos"):
            expect(page.locator(f"#{field}")).to_be_hidden()
            expect(page.locator(f"#{field}")).to_have_value("")

    def test_link_to_the_choices_is_copied_or_shown(self, page: Page) -> None:
        page.check("#queue-amd_a100_4")
        page.fill("#hours", "3")
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        page.get_by_role("button", name="Copy a link").click()
        link = page.get_by_label("Copy this link:").input_value()
        assert link.endswith(
            "/hub/spawn?queue=amd_a100_4&interface=notebook&hours=3&gpu_type=a100&gpus=4&qos=normal&environment=own%3Anotebook"
        )


NO_NODE = "No node of this queue has what you ask for."


class TestExpectedStart:
    """What Slurm says is invented here; `tests/browser` asks the real one."""

    @pytest.fixture
    def asked(self, page: Page) -> list[str]:
        """Answer as a Slurm that gives jupyter at once, and V100 nodes only for four hours at most."""
        asked: list[str] = []

        def answer(route: Route) -> None:
            asked.append(route.request.url.partition("?")[2])
            hours = int(parse_qs(asked[-1]).get("hours", ["0"])[0])
            base = {"asked": True, "start": None, "now": False, "refusal": "", "closed": False}
            too_long = (
                {"refusal": NO_NODE, "closed": True} if hours > 4 else {"start": "2026-11-22T03:00:00Z"}
            )
            limit = {"text": f"GPUs: {hours} of 9", "whose": "yours, by QOS normal", "full": False}
            queues = {
                "jupyter": {**base, "now": True, "start": "2026-11-21T09:00:00Z"},
                "cas_v100_2": {**base, **too_long},
                "amd_a100_4": {**base, "asked": hours != 9},
            }
            route.fulfill(json={"queues": queues, "limits": [limit]})

        page.route("**/api/hpchub/expected*", answer)
        page.reload()
        return asked

    def test_it_is_now_or_a_time_or_slurm_cannot_say(self, page: Page, asked: list[str]) -> None:
        cells = page.locator("tbody td[data-cell=expected]")
        expect(cells.nth(0)).to_have_text("now")
        expect(cells.nth(1)).to_contain_text("Nov 2")
        expect(cells.nth(2)).to_have_text("Slurm cannot say")
        expect(cells.nth(3)).to_have_text("–")
        expect(page.locator("#limits")).to_contain_text("GPUs: 4 of 9 (yours, by QOS normal)")

    def test_one_question_for_many_changes_in_a_row(self, page: Page, asked: list[str]) -> None:
        expect(page.locator("tbody td[data-cell=expected]").first).to_have_text("now")
        before = len(asked)
        page.focus("#hours")
        for _ in range(6):
            page.keyboard.press("ArrowUp")
        expect(page.locator("#limits")).to_contain_text("GPUs: 10 of 9")
        assert len(asked) == before + 1

    def test_queue_that_cannot_run_it_says_why_and_opens_again(self, page: Page, asked: list[str]) -> None:
        page.check("#queue-jupyter")
        page.fill("#hours", "5")
        radio = page.locator("#queue-cas_v100_2")
        expect(page.locator("#refused-cas_v100_2")).to_have_text(NO_NODE)
        expect(radio).to_be_disabled()
        page.fill("#hours", "3")
        expect(page.locator("#refused-cas_v100_2")).to_have_text("")
        expect(radio).to_be_enabled()

    def test_chosen_queue_stays_chosen_and_is_not_submitted(self, page: Page, asked: list[str]) -> None:
        page.check("#queue-cas_v100_2")
        page.fill("#hours", "5")
        expect(page.locator("#refused-cas_v100_2")).to_have_text(NO_NODE)
        expect(page.get_by_role("status")).to_have_text(NO_NODE)
        expect(page.locator("#queue-cas_v100_2")).to_be_checked()
        page.get_by_role("button", name="Submit").click()
        assert page.url.endswith("/hub/spawn")
        assert page.evaluate("document.getElementById('queue-cas_v100_2').validationMessage") == NO_NODE

    def test_queue_that_is_closed_to_the_user_stays_closed(self, page: Page, asked: list[str]) -> None:
        expect(page.locator("tbody td[data-cell=expected]").first).to_have_text("now")
        expect(page.locator("#queue-bigmem")).to_be_disabled()
        page.click("#refresh")
        expect(page.locator("#queues-problem")).to_have_text("")
        expect(page.locator("#queue-bigmem")).to_be_disabled()

    def test_refresh_leaves_expected_starts_in_place(self, page: Page, asked: list[str]) -> None:
        cell = page.locator("tbody td[data-cell=expected]").first
        expect(cell).to_have_text("now")
        page.evaluate("document.querySelector('td[data-cell=expected]').dataset.same = 'yes'")
        idle = page.locator("tr[data-queue=jupyter] td[data-cell=idle]")
        before = idle.inner_text()
        page.click("#refresh")
        expect(idle).not_to_have_text(before)
        expect(cell).to_have_text("now")
        assert cell.get_attribute("data-same") == "yes"

    def test_hub_that_does_not_answer_closes_nothing(self, page: Page, asked: list[str]) -> None:
        page.route("**/api/hpchub/expected*", lambda route: route.abort())
        page.check("#queue-jupyter")
        page.fill("#hours", "6")
        expect(page.locator("tbody td[data-cell=expected]").first).to_have_text("Slurm cannot say")
        expect(page.locator("#queue-cas_v100_2")).to_be_enabled()


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
