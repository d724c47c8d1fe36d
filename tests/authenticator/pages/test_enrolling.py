"""From an enrolment code to a device and ten recovery codes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import update

from authenticator.pages.pending import COOKIE
from authenticator.passcode import Seed
from authenticator.store.schema import Base, PendingRow
from tests.authenticator.kit import PASSWORDS, code_of
from tests.authenticator.pages.realhub import Browser, RealHub, code_for

NEW = "nouse01"
WRONG = "000000"


def issue(hub: RealHub, name: str = NEW) -> str:
    return hub.store.enrolments.issue(name, by="hpcadmin", now=time.time())


def fields(name: str, code: str, password: str | None = None) -> dict[str, str]:
    return {"username": name, "otp": code, "password": PASSWORDS[name] if password is None else password}


async def begin(browser: Browser, name: str, code: str) -> str:
    """Go as far as the QR code; return the secret beside it."""
    answer = await browser.fill("otp", **fields(name, code))
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    assert answer.headers["location"] == "/hub/otp/enrol"
    page = await browser.open("otp/enrol")
    return page.one(id="secret").text


async def test_somebody_new_enrols_and_logs_in(hub: RealHub, browser: Browser) -> None:
    secret = await begin(browser, NEW, issue(hub))
    confirmed = code_for(secret)
    page = await browser.filled("otp/enrol", otp=confirmed, label=" my\x07 phone ")
    codes = [item.text for item in page.all("li") if item.inside("main") and "-" in item.text]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in codes)
    assert hub.store.recovery.left(NEW) == 10
    assert hub.store.recovery.check(NEW, codes[3])
    listing = hub.store.tokens.listed(NEW)
    assert listing is not None
    assert listing.label == "my  phone"
    # The code that confirmed is used up; the next one opens the door.
    again = await browser.fill("login", **fields(NEW, confirmed))
    assert again.status_code == httpx.codes.FORBIDDEN
    answer = await browser.fill("login", **fields(NEW, code_for(secret, later=1)))
    assert answer.status_code == httpx.codes.FOUND
    assert [(one["user"], one["reason"]) for one in hub.audited("enrolled")] == [(NEW, "enrolment")]


async def test_recovery_codes_can_be_saved_without_scripts(hub: RealHub, browser: Browser) -> None:
    secret = await begin(browser, NEW, issue(hub))
    page = await browser.filled("otp/enrol", otp=code_for(secret))
    link = page.one("a", download=f"{NEW}-recovery-codes.txt")
    text = unquote((link.get("href") or "").partition(",")[2])
    codes = [item.text for item in page.all("li") if item.inside("main") and "-" in item.text]
    assert text.splitlines()[2:12] == codes


async def test_recovery_codes_are_not_shown_again(hub: RealHub, browser: Browser) -> None:
    secret = await begin(browser, NEW, issue(hub))
    await browser.filled("otp/enrol", otp=code_for(secret))
    page = await browser.open("otp/enrol")
    assert "Nothing is being set up" in page.one("h1").text
    assert COOKIE not in browser.cookies


async def test_an_enrolment_code_works_once(hub: RealHub, browser: Browser) -> None:
    code = issue(hub)
    secret = await begin(browser, NEW, code)
    await browser.filled("otp/enrol", otp=code_for(secret))
    answer = await hub.browser().fill("otp", **fields(NEW, code))
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_a_wrong_password_does_not_cost_the_enrolment_code(hub: RealHub, browser: Browser) -> None:
    code = issue(hub)
    answer = await browser.fill("otp", **fields(NEW, code, "wrong"))
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert f'value="{NEW}"' in answer.text
    assert COOKIE not in browser.cookies
    await begin(browser, NEW, code)


async def test_the_code_of_somebody_else_is_refused(hub: RealHub, browser: Browser) -> None:
    code = issue(hub, "a1113a01")
    answer = await browser.fill("otp", **fields(NEW, code))
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_an_old_code_is_refused(hub: RealHub, browser: Browser) -> None:
    code = hub.store.enrolments.issue(NEW, by="hpcadmin", now=time.time() - 25 * 3600)
    answer = await browser.fill("otp", **fields(NEW, code))
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_an_enrolment_code_in_the_login_form_leads_here(hub: RealHub, browser: Browser) -> None:
    answer = await browser.fill("login", **fields(NEW, issue(hub)))
    assert answer.headers.get("location") == "/hub/otp/enrol"
    assert (await browser.open("otp/enrol")).one(id="secret")
    home = await browser.get("home")
    assert home.status_code == httpx.codes.FOUND
    assert "/hub/login" in home.headers["location"]


async def test_a_recovery_code_logs_in_and_leads_to_a_new_device(hub: RealHub, browser: Browser) -> None:
    code = hub.store.recovery.replace("a1113a01", now=time.time())[0]
    answer = await browser.fill("login", **fields("a1113a01", code.lower().replace("-", " ")))
    assert answer.headers.get("location") == "/hub/otp/enrol"
    secret = (await browser.open("otp/enrol")).one(id="secret").text
    overview = await browser.open("otp")
    assert "recovery code was used" in overview.one("main").text
    page = await browser.filled("otp/enrol", otp=code_for(secret), label="new phone")
    assert "Your recovery codes" in page.one("h1").text
    listing = hub.store.tokens.listed("a1113a01")
    assert listing is not None
    assert (listing.label, listing.disabled) == ("new phone", False)


async def test_the_old_device_lets_a_new_one_in(hub: RealHub, browser: Browser) -> None:
    secret = await begin(browser, "a1113a02", code_of("a1113a02"))
    await browser.filled("otp/enrol", otp=code_for(secret))
    answer = await hub.browser().fill("login", **fields("a1113a02", code_of("a1113a02", later=1)))
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_before_the_new_device_is_confirmed_the_old_one_works(hub: RealHub, browser: Browser) -> None:
    await begin(browser, "a1113a02", code_of("a1113a02"))
    await hub.browser().log_in("a1113a02", later=1)


class TestWrongConfirmation:
    async def test_the_same_page_comes_again(self, hub: RealHub, browser: Browser) -> None:
        secret = await begin(browser, NEW, issue(hub))
        answer = await browser.fill("otp/enrol", otp=WRONG, label="tablet")
        page = browser._page(answer)
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert page.one(id="secret").text == secret
        assert "not right" in page.one(role="alert").text
        assert "9 more times" in page.one(id="otp-help").text
        assert page.one("input", name="label").get("value") == "tablet"
        assert hub.store.tokens.listed(NEW) is None

    async def test_ten_times_ends_it_and_leaves_the_code(self, hub: RealHub, browser: Browser) -> None:
        code = issue(hub)
        secret = await begin(browser, NEW, code)
        for _ in range(9):
            assert (await browser.filled("otp/enrol", otp=WRONG)).all(id="secret")
        page = await browser.filled("otp/enrol", otp=WRONG)
        assert "Nothing is being set up" in page.one("h1").text
        late = await browser.filled("otp/enrol", otp=code_for(secret))
        assert "Nothing is being set up" in late.one("h1").text
        assert hub.store.tokens.listed(NEW) is None
        assert len(hub.audited("enrolled")) == 10
        await begin(browser, NEW, code)

    @pytest.mark.parametrize("typed", ["", "12345", "12345678", "abcdef", "１２３４５６", "1" * 99])
    async def test_what_cannot_be_a_code_costs_no_try(
        self, hub: RealHub, browser: Browser, typed: str
    ) -> None:
        await begin(browser, NEW, issue(hub))
        page = await browser.filled("otp/enrol", otp=typed)
        assert "six digits" in page.one(role="alert").text
        assert "10 more times" in page.one(id="otp-help").text


class TestWhoCarriesOn:
    async def test_nobody_without_the_cookie(self, hub: RealHub, browser: Browser) -> None:
        await begin(browser, NEW, issue(hub))
        page = await hub.browser().open("otp/enrol")
        assert not page.all(id="secret")

    async def test_nobody_with_a_cookie_of_their_own_making(self, hub: RealHub, browser: Browser) -> None:
        name = hub.store.enrolments.begin(NEW, Seed("A" * 32), how="enrolment", now=time.time())
        browser.cookies.set(COOKIE, name)
        page = await browser.open("otp/enrol")
        assert not page.all(id="secret")

    async def test_nobody_who_is_logged_in_as_somebody_else(self, hub: RealHub, browser: Browser) -> None:
        await begin(browser, NEW, issue(hub))
        await browser.log_in("a1113a01")
        page = await browser.open("otp/enrol")
        assert not page.all(id="secret")
        answer = await browser.fill("otp/enrol", otp=WRONG)
        assert answer.status_code == httpx.codes.FORBIDDEN

    async def test_nobody_after_fifteen_minutes(self, hub: RealHub, browser: Browser) -> None:
        secret = await begin(browser, NEW, issue(hub))
        with hub.store.database.engine.begin() as connection:
            connection.execute(update(PendingRow).values(expires=PendingRow.expires - 15 * 60))
        page = await browser.filled("otp/enrol", otp=code_for(secret))
        assert "Nothing is being set up" in page.one("h1").text

    async def test_whoever_begins_again_ends_the_earlier_one(self, hub: RealHub, browser: Browser) -> None:
        code = issue(hub)
        await begin(browser, NEW, code)
        other = hub.browser()
        await begin(other, NEW, code)
        assert not (await browser.open("otp/enrol")).all(id="secret")
        assert (await other.open("otp/enrol")).all(id="secret")


class TestTheSecret:
    async def test_the_page_says_what_every_app_needs(self, hub: RealHub, browser: Browser) -> None:
        secret = await begin(browser, NEW, issue(hub))
        page = await browser.open("otp/enrol")
        assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", secret)
        uri = next(link.get("href") or "" for link in page.all("a") if "otpauth:" in (link.get("href") or ""))
        assert f"secret={secret.replace(' ', '')}" in uri
        assert "algorithm=SHA1&digits=6&period=30" in uri
        assert page.one("svg", class_="hp-qr").inside("main")
        assert page.one(role="img").get("aria-label")

    async def test_it_is_in_no_address_cookie_or_log(self, hub: RealHub, browser: Browser) -> None:
        code = issue(hub)
        secret = await begin(browser, NEW, code)
        page = await browser.filled("otp/enrol", otp=code_for(secret))
        codes = [item.text for item in page.all("li") if item.inside("main") and "-" in item.text]
        said = hub.memory.text + repr([(one.name, one.value) for one in browser.cookies.jar])
        assert "/hub/otp/enrol" in said
        for word in (secret, secret.replace(" ", ""), code, code.replace("-", ""), *codes, PASSWORDS[NEW]):
            assert word not in said
        database = b"".join(each.read_bytes() for each in files_of(hub))
        assert secret.replace(" ", "").encode() not in database

    async def test_no_browser_and_no_proxy_keeps_a_page(self, hub: RealHub, browser: Browser) -> None:
        answers = [await browser.get("otp"), await browser.fill("otp", **fields(NEW, WRONG))]
        secret = await begin(browser, NEW, issue(hub))
        answers += [await browser.get("otp/enrol"), await browser.fill("otp/enrol", otp=WRONG)]
        answers += [await browser.fill("otp/enrol", otp=code_for(secret)), await browser.get("otp/resync")]
        answers += [await browser.post("otp"), await browser.get("otp/codes"), await browser.get("otp/enrol")]
        assert {answer.headers.get("cache-control") for answer in answers} == {"no-store"}
        assert all("frame-ancestors 'none'" in one.headers["content-security-policy"] for one in answers)

    async def test_the_cookie_is_for_these_pages_and_this_site_only(
        self, hub: RealHub, browser: Browser
    ) -> None:
        answer = await browser.fill("otp", **fields(NEW, issue(hub)))
        cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE))
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"path=/hub/otp", "httponly", "samesite=strict", "max-age=900"} <= parts

    async def test_a_script_does_not_get_it(self, hub: RealHub, browser: Browser) -> None:
        await begin(browser, NEW, issue(hub))
        fetched = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        answer = await browser.get("otp/enrol", headers=fetched)
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert "hp-qr" not in answer.text


class TestForms:
    @pytest.mark.parametrize("path", ["otp", "otp/enrol", "otp/resync", "otp/codes", "otp/seen"])
    async def test_without_its_token_nothing_happens(self, hub: RealHub, browser: Browser, path: str) -> None:
        secret = await begin(browser, NEW, issue(hub))
        answer = await browser.post(path, data={**fields(NEW, code_for(secret)), "label": "x"})
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert "form had expired" in answer.text
        assert hub.store.tokens.listed(NEW) is None

    async def test_looking_changes_nothing(self, hub: RealHub, browser: Browser) -> None:
        await begin(browser, NEW, issue(hub))
        before = contents(hub)
        query = {"otp": WRONG, "username": NEW, "password": "x", "action": "reset", "confirmed": "yes"}
        for path in ("otp", "otp/enrol", "otp/resync", "otp/codes", "otp/replace", "otp/admin", "otp/seen"):
            await browser.get(path, params=query)
        assert contents(hub) == before

    @pytest.mark.parametrize("missing", ["username", "otp", "password"])
    async def test_a_missing_field_is_a_refusal(self, browser: Browser, missing: str) -> None:
        sent = {key: value for key, value in fields(NEW, WRONG).items() if key != missing}
        answer = await browser.fill("otp", **sent)
        assert answer.status_code == httpx.codes.FORBIDDEN

    async def test_a_repeated_field_is_a_refusal(self, hub: RealHub, browser: Browser) -> None:
        answer = await browser.fill("otp", **{**fields(NEW, issue(hub)), "password": ["x", PASSWORDS[NEW]]})
        assert answer.status_code == httpx.codes.FORBIDDEN

    async def test_what_was_typed_comes_back_as_text(self, browser: Browser) -> None:
        evil = '"><img src=x onerror=alert(1)>'
        page = await browser.filled("otp", username=evil, otp=WRONG, password="x")
        assert page.one("input", name="username").get("value") == evil
        assert not page.all("img", src="x")

    async def test_bytes_that_are_no_text_are_a_refusal(self, browser: Browser) -> None:
        await browser.get("otp")
        body = f"_xsrf={browser.xsrf}&username=%ff%fe&otp=%00&password=%ff".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await browser.post("otp", content=body, headers=headers)
        assert answer.status_code == httpx.codes.FORBIDDEN


def contents(hub: RealHub) -> list[tuple[str, list[tuple[object, ...]]]]:
    with hub.store.database.engine.connect() as connection:
        return [
            (table.name, [tuple(row) for row in connection.execute(table.select())])
            for table in Base.metadata.sorted_tables
            if table.name != "login_attempts"
        ]


def files_of(hub: RealHub) -> list[Path]:
    return list(Path(str(hub.store.database.engine.url.database)).parent.glob("tokens.sqlite*"))
