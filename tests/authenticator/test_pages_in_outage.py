"""What somebody who is logged in waits for while the directory, or the store, hangs: nothing of theirs."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.store import Store
from tests.authenticator.directory.listeners import Listener
from tests.authenticator.kit import MakeAuthenticator, browser, typed


async def test_pages_do_not_stand_behind_logins_that_hang(
    make_authenticator: MakeAuthenticator, store: Store
) -> None:
    with Listener() as silent:
        door = make_authenticator(server_uris=[f"ldaps://localhost:{silent.port}"], threads=1)
        users = ("a1113a01", "a1113a02", "a1113a03", "hpcadmin")
        logins = [asyncio.create_task(door.authenticate(browser(), typed(user))) for user in users]
        while not silent.connections:  # noqa: ASYNC110 - the listener is another thread
            await asyncio.sleep(0.01)
        store.notices.add("a1113a01", "reset", by="hpcadmin", now=1.0)
        hints = await door.notices_for("a1113a01")
        assert len(hints.news) == 1
        assert not any(task.done() for task in logins)
        for task in logins:
            task.cancel()
        await asyncio.gather(*logins, return_exceptions=True)


class HangingStore:
    """A store whose notices never come."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.notices = SimpleNamespace(unseen=lambda _name: self.over.wait(20))


async def test_the_home_page_comes_without_news_from_a_store_that_hangs(
    authenticator: LDAPOTPAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    hanging: Any = HangingStore()
    authenticator.store.close()
    authenticator.store = hanging
    try:
        hints = await authenticator.notices_for("a1113a01")
    finally:
        hanging.over.set()
    assert not hints
    assert "What a1113a01 should be told is not known: TimeoutError" in caplog.text
