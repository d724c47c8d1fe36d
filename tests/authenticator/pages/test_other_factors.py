"""A centre whose codes are managed elsewhere, and one behind a proxy that speaks TLS."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from authenticator.errors import Refused
from authenticator.factors import Attempt, How, Proof, SecondFactor
from authenticator.pages.pending import COOKIE
from authenticator.workers import Deadline
from tests.authenticator.kit import PASSWORDS, Slapd
from tests.authenticator.pages.realhub import RealHub, real_hub

ELSEWHERE = "https://otp.centre.example/"


class Elsewhere(SecondFactor):
    """Somebody else's server, which takes one code for everybody."""

    title = "a card"

    def check(self, attempt: Attempt, deadline: Deadline) -> Proof:
        if attempt.code != "424242":
            raise Refused("otp_wrong")
        return Proof(How.OTP, attempt.password)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> AsyncIterator[RealHub]:
    folder = tmp_path_factory.mktemp("elsewhere")
    async with real_hub(folder, slapd, second_factor=Elsewhere, otp_help_url=ELSEWHERE) as hub:
        yield hub


class TestElsewhere:
    @pytest.mark.parametrize("path", ["otp", "otp/resync"])
    async def test_strangers_are_sent_there(self, elsewhere: RealHub, path: str) -> None:
        page = await elsewhere.browser().open(path)
        assert page.one("a", href=ELSEWHERE)
        assert not page.all("input", name="otp")

    async def test_people_who_are_logged_in_are_sent_there(self, elsewhere: RealHub) -> None:
        admin = elsewhere.browser()
        typed = {"username": "hpcadmin", "otp": "424242", "password": PASSWORDS["hpcadmin"]}
        assert (await admin.fill("login", **typed)).status_code == httpx.codes.FOUND
        for path in ("otp", "otp/replace", "otp/codes"):
            assert (await admin.open(path)).one("a", href=ELSEWHERE)
        answer = await admin.fill("otp/codes", otp="424242", password=PASSWORDS["hpcadmin"])
        assert answer.status_code == httpx.codes.NOT_FOUND
        assert elsewhere.store.recovery.left("hpcadmin") == 0
        assert (await admin.get("otp/admin")).status_code == httpx.codes.NOT_FOUND
        assert not (await admin.open("admin")).all("a", href="/hub/otp/admin")

    async def test_nothing_can_be_begun(self, elsewhere: RealHub) -> None:
        browser = elsewhere.browser()
        typed = {"username": "hpcadmin", "otp": "424242", "password": PASSWORDS["hpcadmin"]}
        for path in ("otp", "otp/resync", "otp/enrol"):
            answer = await browser.fill(path, **typed)
            assert answer.status_code in {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}
            assert COOKIE not in browser.cookies

    async def test_the_login_page_points_nowhere(self, elsewhere: RealHub) -> None:
        page = await elsewhere.browser().open("login")
        assert not page.all(class_="hp-login-help")


async def test_under_https_the_cookie_goes_nowhere_else(tmp_path: Path, slapd: Slapd) -> None:
    async with real_hub(tmp_path, slapd, public_url="https://hub.centre.example/") as hub:
        code = hub.store.enrolments.issue("nouse01", by="hpcadmin", now=time.time())
        typed = {"username": "nouse01", "otp": code, "password": PASSWORDS["nouse01"]}
        answer = await hub.browser().fill("otp", **typed)
        cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE))
        assert "; secure" in cookie.lower()


async def test_who_needs_no_code_to_log_in_needs_one_to_enrol(tmp_path: Path, slapd: Slapd) -> None:
    async with real_hub(tmp_path, slapd, exempt=frozenset({"hub-users"})) as hub:
        browser = hub.browser()
        for code in ("", " ", "-", "\u00a0", "\x00"):
            typed = {"username": "a1113a01", "otp": code, "password": PASSWORDS["a1113a01"]}
            assert (await browser.fill("otp", **typed)).status_code == httpx.codes.FORBIDDEN
            assert COOKIE not in browser.cookies
        # That they may come in with the password alone is what makes the test worth something.
        typed = {"username": "a1113a01", "otp": "", "password": PASSWORDS["a1113a01"]}
        assert (await browser.fill("login", **typed)).status_code == httpx.codes.FOUND
        assert (await browser.fill("otp/codes", **typed)).status_code == httpx.codes.FORBIDDEN
        assert hub.store.recovery.left("a1113a01") == 0
