"""What administrators do about other people's devices, and what everybody else may not."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from authenticator.passcode import Seed, make_secret
from authenticator.store import RECOVERED
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of
from tests.authenticator.pages.realhub import Browser, RealHub
from tests.templates.pages import Page

ANNA = "a1113a01"
NEW = "nouse01"


@pytest.fixture
async def admin(hub: RealHub) -> Browser:
    return await hub.logged_in("hpcadmin")


def cells(page: Page) -> dict[str, str]:
    """Return the rows of the table as text, by account."""
    names = [one.text for one in page.all("th", scope="row")]
    states = [one.text for one in page.all("td")][3::4]
    return dict(zip(names, (re.sub(r"\s+", " ", state).strip() for state in states), strict=True))


def shown_code(page: Page) -> str:
    code = page.one(id="code").text
    assert re.fullmatch(r"([A-Z2-7]{5}-){3}[A-Z2-7]{5}", code)
    return code


class TestWhoMay:
    @pytest.mark.parametrize("path", ["otp/admin", f"otp/admin/{ANNA}"])
    async def test_nobody_but_administrators(self, hub: RealHub, path: str) -> None:
        anna = await hub.logged_in(ANNA)
        assert (await anna.get(path)).status_code == httpx.codes.FORBIDDEN
        for action in ("issue", "reset", "disable", "enable", "unlock"):
            typed = {"action": action, "confirmed": "yes", "name": "a1113a02"}
            answer = await anna.fill("otp", **typed)
            answer = await anna.post(path, data={"_xsrf": anna.xsrf, **typed})
            assert answer.status_code == httpx.codes.FORBIDDEN
        assert hub.store.tokens.listed(ANNA)
        assert not hub.store.enrolments.issued(ANNA, now=time.time())
        assert not hub.store.enrolments.issued("a1113a02", now=time.time())

    async def test_strangers_log_in_first(self, browser: Browser) -> None:
        answer = await browser.get("otp/admin")
        assert answer.headers["location"].startswith("/hub/login")

    @pytest.mark.parametrize("action", ["issue", "reset", "disable", "unlock"])
    async def test_no_form_works_without_its_token(self, hub: RealHub, admin: Browser, action: str) -> None:
        answer = await admin.post(f"otp/admin/{ANNA}", data={"action": action, "confirmed": "yes"})
        assert answer.status_code == httpx.codes.FORBIDDEN
        listing = hub.store.tokens.listed(ANNA)
        assert listing is not None
        assert not listing.disabled
        assert not hub.store.enrolments.issued(ANNA, now=time.time())

    async def test_a_link_changes_nothing(self, hub: RealHub, admin: Browser) -> None:
        await admin.get(f"otp/admin/{ANNA}", params={"action": "reset", "confirmed": "yes"})
        await admin.get("otp/admin", params={"name": NEW})
        assert hub.store.tokens.listed(ANNA)
        assert not hub.store.enrolments.issued(NEW, now=time.time())


class TestTheList:
    async def test_says_how_everybody_stands(self, hub: RealHub, admin: Browser) -> None:
        now = time.time()
        hub.store.tokens.disable("a1113a02", why="administrator")
        hub.store.enrolments.issue(ANNA, by="hpcadmin", now=now)
        page = await admin.open("otp/admin")
        states = cells(page)
        assert states["hpcadmin"] == "in use"
        assert "enrolment code until" in states[ANNA]
        assert states["a1113a02"].startswith("out of use by an administrator")
        assert page.one("caption").inside("table")
        assert {one.get("scope") for one in page.all("th")} == {"col", "row"}

    async def test_never_shows_a_secret(self, hub: RealHub, admin: Browser) -> None:
        code = hub.store.enrolments.issue(ANNA, by="hpcadmin", now=time.time())
        answers = [await admin.get("otp/admin"), await admin.get(f"otp/admin/{ANNA}")]
        for answer in answers:
            assert SEEDS[ANNA].secret not in answer.text
            assert code not in answer.text
            assert answer.headers["cache-control"] == "no-store"

    async def test_finds_by_account_and_by_device(self, hub: RealHub, admin: Browser) -> None:
        hub.store.tokens.put("zoe", Seed(make_secret()), now=time.time(), label="Zoë's tablet")
        assert set(cells(await admin.open("otp/admin?q=A1113A01"))) == {ANNA}
        assert set(cells(await admin.open("otp/admin?q=TABLET"))) == {"zoe"}
        page = await admin.open("otp/admin?q=nobody-here")
        assert page.one("a", href="/hub/otp/admin/nobody-here")

    async def test_comes_in_pages(self, hub: RealHub, admin: Browser) -> None:
        for number in range(120):
            hub.store.tokens.put(f"user{number:03}", Seed(make_secret()), now=time.time())
        first, last = await admin.open("otp/admin?q=user"), await admin.open("otp/admin?q=user&page=3")
        assert len(cells(first)) == 50
        assert list(cells(last))[-1] == "user119"
        assert "page 3 of 3" in last.one("caption").text
        assert first.one("a", href="/hub/otp/admin?q=user&page=2")
        for nonsense in ("0", "-1", "x", "9" * 20, "４"):
            page = await admin.open("otp/admin", params={"q": "user", "page": nonsense})
            assert len(cells(page)) > 0

    async def test_evil_words_stay_text(self, hub: RealHub, admin: Browser) -> None:
        evil = '"><img src=x onerror=alert(1)>'
        hub.store.tokens.put("zoe", Seed(make_secret()), now=time.time(), label=evil)
        page = await admin.open("otp/admin", params={"q": evil})
        assert page.one("input", name="q").get("value") == evil
        assert not page.all("img", src="x")
        page = await admin.open("otp/admin/zoe")
        assert evil in page.one("main").text


class TestIssue:
    async def test_for_somebody_who_has_never_been_here(self, hub: RealHub, admin: Browser) -> None:
        page = await admin.filled("otp/admin", name=" NoUse01 ")
        code = shown_code(page)
        assert f"{hub.url}hub/otp" in page.one("main").text
        assert hub.store.enrolments.valid(NEW, code, now=time.time())
        assert [(one["user"], one["by"]) for one in hub.audited("enrolment_code")] == [(NEW, "hpcadmin")]
        assert code not in hub.memory.text
        assert [one.event for one in hub.store.notices.unseen(NEW)] == ["enrolment_code"]
        answer = await hub.browser().fill("otp", username=NEW, otp=code, password=PASSWORDS[NEW])
        assert answer.headers["location"] == "/hub/otp/enrol"

    async def test_a_new_code_ends_the_one_before(self, hub: RealHub, admin: Browser) -> None:
        first = shown_code(await admin.filled("otp/admin", name=NEW))
        second = shown_code(await admin.filled(f"otp/admin/{NEW}", action="issue"))
        assert not hub.store.enrolments.valid(NEW, first, now=time.time())
        assert hub.store.enrolments.valid(NEW, second, now=time.time())

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ("nobody-here", "has no account “nobody-here”"),
            ("a*", "cannot be the name"),
            ("", "cannot be the name"),
            ("x" * 99, "cannot be the name"),
        ],
    )
    async def test_not_for_an_account_that_is_not_there(
        self, hub: RealHub, admin: Browser, typed: str, said: str
    ) -> None:
        page = await admin.filled("otp/admin", name=typed)
        assert said in page.one(role="alert").text
        assert not page.all(id="code")
        assert not hub.audited("enrolment_code")

    async def test_not_for_somebody_who_was_shut_out(self, hub: RealHub, admin: Browser) -> None:
        hub.store.tokens.disable(ANNA, why="administrator")
        page = await admin.filled(f"otp/admin/{ANNA}", action="issue")
        assert "is out of use" in page.one(role="alert").text
        assert not hub.store.enrolments.issued(ANNA, now=time.time())

    async def test_for_somebody_whose_phone_is_lost(self, hub: RealHub, admin: Browser) -> None:
        hub.store.tokens.disable(ANNA, why=RECOVERED)
        code = shown_code(await admin.filled(f"otp/admin/{ANNA}", action="issue"))
        answer = await hub.browser().fill("otp", username=ANNA, otp=code, password=PASSWORDS[ANNA])
        assert answer.headers["location"] == "/hub/otp/enrol"

    async def test_not_for_an_account_that_the_directory_has_closed(
        self, hub: RealHub, admin: Browser
    ) -> None:
        page = await admin.filled("otp/admin", name="locked01")
        assert not page.all(id="code")
        assert "has closed the account “locked01” (locked)" in page.one(role="alert").text

    async def test_not_while_the_directory_is_silent(
        self, hub: RealHub, admin: Browser, slapd: Slapd
    ) -> None:
        await admin.get("otp/admin")
        slapd.stop()
        try:
            answer = await admin.post("otp/admin", data={"_xsrf": admin.xsrf, "name": NEW})
        finally:
            slapd.start()
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "cannot be asked about this account" in answer.text
        assert not hub.store.enrolments.issued(NEW, now=time.time())


class TestReset:
    async def test_asks_first(self, hub: RealHub, admin: Browser) -> None:
        page = await admin.filled(f"otp/admin/{ANNA}", action="reset")
        assert f"Reset {ANNA}?" in page.one("h1").text
        assert hub.store.tokens.listed(ANNA)

    async def test_removes_everything_and_ends_sessions(self, hub: RealHub, admin: Browser) -> None:
        anna = await hub.logged_in(ANNA)
        now = time.time()
        hub.store.recovery.replace(ANNA, now=now)
        hub.store.enrolments.issue(ANNA, by="hpcadmin", now=now)
        pending = hub.store.enrolments.begin(ANNA, Seed(make_secret()), how="otp", now=now)
        answer = await admin.fill(f"otp/admin/{ANNA}", action="reset", confirmed="yes")
        assert answer.status_code == httpx.codes.SEE_OTHER
        assert hub.store.tokens.listed(ANNA) is None
        assert hub.store.recovery.left(ANNA) == 0
        assert hub.store.enrolments.issued(ANNA, now=now) is None
        assert hub.store.enrolments.pending(pending, now=now) is None
        assert [(one["user"], one["by"]) for one in hub.audited("reset")] == [(ANNA, "hpcadmin")]
        assert [one.event for one in hub.store.notices.unseen(ANNA)] == ["reset"]
        home = await anna.get("home")
        assert home.headers.get("location", "").startswith("/hub/login")
        assert (await admin.get("home")).status_code == httpx.codes.OK

    async def test_an_enrolment_under_way_cannot_be_finished(self, hub: RealHub, admin: Browser) -> None:
        thief = hub.browser()
        await thief.fill("otp", username=ANNA, otp=code_of(ANNA), password=PASSWORDS[ANNA])
        assert (await thief.open("otp/enrol")).all(id="secret")
        await admin.fill(f"otp/admin/{ANNA}", action="reset", confirmed="yes")
        assert not (await thief.open("otp/enrol")).all(id="secret")


class TestDisable:
    async def test_keeps_out_and_lets_in_again(self, hub: RealHub, admin: Browser) -> None:
        anna = await hub.logged_in(ANNA)
        await admin.fill(f"otp/admin/{ANNA}", action="disable")
        assert (await anna.get("home")).status_code == httpx.codes.FOUND
        typed = {"username": ANNA, "otp": code_of(ANNA, later=1), "password": PASSWORDS[ANNA]}
        assert (await hub.browser().fill("login", **typed)).status_code == httpx.codes.FORBIDDEN
        page = await admin.open(f"otp/admin/{ANNA}")
        assert "by an administrator" in page.one("main").text
        await admin.fill(f"otp/admin/{ANNA}", action="enable")
        assert (await hub.browser().fill("login", **typed)).status_code == httpx.codes.FOUND
        assert [one.event for one in hub.store.notices.unseen(ANNA)] == ["disabled", "enabled"]
        assert hub.audited("disabled")[0]["by"] == hub.audited("enabled")[0]["by"] == "hpcadmin"

    async def test_nothing_is_noted_when_nothing_is_changed(self, hub: RealHub, admin: Browser) -> None:
        for action in ("disable", "enable", "unlock"):
            answer = await admin.fill(f"otp/admin/{NEW}", action=action)
            assert answer.status_code == httpx.codes.SEE_OTHER
        assert not hub.audited("disabled") + hub.audited("enabled") + hub.audited("unlocked")

    async def test_an_unknown_action_does_nothing(self, hub: RealHub, admin: Browser) -> None:
        for action in ("", "delete", "__init__", "prepare"):
            answer = await admin.fill(f"otp/admin/{ANNA}", action=action)
            assert answer.status_code == httpx.codes.BAD_REQUEST


class TestUnlock:
    async def test_opens_an_account_after_too_many_attempts(self, hub: RealHub, admin: Browser) -> None:
        wrong = {"username": ANNA, "otp": "000000", "password": "x"}
        guesser = hub.browser()
        for _ in range(8):
            await guesser.fill("otp", **wrong)
        assert (await guesser.fill("otp", **wrong)).status_code == httpx.codes.TOO_MANY_REQUESTS
        page = await admin.open(f"otp/admin/{ANNA}")
        assert "too many attempts" in page.one("main").text
        await admin.fill(f"otp/admin/{ANNA}", action="unlock")
        assert (await guesser.fill("otp", **wrong)).status_code == httpx.codes.FORBIDDEN
        assert [(one["user"], one["by"]) for one in hub.audited("unlocked")] == [(ANNA, "hpcadmin")]


async def test_administrators_find_the_way(admin: Browser) -> None:
    for path in ("otp", "admin"):
        page = await admin.open(path)
        assert page.all("a", href="/hub/otp/admin")


async def test_others_are_not_shown_the_way(hub: RealHub) -> None:
    anna = await hub.logged_in(ANNA)
    page = await anna.open("otp")
    assert not page.all("a", href="/hub/otp/admin")
