"""What people are told, and what is not sent, when the directory cannot be relied on."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.web import HTTPError

import authenticator.answers as words
from authenticator import LDAPOTPAuthenticator
from authenticator.directory.bind import prove
from authenticator.directory.servers import Server
from authenticator.directory.tls import Endpoint
from authenticator.errors import LoginError, Unavailable
from authenticator.store import Store
from authenticator.workers import Deadline, Workers
from tests.authenticator.directory.listeners import Listener
from tests.authenticator.kit import (
    SUFFIX,
    MakeAuthenticator,
    Slapd,
    browser,
    code_of,
    typed,
)
from tests.ports import free_port

USER = "a1113a01"
QUICK = {"connect_timeout": 1, "receive_timeout": 1, "login_timeout": 4}


async def no_answer(door: LDAPOTPAuthenticator, user: str = USER) -> HTTPError:
    with pytest.raises(HTTPError) as answer:
        await door.get_authenticated_user(browser(), typed(user))
    assert answer.value.status_code == 503
    assert answer.value.jupyterhub_message == words.UNAVAILABLE
    return answer.value


@pytest.fixture
def silent() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


async def test_a_directory_that_is_down_is_told_apart_from_a_refusal(
    make_authenticator: MakeAuthenticator,
) -> None:
    error = await no_answer(make_authenticator(server_uris=[f"ldaps://localhost:{free_port()}"]))
    assert error.headers == {"Retry-After": "30"}  # type: ignore[attr-defined]


async def test_after_an_outage_the_same_authenticator_works_again(
    make_authenticator: MakeAuthenticator, slapd: Slapd
) -> None:
    door = make_authenticator()
    slapd.stop()
    try:
        await no_answer(door)
    finally:
        slapd.start()
    assert await door.get_authenticated_user(browser(), typed(USER, otp=code_of(USER, later=1)))


async def delays(stop: asyncio.Event) -> list[float]:
    """Return how long the event loop kept a sleeper waiting beyond its 10 ms, shortest first."""
    seen = []
    while not stop.is_set():
        started = time.perf_counter()
        await asyncio.sleep(0.01)
        seen.append(time.perf_counter() - started - 0.01)
    return sorted(seen)


async def test_fifty_logins_on_a_hanging_directory_hold_up_nobody_else(
    make_authenticator: MakeAuthenticator, silent: Listener, store: Store
) -> None:
    door = make_authenticator(
        server_uris=[f"ldaps://localhost:{silent.port}"], **QUICK, threads=4, waiting=40
    )
    seed = store.tokens.get(USER)
    assert seed is not None
    users = [f"user{number}" for number in range(50)]
    for user in users:
        store.tokens.put(user, seed.seed, now=0)
    stop = asyncio.Event()
    watch = asyncio.create_task(delays(stop))
    started = time.perf_counter()
    data = typed(USER)
    results = await asyncio.gather(
        *(door.get_authenticated_user(browser(), data | {"username": user}) for user in users),
        return_exceptions=True,
    )
    took = time.perf_counter() - started
    stop.set()
    assert {result.status_code for result in results if isinstance(result, HTTPError)} == {503}
    assert len(results) == 50
    assert took < QUICK["login_timeout"] + 4
    waited = await watch
    assert waited[int(len(waited) * 0.5)] < 0.1
    # Each wait for the directory would take a second; some such pauses may be the machine's.
    assert sum(each > 0.5 for each in waited) <= 3
    # Those in the four threads wait for the server. Once it counts as down, the others are told at once, and
    # have not lost the code.
    assert silent.connections <= 2 * 4
    kept = [user for user in users if (token := store.tokens.get(user)) and token.last_step < 0]
    assert len(kept) >= 50 - 2 * 4


async def test_a_slow_directory_is_given_up_at_the_deadline(
    make_authenticator: MakeAuthenticator, silent: Listener
) -> None:
    door = make_authenticator(
        server_uris=[f"ldaps://localhost:{silent.port}"],
        connect_timeout=1,
        receive_timeout=30,
        login_timeout=2,
    )
    started = time.perf_counter()
    await no_answer(door)
    assert time.perf_counter() - started < 15


async def test_the_next_server_is_asked_when_two_are_down(
    make_authenticator: MakeAuthenticator, slapd: Slapd, silent: Listener
) -> None:
    servers = [f"ldaps://localhost:{free_port()}", f"ldaps://localhost:{silent.port}", slapd.uri]
    door, before = make_authenticator(server_uris=servers, **QUICK), slapd.binds(USER)
    assert await door.get_authenticated_user(browser(), typed(USER))
    assert slapd.binds(USER) == before + 1


async def test_who_comes_while_the_directory_is_known_to_be_down_keeps_the_code(
    make_authenticator: MakeAuthenticator, slapd: Slapd
) -> None:
    door, data = make_authenticator(), typed(USER)
    slapd.stop()
    try:
        for other in ("a1113a02", "a1113a03"):
            await no_answer(door, other)
        assert not door.directory.states()[0].up
        with pytest.raises(HTTPError) as answer:
            await door.get_authenticated_user(browser(), data)
        assert answer.value.status_code == 503
    finally:
        slapd.start()
    while not door.directory.states()[0].up:
        with contextlib.suppress(Unavailable):
            await asyncio.to_thread(door.directory.look_up, USER, Deadline(5))
        await asyncio.sleep(0.05)
    assert await door.get_authenticated_user(browser(), data)


async def test_a_wrong_service_password_is_an_outage_and_not_a_refusal(
    make_authenticator: MakeAuthenticator, tmp_path: Path, slapd: Slapd
) -> None:
    path = tmp_path / "wrong-password"
    path.touch(0o600)
    path.write_text("wrong")
    before = slapd.binds(USER)
    await no_answer(make_authenticator(bind_password_file=str(path)))
    assert slapd.binds(USER) == before


async def test_starttls_is_used_on_ldap_servers(make_authenticator: MakeAuthenticator, slapd: Slapd) -> None:
    door = make_authenticator(server_uris=[f"ldap://localhost:{slapd.plain_port}"])
    before = slapd.log.read_text().count("STARTTLS")
    assert await door.get_authenticated_user(browser(), typed(USER))
    assert slapd.log.read_text().count("STARTTLS") == before + 2


async def test_without_tls_only_when_asked_for_and_on_this_machine(
    make_authenticator: MakeAuthenticator, slapd: Slapd
) -> None:
    uri = f"ldap://127.0.0.1:{slapd.plain_port}"
    door = make_authenticator(server_uris=[uri], unencrypted=True, ca_file="")
    before = slapd.log.read_text().count("STARTTLS")
    assert await door.get_authenticated_user(browser(), typed(USER))
    assert slapd.log.read_text().count("STARTTLS") == before


async def test_a_name_template_finds_the_same_person(make_authenticator: MakeAuthenticator) -> None:
    template = f"uid={{username}},ou=people,{SUFFIX}"
    door = make_authenticator(user_search_base="", user_dn_template=template)
    user = await door.get_authenticated_user(browser(), typed(USER))
    assert user["groups"] == ["hpcusers", "hub-users", "proj01"]


async def test_a_name_that_two_entries_have_lets_neither_in(
    make_authenticator: MakeAuthenticator, slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    guests = f"ou=guests,ou=people,{SUFFIX}"
    slapd.modify(
        f"dn: {guests}\nchangetype: add\nobjectClass: organizationalUnit\nou: guests\n\n"
        f"dn: uid={USER},{guests}\nchangetype: add\nobjectClass: account\nobjectClass: posixAccount\n"
        f"uid: {USER}\ncn: x\nuidNumber: 10666\ngidNumber: 10000\nhomeDirectory: /x\n"
    )
    door = make_authenticator()
    try:
        with pytest.raises(HTTPError) as answer:
            await door.get_authenticated_user(browser(), typed(USER))
        assert answer.value.status_code == 403
        assert '"reason": "ambiguous_user"' in caplog.messages[-1]
    finally:
        slapd.modify(f"dn: uid={USER},{guests}\nchangetype: delete\n\ndn: {guests}\nchangetype: delete\n")


async def test_a_referral_opens_no_connection(
    make_authenticator: MakeAuthenticator, slapd: Slapd, silent: Listener, store: Store
) -> None:
    token = store.tokens.get(USER)
    assert token is not None
    store.tokens.put("ref01", token.seed, now=0)
    dn = f"uid=ref01,ou=people,{SUFFIX}"
    slapd.modify(
        f"dn: {dn}\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nuid: ref01\n"
        f"ref: ldap://127.0.0.1:{silent.port}/{dn}\n"
    )
    template = f"uid={{username}},ou=people,{SUFFIX}"
    searched, asked = make_authenticator(**QUICK), make_authenticator(**QUICK, user_dn_template=template)
    for door, later in ((searched, 0), (asked, 1)):
        data = typed(USER, otp=code_of(USER, later=later)) | {"username": "ref01"}
        with pytest.raises(HTTPError):
            await door.get_authenticated_user(browser(), data)
    server = Server(Endpoint(slapd.uri), searched.directory_settings())
    with pytest.raises(LoginError):
        await asyncio.to_thread(prove, server, dn, b"secret", Deadline(5))
    assert silent.connections == 0


async def test_when_too_many_wait_the_next_is_turned_away_at_once() -> None:
    workers, gate = Workers(threads=1, waiting=1), threading.Event()
    ran: list[int] = []
    first = asyncio.create_task(workers.run(gate.wait, timeout=60))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(workers.run(lambda: ran.append(2), timeout=2))
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="busy"):
        await workers.run(lambda: ran.append(3), timeout=60)
    with pytest.raises(Unavailable, match="deadline"):
        await second
    gate.set()
    await first
    await workers.run(lambda: ran.append(4), timeout=60)
    assert ran == [4]
    workers.close()
