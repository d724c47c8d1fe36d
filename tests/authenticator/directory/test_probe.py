"""What `hpchub doctor` says of a directory server that is well, and of each thing that may be wrong."""

import dataclasses
import datetime
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from authenticator.directory import DirectorySettings
from authenticator.directory.probe import probe
from authenticator.directory.tls import Endpoint, client_context
from demo import certificates
from hpchub.findings import Finding, Level
from tests.authenticator.directory.impostors import old_tls, reissued, tls_with
from tests.authenticator.directory.listeners import (
    BIND,
    FakeDirectory,
    Listener,
    Request,
    ber,
    bind_answer,
    black_hole,
    result,
    search_answer,
    start_tls_answer,
)
from tests.authenticator.directory.small_slapd import SmallSlapd, person, running
from tests.authenticator.kit import Slapd
from tests.ports import free_port


@pytest.fixture(scope="module")
def small() -> Iterator[SmallSlapd]:
    with running(person("someone")) as server:
        yield server


def probed(settings: DirectorySettings, uri: str, **options: Any) -> dict[str, Finding]:
    """Return what is found, by what was looked at; a pause of a second is enough in all of this."""
    quick = dataclasses.replace(settings, connect_timeout=1, receive_timeout=1)
    endpoint = Endpoint(uri)
    findings = list(probe(endpoint, quick, **options))
    assert all(finding.area == "directory" for finding in findings)
    assert all(bool(finding.do) == (finding.level is not Level.OK) for finding in findings)
    assert not [each for each in findings if settings.bind_password.decode() in f"{each}"]
    return {finding.check.removeprefix(str(endpoint)).strip(): finding for finding in findings}


def only_fault(found: dict[str, Finding], check: str) -> Finding:
    """Return the last finding, which is the only fault."""
    assert [each for each, finding in found.items() if finding.level is Level.FAULT] == [check]
    assert list(found)[-1] == check, "what follows would make no sense"
    return found[check]


def test_a_server_that_is_well(small: SmallSlapd) -> None:
    settings = small.settings()
    found = probed(settings, f"ldaps://localhost:{small.port}", sample="someone")
    # Where localhost is ::1 as well, one of two addresses does not answer.
    assert {finding.level for check, finding in found.items() if check != "connection"} == {Level.OK}
    assert found["connection"].level in {Level.OK, Level.WARNING}
    assert [*found] == [
        "name",
        "connection",
        "TLS",
        "service account",
        "people",
        "groups",
        "user someone",
        "clock",
    ]
    assert found["TLS"].seen.startswith(
        "TLSv1.3, localhost (for localhost, 127.0.0.1), issued by hpchub demo"
    )
    assert found["user someone"].seen == "one entry, uid=someone,ou=people,dc=small,dc=example"
    assert found["clock"].seen == "within 5 s of the directory's"


@pytest.mark.parametrize(
    ("ahead", "level", "seen"),
    [(10, Level.WARNING, "10 s ahead"), (-10, Level.WARNING, "10 s behind"), (90, Level.FAULT, "90 s ahead")],
)
def test_a_clock_that_is_wrong_is_told_by_openldap_s_monitor(
    small: SmallSlapd, ahead: float, level: Level, seen: str
) -> None:
    uri = f"ldaps://localhost:{small.port}"
    finding = probed(small.settings(), uri, clock=lambda: time.time() // 1 + ahead)["clock"]
    assert finding.level is level
    # The server's reading has whole seconds and may be one behind.
    assert f"this machine is {seen}" in finding.seen or f"{abs(ahead) + 1:.0f} s ahead" in finding.seen
    assert "NTP" in finding.do


@pytest.mark.parametrize(
    ("place", "attribute", "value"),
    [(b"", b"currentTime", b"20261121130000.0Z"), (b"cn=monitor", b"currenttime", b"20261121130000Z")],
    ids=["Active Directory", "389 Directory Server"],
)
def test_other_servers_show_their_clock_elsewhere(
    settings: DirectorySettings, server_tls: ssl.SSLContext, place: bytes, attribute: bytes, value: bytes
) -> None:
    values = ber(0x30, ber(0x04, attribute), ber(0x31, ber(0x04, value)))

    def answers(request: Request) -> list[bytes] | None:
        if request.kind == BIND:
            return bind_answer(0)
        if request.content[2 : 2 + 2 + len(place)] != ber(0x04, place) or attribute not in request.content:
            return search_answer(32)
        return [ber(0x64, ber(0x04, place), ber(0x30, values)), result(0x65, 0)]

    there = datetime.datetime(2026, 11, 21, 13, tzinfo=datetime.UTC).timestamp()
    with FakeDirectory(tls=server_tls, answer=answers) as server:
        found = probed(settings, f"ldaps://localhost:{server.port}", clock=lambda: there + 7)
    assert found["clock"].seen == "this machine is 7 s ahead of the directory"


def test_a_clock_that_is_not_shown_is_no_fault(settings: DirectorySettings, slapd: Slapd) -> None:
    found = probed(settings, slapd.uri)
    assert found["clock"].level is Level.OK
    assert "cannot tell" in found["clock"].seen


# ----- the way there ----------------------------------------------------------------------------


def test_a_name_without_an_address(settings: DirectorySettings) -> None:
    fault = only_fault(probed(settings, "ldaps://directory.invalid"), "name")
    assert "directory.invalid has no address" in fault.seen
    assert "server_uris" in fault.do


def test_a_port_where_nobody_is(settings: DirectorySettings) -> None:
    fault = only_fault(probed(settings, f"ldaps://127.0.0.1:{free_port()}"), "connection")
    assert fault.seen == "127.0.0.1: Connection refused"


def test_a_firewall_that_swallows_everything(settings: DirectorySettings) -> None:
    with black_hole() as port:
        fault = only_fault(probed(settings, f"ldaps://127.0.0.1:{port}"), "connection")
    assert fault.seen == "127.0.0.1: no answer"
    assert "firewall" in fault.do


# ----- TLS --------------------------------------------------------------------------------------


def test_a_certificate_of_an_unknown_authority_is_shown(
    settings: DirectorySettings, slapd: Slapd, tmp_path: Path
) -> None:
    other = client_context(certificates.ensure(tmp_path, "elsewhere").ca)
    fault = only_fault(probed(dataclasses.replace(settings, tls=other), slapd.uri), "TLS")
    assert (
        "an authority that is not in ca_file: localhost (for localhost, 127.0.0.1), issued by" in fault.seen
    )
    assert "ca_file" in fault.do


@pytest.mark.parametrize("address", ["127.0.0.2", "127.0.0.1"])
def test_a_certificate_for_another_host_says_for_which(
    settings: DirectorySettings, slapd: Slapd, tmp_path: Path, address: str
) -> None:
    tls = tls_with(slapd.certificates)
    with Listener(address=address, tls=tls) as server:
        found = probed(settings, f"ldaps://{address}:{server.port}")
    if address == "127.0.0.1":
        assert found["TLS"].level is Level.OK, "the counterpart"
        return
    fault = only_fault(found, "TLS")
    assert "it is for another host: localhost (for localhost, 127.0.0.1)" in fault.seen
    assert "server_uris" in fault.do


@pytest.mark.parametrize(
    ("first", "last", "seen"), [(-9, -1, "a certificate has expired"), (1, 9, "is not valid yet")]
)
def test_a_certificate_out_of_its_time(
    settings: DirectorySettings, tmp_path: Path, first: float, last: float, seen: str
) -> None:
    files = certificates.ensure(tmp_path, "localhost")
    with Listener(tls=reissued(files, first=first, last=last)) as server:
        chosen = dataclasses.replace(settings, tls=client_context(files.ca))
        fault = only_fault(probed(chosen, f"ldaps://localhost:{server.port}"), "TLS")
        assert not server.received
    assert seen in fault.seen
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=last)
    assert f"until {until:%Y-%m-%d}" in fault.seen


def test_a_certificate_with_nothing_but_a_common_name(settings: DirectorySettings, tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, "localhost")
    with Listener(tls=reissued(files, hosts=[])) as server:
        chosen = dataclasses.replace(settings, tls=client_context(files.ca))
        fault = only_fault(probed(chosen, f"ldaps://localhost:{server.port}"), "TLS")
    assert "localhost (for no name)" in fault.seen


def test_a_certificate_that_is_about_to_end_is_a_warning(settings: DirectorySettings, tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, "localhost")
    with Listener(tls=reissued(files, last=5)) as server:
        chosen = dataclasses.replace(settings, tls=client_context(files.ca))
        found = probed(chosen, f"ldaps://localhost:{server.port}")
    assert found["certificate"].level is Level.WARNING
    assert found["certificate"].seen == "it ends in 5 days"


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_the_other_scheme_s_port(settings: DirectorySettings, slapd: Slapd, scheme: str) -> None:
    port = slapd.plain_port if scheme == "ldaps" else slapd.port
    fault = only_fault(probed(settings, f"{scheme}://localhost:{port}"), "TLS")
    assert "port" in fault.do, fault


def test_a_port_that_speaks_http(settings: DirectorySettings) -> None:
    with Listener(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        tls = only_fault(probed(settings, f"ldaps://localhost:{server.port}"), "TLS")
        start_tls = only_fault(probed(settings, f"ldap://localhost:{server.port}"), "TLS")
    assert "does not speak TLS" in tls.seen
    assert start_tls.seen == "what answers is not LDAP"


def test_a_server_that_hangs_or_hangs_up(settings: DirectorySettings) -> None:
    with Listener() as hung, Listener(hang_up=True) as rude:
        assert (
            "no answer to TLS" in only_fault(probed(settings, f"ldaps://localhost:{hung.port}"), "TLS").seen
        )
        assert only_fault(probed(settings, f"ldaps://localhost:{rude.port}"), "TLS")


def test_tls_that_is_too_old(settings: DirectorySettings, slapd: Slapd) -> None:
    with Listener(tls=old_tls(slapd.certificates, ssl.TLSVersion.TLSv1_1)) as server:
        fault = only_fault(probed(settings, f"ldaps://localhost:{server.port}"), "TLS")
    assert fault.seen == "the server's TLS is too old"


def test_starttls(settings: DirectorySettings, slapd: Slapd) -> None:
    found = probed(settings, f"ldap://localhost:{slapd.plain_port}")
    assert found["TLS"].seen.startswith("TLSv1.3, localhost")
    with FakeDirectory(answer=lambda _request: start_tls_answer(52)) as server:
        fault = only_fault(probed(settings, f"ldap://localhost:{server.port}"), "TLS")
    assert fault.seen == "the server refuses StartTLS (result 52)"


def test_no_tls_is_a_warning(settings: DirectorySettings, slapd: Slapd) -> None:
    chosen = dataclasses.replace(settings, unencrypted=True)
    found = probed(chosen, f"ldap://127.0.0.1:{slapd.plain_port}")
    assert found["TLS"].level is Level.WARNING
    assert found["service account"].level is Level.OK


# ----- what it answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "seen", "do"),
    [
        ({"bind_password": b"canary-not-it"}, "cannot bind: 49", "bind_password_file"),
        ({"bind_dn": "cn=nobody,dc=small,dc=example"}, "cannot bind: 49", "bind_dn"),
        ({"bind_dn": "nonsense"}, "cannot bind: 34", "look at the account"),
        ({"bind_dn": ""}, "no name or no password", "bind_dn"),
    ],
)
def test_a_service_account_that_cannot_bind(
    small: SmallSlapd, changes: dict[str, Any], seen: str, do: str
) -> None:
    fault = only_fault(
        probed(small.settings(**changes), f"ldaps://localhost:{small.port}"), "service account"
    )
    assert seen in fault.seen
    assert do in fault.do


@pytest.mark.parametrize(
    ("changes", "check", "seen", "do"),
    [
        ({"user_base": "ou=nowhere,dc=small,dc=example"}, "people", "(result 32)", "user_search_base"),
        ({"group_base": "ou=nowhere,dc=small,dc=example"}, "groups", "(result 32)", "group_search_base"),
        ({"user_filter": "(mail={username})"}, "user someone", "nobody is found", "user_filter"),
        ({"user_name_attribute": "mail"}, "user someone", "another name", "user_name_attribute"),
    ],
)
def test_settings_that_find_nobody(
    small: SmallSlapd, changes: dict[str, Any], check: str, seen: str, do: str
) -> None:
    found = probed(small.settings(**changes), f"ldaps://localhost:{small.port}", sample="someone")
    assert found[check].level is Level.FAULT
    assert seen in found[check].seen
    assert do in found[check].do
    assert found["clock"].level is Level.OK, "one fault does not hide the rest"


def test_a_filter_that_finds_several(small: SmallSlapd) -> None:
    small.add(person("other", mail="twice@small.example") | person("third", mail="twice@small.example"))
    settings = small.settings(user_filter="(|(uid={username})(mail=twice@small.example))")
    found = probed(settings, f"ldaps://localhost:{small.port}", sample="someone")
    assert "more than one entry" in found["user someone"].seen


def test_a_server_that_goes_away_in_between(settings: DirectorySettings, server_tls: ssl.SSLContext) -> None:
    with FakeDirectory(tls=server_tls, answer=lambda _request: []) as server:
        found = probed(settings, f"ldaps://localhost:{server.port}")
    assert found["TLS"].level is Level.OK
    only_fault(found, "answer")
