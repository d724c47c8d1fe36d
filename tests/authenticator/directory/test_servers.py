"""The next server is asked when one is of no use; a password is sent to one server, once."""

import contextlib
import dataclasses
import logging
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from authenticator.directory import Directory, DirectorySettings
from authenticator.directory.servers import Change
from authenticator.directory.tls import Endpoint
from authenticator.errors import Refused, Unavailable
from authenticator.workers import Deadline
from demo import certificates
from tests.authenticator.directory.listeners import (
    BIND,
    PERSON,
    SEARCH,
    Answer,
    FakeDirectory,
    Listener,
    Request,
    bind_answer,
    black_hole,
    search_answer,
    start_tls_answer,
)
from tests.authenticator.kit import PASSWORDS, SUFFIX, Slapd
from tests.ports import free_port

USER = "a1113a01"
PASSWORD = PASSWORDS[USER].encode()
LOG = logging.getLogger("hpchub.test")
SERVICE, SECRET = "cn=service,dc=fake,dc=example", b"canary-of-the-service"
TYPED = b"canary-of-somebody"


def at(*servers: str | Listener) -> tuple[Endpoint, ...]:
    uris = [each if isinstance(each, str) else f"ldaps://localhost:{each.port}" for each in servers]
    return tuple(Endpoint(uri) for uri in uris)


def asking(settings: DirectorySettings, *servers: str | Listener, **changes: Any) -> Directory:
    return Directory(dataclasses.replace(settings, servers=at(*servers), **changes), LOG)


# ----- a server of no use: the next one ------------------------------------------------------


def good_until(request: Request, kind: int, answer: list[bytes] | None) -> list[bytes] | None:
    """Answer all as it should be, but requests of this kind with `answer`."""
    if request.kind == kind:
        return answer
    return bind_answer(0) if request.kind == BIND else search_answer(0)


Useless = Callable[[ssl.SSLContext], AbstractContextManager[str]]


def fake(scheme: str = "ldaps", **kind: Any) -> Useless:
    @contextmanager
    def opened(tls: ssl.SSLContext) -> Iterator[str]:
        with FakeDirectory(tls=tls if scheme == "ldaps" else None, **kind) as server:
            yield f"{scheme}://localhost:{server.port}"

    return opened


def listener(**kind: Any) -> Useless:
    @contextmanager
    def opened(_tls: ssl.SSLContext) -> Iterator[str]:
        with Listener(**kind) as server:
            yield f"ldaps://localhost:{server.port}"

    return opened


@contextmanager
def hole(_tls: ssl.SSLContext) -> Iterator[str]:
    with black_hole() as port:
        yield f"ldaps://localhost:{port}"


@contextmanager
def stranger(_tls: ssl.SSLContext) -> Iterator[str]:
    """A server with a certificate of its own making."""
    with tempfile.TemporaryDirectory() as folder:
        files = certificates.ensure(Path(folder), "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        with Listener(tls=context) as server:
            yield f"ldaps://localhost:{server.port}"


USELESS: dict[str, Useless] = {
    "refuses connections": lambda _tls: contextlib.nullcontext(f"ldaps://localhost:{free_port()}"),
    "accepts and never answers": listener(),
    "neither accepts nor refuses": hole,
    "has no address": lambda _tls: contextlib.nullcontext("ldaps://directory.invalid"),
    "hangs up": listener(hang_up=True),
    "speaks another protocol": listener(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "stops in the handshake": listener(greeting=b"\x16\x03\x03\x00\x7a\x02\x00"),
    "is of another authority": stranger,
    "hangs after the handshake": fake(answer=lambda _request: None),
    "hangs up after the handshake": fake(answer=lambda _request: []),
    "answers with nonsense": fake(answer=lambda _request: [b"\x61\x03\x01\x01\xff"]),
    "is busy": fake(answer=lambda request: good_until(request, BIND, bind_answer(51))),
    "is unavailable": fake(answer=lambda request: good_until(request, BIND, bind_answer(52))),
    "does not know the service account": fake(
        answer=lambda request: good_until(request, BIND, bind_answer(49))
    ),
    "refers the service account": fake(
        answer=lambda request: good_until(request, BIND, bind_answer(10, referral="ldap://192.0.2.9/"))
    ),
    "is busy with the search": fake(answer=lambda request: good_until(request, SEARCH, search_answer(51))),
    "cannot search": fake(answer=lambda request: good_until(request, SEARCH, search_answer(80))),
    "has no such base": fake(answer=lambda request: good_until(request, SEARCH, search_answer(32))),
    "hangs in the search": fake(answer=lambda request: good_until(request, SEARCH, None)),
    "refuses StartTLS": fake("ldap", answer=lambda _request: start_tls_answer(52)),
    "hangs in StartTLS": fake("ldap", answer=lambda _request: None),
    "stops TLS after StartTLS": fake("ldap", answer=lambda _request: start_tls_answer(0)),
}


@pytest.mark.parametrize("useless", USELESS.values(), ids=USELESS.keys())
def test_the_next_server_is_asked_when_the_first(
    useless: Useless,
    settings: DirectorySettings,
    slapd: Slapd,
    server_tls: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    before = slapd.binds(USER)
    with useless(server_tls) as uri:
        person = asking(settings, uri, slapd.uri).check(USER, PASSWORD, Deadline(5))
    assert person.dn == f"uid={USER},ou=people,{SUFFIX}"
    assert "hub-users" in person.groups
    assert slapd.binds(USER) == before + 1
    assert PASSWORDS[USER] not in caplog.text
    assert settings.bind_password.decode() not in caplog.text + repr(settings)


# ----- the person's password ------------------------------------------------------------------


def knowing(settings: DirectorySettings) -> DirectorySettings:
    """Return settings for the fakes."""
    return dataclasses.replace(
        settings,
        bind_dn=SERVICE,
        bind_password=SECRET,
        user_base="ou=people,dc=fake,dc=example",
        group_base="ou=groups,dc=fake,dc=example",
    )


def directory_that(
    answer: list[bytes] | None, *, proof: Callable[[], None] = lambda: None, groups: int = 0
) -> Answer:
    """Answer somebody's bind in this way, all else as it should be."""

    def answers(request: Request) -> list[bytes] | None:
        if request.kind == SEARCH:
            people = b"ou=groups" not in request.content
            return search_answer(0, dn=PERSON) if people else search_answer(groups)
        if SERVICE.encode() in request.content:
            return bind_answer(0)
        proof()
        return answer

    return answers


@pytest.mark.parametrize(
    "answer",
    [
        bind_answer(51),
        bind_answer(52),
        bind_answer(80),
        bind_answer(10, referral="ldap://192.0.2.9/"),
        [],
        None,
    ],
    ids=["busy", "unavailable", "other", "referral", "hangs up", "hangs"],
)
def test_a_password_that_was_sent_goes_to_no_other_server(
    settings: DirectorySettings, server_tls: ssl.SSLContext, answer: list[bytes] | None
) -> None:
    with (
        FakeDirectory(tls=server_tls, answer=directory_that(answer)) as first,
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0))) as second,
    ):
        door = asking(knowing(settings), first, second)
        with pytest.raises(Unavailable):
            door.check("someone", TYPED, Deadline(5))
    assert first.was_told(TYPED) == 1
    assert second.connections == 0


def test_a_wrong_password_is_final(settings: DirectorySettings, server_tls: ssl.SSLContext) -> None:
    with (
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(49))) as first,
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0))) as second,
    ):
        door = asking(knowing(settings), first, second)
        for _ in range(5):
            with pytest.raises(Refused):
                door.check("someone", TYPED, Deadline(5))
        assert [state.up for state in door.states()] == [True, True], "saying no is an answer"
    assert first.was_told(TYPED) == 5
    assert second.connections == 0


def test_a_server_that_dies_before_the_password_is_sent_is_replaced(
    settings: DirectorySettings, server_tls: ssl.SSLContext
) -> None:
    def dies_after_the_search(request: Request) -> list[bytes] | None:
        if request.kind == SEARCH:
            first.stop_listening()
        return directory_that(bind_answer(0))(request)

    with (
        FakeDirectory(tls=server_tls, answer=dies_after_the_search) as first,
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0))) as second,
    ):
        person = asking(knowing(settings), first, second).check("someone", TYPED, Deadline(5))
    assert person.dn == PERSON
    assert first.was_told(TYPED) == 0
    assert second.was_told(TYPED) == 1


def test_a_server_that_dies_after_the_proof_costs_no_second_one(
    settings: DirectorySettings, server_tls: ssl.SSLContext
) -> None:
    """The groups come from the next server; the password does not go there."""
    with (
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0), groups=52)) as first,
        FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0))) as second,
    ):
        assert asking(knowing(settings), first, second).check("someone", TYPED, Deadline(5))
    assert first.was_told(TYPED) == 1
    assert second.connections == 1
    assert second.was_told(TYPED) == 0


@pytest.mark.parametrize(("dn", "typed"), [("", TYPED), (PERSON, b"")], ids=["name", "password"])
def test_an_empty_name_or_password_never_binds(
    settings: DirectorySettings, server_tls: ssl.SSLContext, dn: str, typed: bytes
) -> None:
    """RFC 4513 §5.1.2: the server would say yes."""

    def answers(request: Request) -> list[bytes] | None:
        return search_answer(0, dn=dn) if request.kind == SEARCH else bind_answer(0)

    with FakeDirectory(tls=server_tls, answer=answers) as server:
        with pytest.raises(Refused):
            asking(knowing(settings), server).check("someone", typed, Deadline(5))
        assert server.connections <= 1
        assert server.was_told(TYPED) == 0


@pytest.mark.parametrize("empty", ["bind_dn", "bind_password"])
def test_a_service_account_without_name_or_password_never_binds(
    settings: DirectorySettings, server_tls: ssl.SSLContext, empty: str
) -> None:
    with FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0))) as server:
        changes: dict[str, Any] = {empty: "" if empty == "bind_dn" else b""}
        with pytest.raises(Unavailable, match="no name or no password"):
            asking(dataclasses.replace(knowing(settings), **changes), server).check(
                "someone", TYPED, Deadline(5)
            )
        assert server.connections == 0


@pytest.mark.parametrize("refer", ["bind", "search", "base"])
def test_a_referral_opens_no_connection(
    settings: DirectorySettings, server_tls: ssl.SSLContext, refer: str
) -> None:
    with Listener() as elsewhere:
        uri = f"ldap://127.0.0.1:{elsewhere.port}/{PERSON}"

        def answers(request: Request) -> list[bytes] | None:
            if request.kind == SEARCH:
                return search_answer(10 if refer == "base" else 0, dn=PERSON, refer=uri)
            return bind_answer(10, referral=uri) if refer == "bind" else bind_answer(0)

        with FakeDirectory(tls=server_tls, answer=answers) as server:
            door = asking(knowing(settings), server)
            outcome = contextlib.nullcontext() if refer == "search" else pytest.raises(Unavailable)
            with outcome:
                assert door.check("someone", TYPED, Deadline(5)).groups == frozenset()
        assert elsewhere.connections == 0


# ----- the circuit breaker ----------------------------------------------------------------------


class Changes(list[Change]):
    def up(self) -> list[tuple[bool, int]]:
        return [(each.up, each.others_up) for each in self]


def test_a_hung_server_costs_two_logins_and_two_lines(
    settings: DirectorySettings, slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", LOG.name)
    changes = Changes()
    with Listener() as hung:
        chosen = dataclasses.replace(settings, servers=at(hung, slapd.uri))
        door = Directory(chosen, LOG, changes.append)
        for _ in range(4):
            door.check(USER, PASSWORD, Deadline(5))
        assert hung.connections == 2
        assert [state.up for state in door.states()] == [False, True]
        assert door.states()[0].since == pytest.approx(time.time(), abs=5)
    assert changes.up() == [(False, 1)]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"localhost:{hung.port} is down" in caplog.text


def test_a_dead_directory_is_told_at_once_and_noticed_when_it_returns(
    settings: DirectorySettings, server_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", LOG.name)
    changes, port = Changes(), free_port()
    chosen = dataclasses.replace(knowing(settings), servers=at(f"ldaps://localhost:{port}"))
    door = Directory(chosen, LOG, changes.append)
    door.raise_if_down()
    told = []
    for _ in range(20):
        with pytest.raises(Unavailable) as answer:
            door.check("someone", TYPED, Deadline(5))
        told.append(answer.value.detail)
    assert sum("is down" in each for each in told) >= 10, "nobody was asked for these"
    with FakeDirectory(tls=server_tls, port=port, answer=directory_that(bind_answer(0))):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(Unavailable):
                door.raise_if_down()
                break
            time.sleep(0.05)
        assert door.check("someone", TYPED, Deadline(5))
    assert changes.up() == [(False, 0), (True, 0)]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "is down" in lines[0]
    assert "answers again after" in lines[1]
    assert door.states()[0].up


def test_of_fifty_logins_at_a_hung_directory_one_waits(settings: DirectorySettings) -> None:
    with Listener() as hung:
        door = asking(settings, hung)
        for _ in range(2):
            with pytest.raises(Unavailable):
                door.check(USER, PASSWORD, Deadline(5))
        time.sleep(1.1)  # its first pause
        outcomes: list[str] = []

        def log_in() -> None:
            try:
                door.check(USER, PASSWORD, Deadline(5))
            except Unavailable as error:
                outcomes.append(error.detail)

        threads = [threading.Thread(target=log_in) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(outcomes) == 50
        assert hung.connections == 3


def test_a_server_that_answers_in_drops_does_not_outlast_the_login(
    settings: DirectorySettings, server_tls: ssl.SSLContext
) -> None:
    drops = FakeDirectory(tls=server_tls, answer=directory_that(bind_answer(0)), slowly=0.3)
    with drops:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            asking(knowing(settings), drops).check("someone", TYPED, Deadline(2))
        assert time.monotonic() - started < 8, "the whole answer would take twelve seconds"


def test_a_question_that_outlasts_its_deadline_is_not_the_server_s_fault(
    settings: DirectorySettings, slapd: Slapd
) -> None:
    door = asking(settings, slapd.uri, user_base="", user_dn_template=f"uid={{username}},ou=people,{SUFFIX}")
    for _ in range(3):
        with pytest.raises(Unavailable, match="deadline"):
            door.look_up_many((f"nobody{number}" for number in range(100_000)), Deadline(0.2))
    assert door.states()[0].up
