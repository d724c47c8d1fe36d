"""What is on the wire: no password where it could be read, whatever the server does."""

import contextlib
import dataclasses
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authenticator.directory import Directory, DirectorySettings
from authenticator.directory.tls import Endpoint, client_context
from authenticator.errors import LoginError, Unavailable
from authenticator.workers import Deadline
from demo import certificates
from tests.authenticator.directory.impostors import old_tls, reissued, tls_with
from tests.authenticator.directory.listeners import (
    EXTENDED,
    FakeDirectory,
    Listener,
    Relay,
    Request,
    ber,
    bind_answer,
    relay,
    start_tls_answer,
)
from tests.authenticator.kit import PASSWORDS, Slapd

USER = "a1113a01"
PASSWORD = PASSWORDS[USER].encode()
LOG = logging.getLogger("hpchub.test")


def at(settings: DirectorySettings, uri: str, **changes: Any) -> Directory:
    return Directory(dataclasses.replace(settings, servers=(Endpoint(uri),), **changes), LOG)


def secrets(settings: DirectorySettings) -> tuple[bytes, ...]:
    return PASSWORD, settings.bind_password, settings.bind_dn.encode(), USER.encode()


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_nobody_on_the_way_can_read_a_login(settings: DirectorySettings, slapd: Slapd, scheme: str) -> None:
    with relay(slapd.port if scheme == "ldaps" else slapd.plain_port) as between:
        assert at(settings, f"{scheme}://localhost:{between.port}").check(USER, PASSWORD, Deadline(5))
        assert between.connections == 2
        passed = bytes(between.received + between.returned)
    assert len(passed) > 2000
    assert not [secret for secret in secrets(settings) if secret in passed]


def test_without_tls_all_of_it_could_be_read(settings: DirectorySettings, slapd: Slapd) -> None:
    """The counterpart: the relay would have noticed."""
    with relay(slapd.plain_port) as between:
        uri = f"ldap://127.0.0.1:{between.port}"
        assert at(settings, uri, unencrypted=True, tls=None).check(USER, PASSWORD, Deadline(5))
        passed = bytes(between.received)
    assert all(secret in passed for secret in secrets(settings))


def refuses(code: int) -> Callable[[Request], list[bytes]]:
    return lambda _request: start_tls_answer(code)


STRIPPED: dict[str, Callable[[Request], list[bytes] | None]] = {
    **{f"StartTLS ends with {code}": refuses(code) for code in (1, 2, 12, 51, 52, 53, 80)},
    "StartTLS is answered like a bind": lambda _request: bind_answer(0),
    "the answer is not LDAP": lambda _request: [b"\x01"],
    "the line is cut": lambda _request: [],
    "no answer": lambda _request: None,
}


@pytest.mark.parametrize("answer", STRIPPED.values(), ids=STRIPPED.keys())
def test_a_server_that_does_not_start_tls_is_told_nothing(
    settings: DirectorySettings, answer: Callable[[Request], list[bytes] | None]
) -> None:
    kinds = []

    def notes(request: Request) -> list[bytes] | None:
        kinds.append(request.kind)
        return answer(request)

    with FakeDirectory(answer=notes) as server:
        with pytest.raises(Unavailable):
            at(settings, f"ldap://localhost:{server.port}").check(USER, PASSWORD, Deadline(5))
        assert kinds == [EXTENDED]
        assert not [secret for secret in secrets(settings) if secret in server.received]


class Injecting(Relay):
    """Adds, in plain text, a yes to each bind that could follow StartTLS to the answer of that."""

    injected = 0

    def changed(self, data: bytes) -> bytes:
        if data[:1] != b"\x30" or b"\x78" not in data[:12]:
            return data
        number = int.from_bytes(data[4 : 4 + data[3]])
        numbers = [ber(0x02, (number + more).to_bytes(4)) for more in range(1, 4)]
        self.injected += 1
        return data + b"".join(ber(0x30, each, bind_answer(0)[0]) for each in numbers)


def test_answers_that_are_injected_before_tls_let_nobody_in(
    settings: DirectorySettings, slapd: Slapd
) -> None:
    """As in CVE-2011-0411: what came before TLS would be read as if it had come after."""
    with Injecting(target=slapd.plain_port) as between:
        with pytest.raises(LoginError):
            at(settings, f"ldap://localhost:{between.port}").check(USER, b"not the password", Deadline(5))
        assert between.injected >= 1
        assert not [secret for secret in secrets(settings) if secret in between.received]


WRONG = [
    "other authority",
    "other address",
    "other name",
    "no name but the old common name",
    "expired",
    "not yet valid",
    "no TLS",
    "nothing",
]


@contextlib.contextmanager
def impostor(folder: Path, wrong: str) -> Iterator[tuple[Listener, str, Path]]:
    """Yield a server with this wrong about it, the host it is reached at, and the authority to trust."""
    files = certificates.ensure(folder / "tls", "localhost")
    address, host, tls, authority = "127.0.0.1", "localhost", reissued(files), files.ca
    match wrong:
        case "other authority":
            authority = certificates.ensure(folder / "other", "localhost").ca
        case "other address":
            address = host = "127.0.0.2"
        case "other name":
            tls = reissued(files, hosts=["elsewhere.example"])
        case "no name but the old common name":
            tls = reissued(files, hosts=[])
        case "expired":
            tls = reissued(files, first=-9, last=-1)
        case "not yet valid":
            tls = reissued(files, first=1, last=9)
    with Listener(address=address, tls=None if wrong == "no TLS" else tls) as server:
        yield server, host, authority


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_server_that_cannot_prove_itself_is_told_nothing(
    settings: DirectorySettings, tmp_path: Path, wrong: str, scheme: str
) -> None:
    """Not a byte of name or password, neither on the wire nor inside TLS."""
    with (
        impostor(tmp_path, wrong) as (server, host, authority),
        Relay(address=server.address, target=server.port, starts_tls=scheme == "ldap") as between,
    ):
        door = at(settings, f"{scheme}://{host}:{between.port}", tls=client_context(authority))
        with pytest.raises(Unavailable):
            door.check(USER, PASSWORD, Deadline(5))
        assert server.connections == 1
        heard = bytes(server.received + between.received)
        if wrong == "nothing":
            # The counterpart: this one proves itself, and would have told us.
            assert settings.bind_password in server.received
            heard = bytes(between.received) + bytes(server.received).replace(settings.bind_password, b"")
            heard = heard.replace(settings.bind_dn.encode(), b"")
        assert not [secret for secret in secrets(settings) if secret in heard]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_tls_of_the_last_century_is_refused(
    settings: DirectorySettings, slapd: Slapd, version: ssl.TLSVersion
) -> None:
    """RFC 8996."""
    with Listener(tls=old_tls(slapd.certificates, version)) as server, relay(server.port) as between:
        with pytest.raises(Unavailable):
            at(settings, f"ldaps://localhost:{between.port}").check(USER, PASSWORD, Deadline(5))
        assert between.connections == 1
        assert not server.received
        assert not [secret for secret in secrets(settings) if secret in between.received]


def test_tls_1_2_is_still_good(settings: DirectorySettings, slapd: Slapd) -> None:
    """The counterpart: it is the version, and not the ciphers, that is refused."""
    with Listener(tls=old_tls(slapd.certificates, ssl.TLSVersion.TLSv1_2)) as server:
        with pytest.raises(Unavailable):
            at(settings, f"ldaps://localhost:{server.port}").check(USER, PASSWORD, Deadline(5))
        assert settings.bind_password in server.received
        assert PASSWORD not in server.received


def test_a_bundle_of_authorities_is_taken_in_either_order(
    settings: DirectorySettings, slapd: Slapd, tmp_path: Path
) -> None:
    other = certificates.ensure(tmp_path / "other", "elsewhere").ca.read_text()
    ours = slapd.certificates.ca.read_text()
    bundle = tmp_path / "bundle.pem"
    for text in (f"# old\n{other}\n# new\n{ours}", ours + other):
        bundle.write_text(text)
        door = at(settings, slapd.uri, tls=client_context(bundle))
        assert door.check(USER, PASSWORD, Deadline(5))
    bundle.write_text(other)
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        at(settings, slapd.uri, tls=client_context(bundle)).check(USER, PASSWORD, Deadline(5))


def test_the_machine_s_own_authorities_count_for_nothing(slapd: Slapd) -> None:
    assert len(client_context(slapd.certificates.ca).get_ca_certs()) == 1


def test_an_ipv6_address_is_reached_and_its_certificate_checked(
    settings: DirectorySettings, tmp_path: Path
) -> None:
    for host, told in (("::1", True), ("2001:db8::1", False)):
        files = certificates.ensure(tmp_path / host, host)
        with contextlib.ExitStack() as stack:
            try:
                server = stack.enter_context(Listener(address="::1", tls=tls_with(files)))
            except OSError:
                pytest.skip("this machine has no IPv6")
            door = at(settings, f"ldaps://[::1]:{server.port}", tls=client_context(files.ca))
            with pytest.raises(Unavailable):
                door.check(USER, PASSWORD, Deadline(5))
            assert server.connections == 1
            assert (settings.bind_password in server.received) is told


@pytest.mark.parametrize(
    ("uri", "same"),
    [
        ("ldaps://[2001:DB8::1]", "ldaps://[2001:db8::1]:636"),
        ("ldap://[::1]:3389/", "ldap://[::1]:3389"),
        ("LDAPS://LDAP.Example", "ldaps://ldap.example:636"),
        ("ldap://127.0.0.1", "ldap://127.0.0.1:389"),
    ],
)
def test_a_uri_survives_being_written_and_read_again(uri: str, same: str) -> None:
    assert str(Endpoint(uri)) == same
    assert str(Endpoint(same)) == same


@pytest.mark.parametrize(
    "uri",
    [
        "ldapi:///run/ldapi",
        "ldaps://",
        "ldaps://host:port",
        "ldaps://host:99999",
        "ldaps://host/dc=x",
        "ldaps://[::1",
    ],
)
def test_what_is_not_a_server_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Endpoint(uri)


def own_address() -> str:
    """Return an address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no other address")
        return str(probe.getsockname()[0])


def test_without_tls_is_for_loopback_alone_even_when_asked_for(settings: DirectorySettings) -> None:
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address")
    with FakeDirectory(address=address, answer=lambda _request: bind_answer(0)) as server:
        with pytest.raises(Unavailable):
            at(settings, f"ldap://{address}:{server.port}", unencrypted=True).check(
                USER, PASSWORD, Deadline(5)
            )
        assert server.connections == 1
        assert not [secret for secret in secrets(settings) if secret in server.received]
