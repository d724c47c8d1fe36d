"""Every page, in both languages and both themes, as axe-core judges it, and as narrow as a telephone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.window import Windows, start_form
from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]

# Pages that say so in their status, which the console calls an error.
REFUSED = r"^Failed to load resource: .* status of (400|403|404|424|503) "


class Tour:
    """A walk past all pages; what is wrong with any of them is in `wrong` at its end."""

    def __init__(self, windows: Windows, lang: str) -> None:
        self.wrong: list[str] = []
        self._windows = windows
        self._lang = lang

    def stop_at(self, page: Page, name: str) -> None:
        expect(page.locator("html")).to_have_attribute("lang", self._lang)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            self.wrong += violations(page, f"{name}, {self._lang}, {scheme}")
            self._windows.picture(page, f"{name}-{scheme}")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_page_has_no_accessibility_violations(
    empty: RunningCentre, anna: Person, login: Login, windows: Windows, busy: str, lang: str
) -> None:
    windows.expect_complaints(REFUSED)
    tour = Tour(windows, lang)
    pages_before_login(windows.open(lang=lang), tour)
    page = windows.open(anna, lang)
    pages_of_a_server_that_waits(page, tour, empty)
    empty.run(["scancel", busy])
    anna.start(queue="jupyter", hours=1)
    pages_without_a_server(page, tour)
    anna.until("ready")
    page.goto("hub/home")
    expect(page.locator("#stop")).to_be_visible()
    tour.stop_at(page, "home-running")
    page = windows.open(login("hpcadmin"), lang)
    page.goto("hub/admin")
    expect(page.get_by_role("cell", name="a1113a01").first).to_be_visible()
    tour.stop_at(page, "administration")
    assert not tour.wrong, "\n".join(tour.wrong)


def pages_before_login(page: Page, tour: Tour) -> None:
    page.goto("hub/login")
    tour.stop_at(page, "login")
    page.locator("#username_input").fill("nobody")
    page.locator("#otp_input").fill("000000")
    page.locator("#password_input").fill("wrong")
    page.locator("#login_submit").click()
    expect(page.get_by_role("alert")).to_be_visible()
    tour.stop_at(page, "login-refused")


def pages_of_a_server_that_waits(page: Page, tour: Tour, centre: RunningCentre) -> None:
    page.goto("hub/home")
    tour.stop_at(page, "home")
    start_form(page, "jupyter")
    tour.stop_at(page, "spawn")
    page.evaluate("document.getElementById('spawn_form').noValidate = true")
    page.locator("#hours").fill("99")
    page.locator("#spawn_form button.btn-primary").click()
    expect(page.locator("#hours-error")).to_be_visible()
    tour.stop_at(page, "spawn-refused")
    page.locator("#hours").fill("1")
    page.locator("#spawn_form button.btn-primary").click()
    expect(page.locator('[data-fact="state"]')).to_have_text("PENDING")
    tour.stop_at(page, "waiting")
    centre.run(["scancel", page.locator('[data-fact="job_id"]').inner_text()])
    expect(page.locator("#failed")).to_be_visible()
    tour.stop_at(page, "failed")
    page.goto("hub/user/a1113a01/")
    expect(page.locator("#start")).to_be_visible()
    tour.stop_at(page, "not-running")


def pages_without_a_server(page: Page, tour: Tour) -> None:
    """Pages that look the same whether a server runs or not: they are looked at while one starts."""
    page.goto("hub/token")
    tour.stop_at(page, "tokens")
    page.goto("hub/no-such-page")
    tour.stop_at(page, "error-404")
    page.goto("hub/admin")
    tour.stop_at(page, "error-403")
    page.goto("hub/user/a1113a03/")
    tour.stop_at(page, "error-foreign-server")
    page.goto("services/queues/")
    tour.stop_at(page, "queues")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_pages_fit_a_telephone(anna: Person, windows: Windows, busy: str, lang: str) -> None:
    windows.expect_complaints(REFUSED)
    phone: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = windows.open(lang=lang, **phone)
    page.goto("hub/login")
    fits(page, windows, "login")
    page = windows.open(anna, lang, **phone)
    for path in ("home", "spawn", "token", "no-such-page", "user/a1113a01/"):
        page.goto(f"hub/{path}")
        fits(page, windows, path)
    start_form(page, "cas_v100_2")
    page.locator("#spawn_form button.btn-primary").click()
    expect(page.locator('[data-fact="state"]')).to_have_text("PENDING")
    fits(page, windows, "waiting")
    page.locator("#cancel").click()
    page.wait_for_url("**/hub/home")


def fits(page: Page, windows: Windows, name: str) -> None:
    windows.picture(page, name)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"{name} is {width} pixels wide"


def test_axe_finds_what_is_wrong(windows: Windows) -> None:
    page = windows.open()
    page.goto("hub/login")
    page.locator("label[for=otp_input]").evaluate("label => label.remove()")
    assert any("login: label at #otp_input" in line for line in violations(page, "login"))
