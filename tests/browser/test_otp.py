"""From the administrator's enrolment code to recovery codes and the first login, as people see it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Page, expect

from demo import tokens
from tests.browser.axe import violations
from tests.browser.window import Windows
from tests.centre import OTP_SECONDS, RunningCentre
from tests.person import Login

pytestmark = [pytest.mark.centre, pytest.mark.browser]

NAME = "nouse01"
# Refused forms say so in their status, which the console calls an error.
REFUSED = r"^Failed to load resource: .* status of 403 "


@pytest.fixture
def newcomer(centre: RunningCentre) -> Iterator[str]:
    """Somebody who enrols; afterwards the account has the token again that the other tests know."""
    yield NAME
    (centre.instance.etc / "tokens-digest").unlink()
    tokens.ensure(centre.run, centre.instance, centre.accounts)


class Look:
    """Looks at each page: as axe-core judges it, in both themes, and whether it is as wide as the window."""

    def __init__(self, windows: Windows, *, scripts: bool) -> None:
        self.wrong: list[str] = []
        self._windows = windows
        self._scripts = scripts

    def at(self, page: Page, name: str) -> None:
        if not self._scripts:
            self._windows.picture(page, name)
            return
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            self.wrong += violations(page, f"{name}, {scheme}")
            self._windows.picture(page, f"{name}-{scheme}")
        width = page.viewport_size["width"] if page.viewport_size else 0
        if page.evaluate("document.documentElement.scrollWidth") > width:
            self.wrong.append(f"{name} is wider than its window")


def code_of(secret: str, *, later: int = 0) -> str:
    return pyotp.TOTP(secret.replace(" ", "")).at(int(time.time()) + later * OTP_SECONDS)


def send(page: Page) -> None:
    page.locator("main button[type=submit]").first.click()


def issue(page: Page, look: Look, name: str) -> str:
    """Issue an enrolment code as an administrator who finds the way by links."""
    page.goto("hub/otp")
    look.at(page, "overview-of-an-administrator")
    page.locator("main a[href$='/otp/admin']").click()
    look.at(page, "accounts")
    page.locator("#name").fill("nobody-here")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("nobody-here")
    look.at(page, "accounts-refused")
    page.locator("#name").fill(name)
    send(page)
    look.at(page, "issued")
    code = page.locator("#code").inner_text().strip()
    page.goto(f"hub/otp/admin/{name}")
    look.at(page, "account")
    page.locator("button[value=reset]").click()
    look.at(page, "reset")
    return code


def enrol(page: Page, look: Look, name: str, password: str, code: str) -> str:
    """Go from the login page to the recovery codes; return the secret."""
    page.goto("hub/login")
    page.locator(".hp-login-help a").first.click()
    look.at(page, "begin")
    page.locator("#username").fill(name)
    page.locator("#otp").fill(code)
    page.locator("#password").fill("wrong")
    send(page)
    expect(page.locator("#username")).to_have_value(name)
    look.at(page, "begin-refused")
    page.locator("#otp").fill(code.lower())
    page.locator("#password").fill(password)
    send(page)
    look.at(page, "enrol")
    secret = page.locator("#secret").inner_text()
    page.locator("#otp").fill("000000" if code_of(secret) != "000000" else "000001")
    page.locator("#label").fill("my phone")
    send(page)
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("#secret").inner_text() == secret
    look.at(page, "enrol-refused")
    page.locator("#otp").fill(code_of(secret))
    send(page)
    expect(page.locator("#codes li")).to_have_count(10)
    look.at(page, "recovery-codes")
    return secret


@pytest.mark.parametrize(("lang", "scripts"), [("en", True), ("ko", True), ("ko", False)])
def test_somebody_new_gets_from_a_code_to_a_login(
    centre: RunningCentre, login: Login, windows: Windows, newcomer: str, lang: str, scripts: bool
) -> None:
    windows.expect_complaints(REFUSED, r"status of 404 ")
    look = Look(windows, scripts=scripts)
    code = issue(windows.open(login("hpcadmin"), lang, java_script_enabled=scripts), look, newcomer)
    page = windows.open(lang=lang, java_script_enabled=scripts)
    secret = enrol(page, look, newcomer, centre.password(newcomer), code)

    codes = page.locator("#codes li").all_inner_texts()
    with page.expect_download() as saved:
        page.locator("a[download]").click()
    assert re.findall(r"[A-Z2-7-]{19}", saved.value.path().read_text("utf-8-sig")) == codes

    page.locator(".hp-no-print a[href$='/login']").click()
    page.locator("#username_input").fill(newcomer)
    page.locator("#otp_input").fill(code_of(secret, later=1))
    page.locator("#password_input").fill(centre.password(newcomer))
    page.locator("#login_submit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(newcomer)
    look.at(page, "home-with-news")
    page.locator(".hp-nav a[href$='/hub/otp']").click()
    expect(page.locator("main")).to_contain_text("my phone")
    look.at(page, "overview")
    send(page)
    expect(page.locator("#news")).to_have_count(0)
    for path in ("otp/codes", "otp/replace", "otp/resync", "otp/enrol"):
        page.goto(f"hub/{path}")
        look.at(page, path)
    assert not look.wrong, "\n".join(look.wrong)


def test_enrolling_fits_a_telephone(
    centre: RunningCentre, login: Login, windows: Windows, newcomer: str
) -> None:
    windows.expect_complaints(REFUSED, r"status of 404 ")
    look = Look(windows, scripts=True)
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    code = issue(windows.open(login("hpcadmin"), "en", **phone), look, newcomer)
    enrol(windows.open(lang="en", **phone), look, newcomer, centre.password(newcomer), code)
    assert not look.wrong, "\n".join(look.wrong)
