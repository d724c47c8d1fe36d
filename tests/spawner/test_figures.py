"""Refresh, for a browser that the hub has just recognised: as strict as JupyterHub, and hardly any work.

Whether JupyterHub's handler answered is seen in the hub's log: the lines of the others come from `quick`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.spawner.figureshub import FRAME, Browser, FiguresHub, run_figures_hub

ANNA, CHRIS = "a1113a01", "a1113a03"  # in the project proj01; in proj02, which alone may use bigmem
LOGIN, SESSION, XSRF = "jupyterhub-hub-login", "jupyterhub-session-id", "_xsrf"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiguresHub]:
    with run_figures_hub(tmp_path_factory.mktemp("hub")) as running:
        with running.browser("warm") as first:  # the head of all later answers is the first one's
            assert first.press().status_code == 200
        yield running


@pytest.fixture
def opened(hub: FiguresHub) -> Iterator[Callable[[str], Browser]]:
    """Give browsers that have the form open."""
    browsers = []

    def come(name: str) -> Browser:
        browser = hub.browser(name)
        browsers.append(browser)
        assert browser.open("spawn").status_code == 200
        return browser

    yield come
    for browser in browsers:
        browser.http.close()


def replay(hub: FiguresHub, browser: Browser, *, token: str | None = None, **cookies: str) -> httpx.Response:
    """Send what a browser would, with other cookies, or another token."""
    hub.count()
    sent = {one.name: one.value or "" for one in browser.http.cookies.jar} | cookies
    headers = {**FRAME, "X-XSRFToken": browser.xsrf if token is None else token}
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in sent.items())
    return httpx.get(f"{hub.url}api/hpchub/queues", headers=headers, timeout=20)


def told(hub: FiguresHub, ask: Callable[[], httpx.Response]) -> tuple[int, int]:
    """Ask; return the status, and how many answers came past JupyterHub's handler."""
    before = hub.quick()
    return ask().status_code, hub.quick() - before


class TestKnown:
    def test_answer_and_its_head_are_those_of_jupyterhubs_handler(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, before = opened(ANNA), hub.quick()
        quick = anna.press()
        full = anna.press(query="?full=1")
        assert quick.status_code == full.status_code == 200
        assert quick.json()["own"] == full.json()["own"]
        assert quick.json()["figures"].keys() == full.json()["figures"].keys()
        ignored = {"date", "content-length"}
        heads = [{n: v for n, v in one.headers.items() if n not in ignored} for one in (quick, full)]
        assert heads[0] == heads[1]
        assert "default-src 'none'" in quick.headers["content-security-policy"]
        assert quick.headers["cache-control"] == "no-store"
        assert "set-cookie" not in quick.headers
        assert "date" in quick.headers
        assert hub.quick() == before + 1

    def test_five_rounds_of_forty_ask_slurm_rarely_and_the_database_never(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, before = opened(ANNA), hub.quick()
        asked, statements = hub.asked(), hub.statements()
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            for _round in range(5):
                codes = list(pool.map(lambda _: anna.press().status_code, range(40)))
                assert codes == [200] * 40
        looks = 1 + int((time.monotonic() - began) / 2)  # Slurm is left alone for two seconds
        assert hub.quick() - before == 200
        assert hub.asked()["squeue"] - asked["squeue"] <= looks
        assert hub.statements() == statements

    def test_who_presses_again_later_has_slurm_asked_anew(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, before = opened(ANNA), hub.quick()
        assert anna.press().status_code == 200
        asked, presses, deadline = hub.asked()["squeue"], 1, time.monotonic() + 30
        while hub.asked()["squeue"] == asked:
            assert time.monotonic() < deadline
            time.sleep(0.5)
            assert anna.press().status_code == 200
            presses += 1
        assert hub.quick() == before + presses

    def test_each_answer_has_its_line_in_the_log_and_its_place_in_the_figures(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        def counted() -> float:
            hub.lines()
            text = opened("admin").open("metrics").text
            name = 'jupyterhub_request_duration_seconds_count{code="200",'
            name += 'handler="spawner.figures.FiguresHandler",method="GET"}'
            return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

        anna, before, lines = opened(ANNA), counted(), len(hub.lines())
        for _time in range(25):
            anna.press()
        new = hub.lines()[lines:]
        assert len(new) == 25
        assert all(f"200 GET /hub/api/hpchub/queues ({ANNA}@127.0.0.1)" in line for line in new)
        assert not any(cookie.value in "".join(new) for cookie in anna.http.cookies.jar)
        assert counted() - before == 25

    def test_each_user_gets_the_own_part_and_no_one_elses(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, chris, before = opened(ANNA), opened(CHRIS), hub.quick()
        for _time in range(3):
            own = {who: who.press().json()["own"]["bigmem"] for who in (anna, chris)}
            assert own[anna]["why"].endswith("yours: proj01.")
            assert own[chris] == {**own[chris], "why": ""}
            assert (own[anna]["offers"]["account"], own[chris]["offers"]["account"]) == ([], ["proj02"])
        assert hub.quick() - before == 6

    def test_language_is_that_of_the_browser_also_when_it_changes(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, before = opened(ANNA), hub.quick()
        for lang, word in (
            ("en", "Waiting jobs"),
            ("ko", "대기"),
            ("en", "Waiting jobs"),
            ("xx", "Waiting jobs"),
        ):
            answer = replay(hub, anna, **{"hpchub-lang": lang}).json()
            assert word in answer["figures"]["html"]
            assert ("This queue takes" in answer["own"]["bigmem"]["why"]) == (lang != "ko")
        assert hub.quick() - before == 4

    def test_somebody_who_leaves_while_slurm_is_asked_keeps_nobody_waiting(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, where = opened(ANNA), urlsplit(hub.url)
        time.sleep(2.5)  # until the next press asks Slurm
        cookies = "; ".join(f"{one.name}={one.value}" for one in anna.http.cookies.jar)
        head = f"GET /hub/api/hpchub/queues HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n"
        for _time in range(3):
            with socket.create_connection((where.hostname or "", where.port or 0)) as gone:
                hub.count()
                gone.sendall(f"{head}X-XSRFToken: {anna.xsrf}\r\n\r\n".encode())
        assert anna.press().status_code == 200
        assert len(hub.lines()) == hub.sent
        assert "Traceback" not in hub.log


class TestStranger:
    """Whatever is not exactly what the known browser sends is JupyterHub's to judge."""

    @pytest.mark.parametrize(
        ("token", "cookies"),
        [
            ("", {}),
            ("wrong", {}),
            ("wrong", {XSRF: "wrong"}),
            (None, {LOGIN: "wrong"}),
            (None, {LOGIN: ""}),
            (None, {SESSION: "wrong"}),
            (None, {SESSION: "", LOGIN: "", XSRF: ""}),
        ],
    )
    def test_anything_wrong_in_the_cookies_or_the_token_is_refused(
        self, hub: FiguresHub, opened: Callable[[str], Browser], token: str | None, cookies: dict[str, str]
    ) -> None:
        anna = opened(ANNA)
        assert anna.press().status_code == 200
        assert told(hub, lambda: replay(hub, anna, token=token, **cookies)) == (403, 0)

    def test_login_of_one_with_the_page_of_another_is_refused(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, chris = opened(ANNA), opened(CHRIS)
        theirs = next(one.value or "" for one in chris.http.cookies.jar if one.name == LOGIN)
        assert told(hub, lambda: replay(hub, anna, **{LOGIN: theirs})) == (403, 0)

    def test_login_cookie_with_another_signature_is_refused(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna = opened(ANNA)
        own = next(one.value or "" for one in anna.http.cookies.jar if one.name == LOGIN)
        forged = own.strip('"')[:-4] + "0000"
        assert told(hub, lambda: replay(hub, anna, **{LOGIN: forged})) == (403, 0)

    @pytest.mark.parametrize("ask", [{"query": "?token=x"}, {"Authorization": "token x"}, {"query": "?a=1"}])
    def test_tokens_and_arguments_are_looked_at_by_jupyterhub(
        self, hub: FiguresHub, opened: Callable[[str], Browser], ask: dict[str, str]
    ) -> None:
        anna = opened(ANNA)
        status, quick = told(hub, lambda: anna.press(**ask))
        assert (status in (200, 403), quick) == (True, 0)

    def test_token_that_may_do_nothing_with_servers_sees_nothing(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna = opened(ANNA)
        heads = {**FRAME, "X-XSRFToken": anna.xsrf}
        for scopes, status in ((["read:users:name!user"], 403), (["servers!user"], 200)):
            made = anna.http.post(f"api/users/{ANNA}/tokens", json={"scopes": scopes}, headers=heads)
            hub.count()
            own = {"Authorization": f"token {made.json()['token']}"}
            assert httpx.get(f"{hub.url}api/hpchub/queues", headers=own, timeout=20).status_code == status

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
    def test_other_methods_are_jupyterhubs(
        self, hub: FiguresHub, opened: Callable[[str], Browser], method: str
    ) -> None:
        anna = opened(ANNA)
        status, quick = told(hub, lambda: anna.press(method))
        assert (status != 200 or method == "OPTIONS", quick) == (True, 0)


class TestEnd:
    def test_ended_sessions_are_refused_at_once_and_those_of_others_go_on(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna, chris = opened(ANNA), opened(CHRIS)
        assert [who.press().status_code for who in (anna, chris)] == [200, 200]
        hub.end_sessions(ANNA)
        assert told(hub, anna.press) == (403, 0)
        assert told(hub, chris.press) == (200, 1)

    def test_log_out_ends_it_for_the_browser_that_presses_again(
        self, hub: FiguresHub, opened: Callable[[str], Browser]
    ) -> None:
        anna = opened(ANNA)
        assert anna.press().status_code == 200
        anna.open("logout")
        assert told(hub, anna.press) == (403, 0)

    def test_user_who_was_deleted_is_refused(self, hub: FiguresHub, opened: Callable[[str], Browser]) -> None:
        gone, admin = opened("a1113a02"), opened("admin")
        assert gone.press().status_code == 200
        answer = admin.http.delete("api/users/a1113a02", headers={**FRAME, "X-XSRFToken": admin.xsrf})
        assert answer.status_code == 204
        assert told(hub, gone.press) == (403, 0)


def test_the_first_answer_of_a_hub_is_jupyterhubs_own(tmp_path: Path) -> None:
    with run_figures_hub(tmp_path) as fresh, fresh.browser(ANNA) as anna:
        anna.open("spawn")
        assert told(fresh, anna.press) == (200, 0)
        assert told(fresh, anna.press) == (200, 1)
