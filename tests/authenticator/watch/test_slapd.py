"""The whole login in a real hub, watched over with a real directory."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.store import Store
from tests.authenticator.kit import SUFFIX, Slapd, settings_for, typed
from tests.authenticator.watch.smallhub import SmallHub, small_hub

ANNA = "a1113a01"


@pytest.fixture
async def hub(slapd: Slapd, store: Store, tmp_path: Path) -> AsyncIterator[SmallHub]:
    settings = settings_for(slapd, tmp_path) | {"authenticator_class": LDAPOTPAuthenticator}
    async with small_hub(tmp_path, **settings) as running:
        yield running


@contextmanager
def changed(slapd: Slapd, entry: str, change: str, undo: str) -> Iterator[None]:
    """Have an entry of the directory changed until the block ends."""
    slapd.modify(f"dn: {entry},{SUFFIX}\nchangetype: modify\n{change}\n")
    try:
        yield
    finally:
        slapd.modify(f"dn: {entry},{SUFFIX}\nchangetype: modify\n{undo}\n")


async def test_an_account_that_is_locked_is_out_with_the_next_look(hub: SmallHub, slapd: Slapd) -> None:
    anna = await hub.logged_in(**as_fields(ANNA))
    token = hub.token(ANNA)
    await hub.watch.sweep()
    assert [await anna.sees(), await hub.may(token)] == [ANNA, True]
    lock = "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z"
    with changed(slapd, f"uid={ANNA},ou=people", lock, "delete: pwdAccountLockedTime"):
        await hub.watch.sweep()
        assert [await anna.sees(), await hub.may(token)] == ["", False]


async def test_a_group_of_the_directory_comes_and_goes_with_a_look(hub: SmallHub, slapd: Slapd) -> None:
    await hub.logged_in(**as_fields(ANNA))
    before = groups_of(hub)
    assert "hub-users" in before
    assert "proj02" not in before
    member = f"memberUid\nmemberUid: {ANNA}"
    with changed(slapd, "cn=proj02,ou=groups", f"add: {member}", f"delete: {member}"):
        await hub.watch.sweep()
        assert groups_of(hub) == before | {"proj02"}
    await hub.watch.sweep()
    assert groups_of(hub) == before


async def test_a_directory_that_is_stopped_logs_nobody_out(hub: SmallHub, slapd: Slapd) -> None:
    anna = await hub.logged_in(**as_fields(ANNA))
    slapd.stop()
    try:
        await hub.watch.sweep()
        assert await anna.sees() == ANNA
    finally:
        slapd.start()


async def test_log_out_and_reset_work_with_the_whole_login(hub: SmallHub, store: Store) -> None:
    anna = await hub.logged_in(**as_fields(ANNA))
    thief = anna.copy()
    await anna.get("logout")
    assert await thief.sees() == ""
    await thief.aclose()
    bert = await hub.logged_in(**as_fields("a1113a02"))
    store.revocations.request("a1113a02", reason="reset", by="root", now=time.time())
    async with asyncio.timeout(60):
        while await bert.sees():  # noqa: ASYNC110 - the command does not wait either
            await asyncio.sleep(0.1)


def as_fields(user: str) -> dict[str, str]:
    fields = typed(user)
    return {"name": fields["username"], "otp": fields["otp"], "password": str(fields["password"])}


def groups_of(hub: SmallHub) -> set[str]:
    return {group.name for group in hub.user(ANNA).groups}
