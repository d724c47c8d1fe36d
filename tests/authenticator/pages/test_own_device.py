"""What people see of their own device, and what they do about it."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from authenticator.errors import Unavailable
from authenticator.expiry import Expiry
from authenticator.passcode import step_at
from authenticator.workers import Deadline
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of
from tests.authenticator.pages.realhub import Browser, RealHub

ANNA = "a1113a01"


def proof(name: str, code: str | None = None, password: str | None = None) -> dict[str, str]:
    return {
        "otp": code_of(name, later=1) if code is None else code,
        "password": PASSWORDS[name] if password is None else password,
    }


@pytest.fixture
async def anna(hub: RealHub) -> Browser:
    return await hub.logged_in(ANNA)


class TestOverview:
    async def test_says_how_things_stand(self, hub: RealHub, anna: Browser) -> None:
        hub.store.recovery.replace(ANNA, now=time.time())
        page = await anna.open("otp")
        said = page.one("main").text
        assert "old phone" in said
        assert "10 codes are left." in said
        assert (page.all("time")[0].get("datetime") or "").endswith("+00:00")
        assert "UTC" in page.all("time")[1].text
        assert not page.all(class_="hp-notice hp-notice-warning")

    async def test_warns_when_few_codes_are_left(self, hub: RealHub, anna: Browser) -> None:
        codes = hub.store.recovery.replace(ANNA, now=time.time())
        for code in codes[:8]:
            name = hub.store.recovery.check(ANNA, code)
            assert name is not None
            hub.store.recovery.use(name, now=time.time())
        page = await anna.open("otp")
        assert "2 codes are left." in page.one(class_="hp-notice hp-notice-warning").text

    async def test_shows_no_secret(self, anna: Browser) -> None:
        answer = await anna.get("otp")
        assert SEEDS[ANNA].secret not in answer.text
        assert "hp-qr" not in answer.text

    async def test_speaks_korean(self, anna: Browser) -> None:
        anna.speaks("ko")
        page = await anna.open("otp")
        assert page.one("h1").text == "보안"

    async def test_is_linked_from_every_page(self, anna: Browser) -> None:
        page = await anna.open("home")
        assert page.one("a", href="/hub/otp").text == "Security"

    async def test_news_are_shown_until_they_are_read(self, hub: RealHub, anna: Browser) -> None:
        hub.store.notices.add(ANNA, "disabled", by="hpcadmin", now=time.time())
        home = await anna.open("home")
        assert "hpcadmin put your device out of use" in home.one("main").text
        page = await anna.open("otp")
        assert "hpcadmin put your device out of use" in page.one("main").text
        assert (await anna.open("otp")).all("input", name="up_to")
        newest = page.one("input", name="up_to").get("value")
        hub.store.notices.add(ANNA, "enabled", by="hpcadmin", now=time.time())
        answer = await anna.fill("otp/seen", up_to=newest)
        assert answer.status_code == httpx.codes.SEE_OTHER
        page = await anna.open("otp")
        assert "out of use" not in page.one("main").text
        assert "in use again" in page.one("main").text

    async def test_home_tells_the_newest_only(self, hub: RealHub, anna: Browser) -> None:
        for number in range(9):
            hub.store.notices.add(ANNA, "reset", by=f"admin{number}", now=time.time())
        said = (await anna.open("home")).one("main").text
        assert "admin8" in said
        assert "admin5" not in said

    async def test_nonsense_marks_nothing_as_read(self, hub: RealHub, anna: Browser) -> None:
        hub.store.notices.add(ANNA, "reset", by="hpcadmin", now=time.time())
        for value in ("", "x", "-1", "9" * 40):
            answer = await anna.fill("otp/seen", up_to=value)
            assert answer.status_code == httpx.codes.BAD_REQUEST
        assert hub.store.notices.unseen(ANNA)

    async def test_home_tells_of_a_password_about_to_expire(self, hub: RealHub, anna: Browser) -> None:
        hub.login.expiries._of[ANNA] = Expiry(time.time() + 3.5 * 86_400, None)
        assert "expires in 3 days" in (await anna.open("home")).one("main").text
        hub.login.expiries._of[ANNA] = Expiry(None, 2)
        assert "2 more times" in (await anna.open("home")).one("main").text
        del hub.login.expiries._of[ANNA]
        assert "expire" not in (await anna.open("home")).one("main").text


class TestReplace:
    async def test_needs_code_and_password(self, hub: RealHub, anna: Browser) -> None:
        for typed in (proof(ANNA, "000000"), proof(ANNA, password="wrong"), proof(ANNA, "")):
            answer = await anna.fill("otp/replace", **typed)
            assert answer.status_code == httpx.codes.FORBIDDEN

    async def test_leads_to_a_new_device(self, hub: RealHub, anna: Browser) -> None:
        answer = await anna.fill("otp/replace", **proof(ANNA))
        assert answer.headers["location"] == "/hub/otp/enrol"

    async def test_is_about_nobody_else(self, hub: RealHub, anna: Browser) -> None:
        other = {"username": "a1113a02", **proof("a1113a02")}
        answer = await anna.fill("otp/replace", **other)
        assert answer.status_code == httpx.codes.FORBIDDEN

    async def test_strangers_log_in_first(self, browser: Browser) -> None:
        for path in ("otp/replace", "otp/codes"):
            answer = await browser.get(path)
            assert answer.headers["location"].startswith("/hub/login?next=")


class TestNewCodes:
    async def test_are_shown_once_and_end_the_old_ones(self, hub: RealHub, anna: Browser) -> None:
        old = hub.store.recovery.replace(ANNA, now=time.time())
        page = await anna.filled("otp/codes", **proof(ANNA))
        codes = [item.text for item in page.all("li") if item.inside("main") and "-" in item.text]
        assert len(codes) == 10
        assert hub.store.recovery.check(ANNA, codes[0])
        assert hub.store.recovery.check(ANNA, old[0]) is None
        assert [one["user"] for one in hub.audited("codes_replaced")] == [ANNA]
        assert [one.event for one in hub.store.notices.unseen(ANNA)] == ["codes_replaced"]

    async def test_a_recovery_code_is_not_spent_on_them(self, hub: RealHub, anna: Browser) -> None:
        old = hub.store.recovery.replace(ANNA, now=time.time())
        page = await anna.filled("otp/codes", **proof(ANNA, old[0]))
        assert "need a one-time password" in page.one(role="alert").text
        assert hub.store.recovery.left(ANNA) == 10
        listing = hub.store.tokens.listed(ANNA)
        assert listing is not None
        assert not listing.disabled

    async def test_a_used_code_makes_none(self, hub: RealHub, anna: Browser) -> None:
        old = hub.store.recovery.replace(ANNA, now=time.time())
        answer = await anna.fill("otp/codes", **proof(ANNA, code_of(ANNA)))
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert hub.store.recovery.check(ANNA, old[0])


class TestResync:
    def codes(self, steps: int, *, gap: int = 1) -> dict[str, str]:
        seed = SEEDS[ANNA]
        first = step_at(seed, time.time()) + steps
        generate = seed.generator().generate_otp
        return {
            "username": ANNA,
            "otp": generate(first),
            "second": generate(first + gap),
            "password": PASSWORDS[ANNA],
        }

    async def test_a_wrong_clock_is_found_and_said(self, hub: RealHub, browser: Browser) -> None:
        page = await browser.filled("otp/resync", **self.codes(8))
        assert "seconds fast" in page.one("main").text
        token = hub.store.tokens.get(ANNA)
        assert token is not None
        assert token.drift in {8, 9}
        assert hub.audited("resync")
        # From then on that clock's codes open the door.
        steps = 8 + 2
        code = SEEDS[ANNA].generator().generate_otp(step_at(SEEDS[ANNA], time.time()) + steps)
        answer = await browser.fill("login", username=ANNA, otp=code, password=PASSWORDS[ANNA])
        assert answer.status_code == httpx.codes.FOUND

    @pytest.mark.parametrize(("steps", "gap"), [(8, 2), (8, -1), (8, 0), (300, 1)])
    async def test_other_codes_are_refused(
        self, hub: RealHub, browser: Browser, steps: int, gap: int
    ) -> None:
        answer = await browser.fill("otp/resync", **self.codes(steps, gap=gap))
        assert answer.status_code == httpx.codes.FORBIDDEN
        token = hub.store.tokens.get(ANNA)
        assert token is not None
        assert token.drift == 0

    async def test_a_wrong_password_changes_no_clock(self, hub: RealHub, browser: Browser) -> None:
        answer = await browser.fill("otp/resync", **{**self.codes(8), "password": "wrong"})
        assert answer.status_code == httpx.codes.FORBIDDEN
        token = hub.store.tokens.get(ANNA)
        assert token is not None
        assert token.drift == 0

    async def test_codes_other_than_digits_are_refused(self, hub: RealHub, browser: Browser) -> None:
        recovery = hub.store.recovery.replace(ANNA, now=time.time())
        typed = {**self.codes(8), "otp": recovery[0], "second": recovery[1]}
        answer = await browser.fill("otp/resync", **typed)
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert hub.store.recovery.left(ANNA) == 10


class TestWhenItDoesNotWork:
    async def test_too_many_attempts_are_told_apart(self, hub: RealHub, browser: Browser) -> None:
        wrong = {"username": ANNA, "otp": "000000", "password": "x"}
        statuses = [(await browser.fill("otp", **wrong)).status_code for _ in range(8)]
        assert statuses[0] == httpx.codes.FORBIDDEN
        answer = await browser.fill("otp", **wrong)
        assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["cache-control"] == "no-store"
        assert "Too many attempts" in answer.text
        assert f'value="{ANNA}"' in answer.text

    async def test_a_silent_directory_is_told_apart(
        self, hub: RealHub, browser: Browser, slapd: Slapd
    ) -> None:
        code = hub.store.enrolments.issue("nouse01", by="hpcadmin", now=time.time())
        typed = {"username": "nouse01", "otp": code, "password": PASSWORDS["nouse01"]}
        slapd.stop()
        try:
            answer = await browser.fill("otp", **typed)
        finally:
            slapd.start()
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.headers["retry-after"]
        assert "does not answer" in answer.text
        assert hub.store.enrolments.valid("nouse01", code, now=time.time())
        await until_the_directory_is_back(hub)

    async def test_a_broken_store_is_no_error_page_of_pythons(self, hub: RealHub, anna: Browser) -> None:
        with hub.store.database.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE otp_notices RENAME TO gone")
        try:
            answer = await anna.get("otp")
            home = await anna.get("home")
        finally:
            with hub.store.database.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE gone RENAME TO otp_notices")
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "store of one-time passwords does not answer" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert home.status_code == httpx.codes.OK


async def until_the_directory_is_back(hub: RealHub) -> None:
    for _ in range(100):
        try:
            hub.login.directory.look_up(ANNA, Deadline(5))
        except Unavailable:
            await asyncio.sleep(0.2)
        else:
            return
