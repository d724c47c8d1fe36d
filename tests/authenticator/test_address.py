"""Nobody chooses the address that the throttle and the audit know him by."""

import json
import time
from types import SimpleNamespace

import httpx
import pytest

from authenticator.address import address_of, believed
from tests.authenticator.real_hub import Browser, Hub

USER = "a1113a01"
PROXY = ("10.0.0.4",)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.9", "203.0.113.5"),  # no proxy of ours, whatever it says
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),  # the proxy on this machine
        ("::1", "203.0.113.5", "203.0.113.5"),
        ("", "203.0.113.5", "203.0.113.5"),  # a proxy that connects by a socket without addresses
        ("127.0.0.1", "198.51.100.9, 203.0.113.5", "203.0.113.5"),  # the browser began the list
        ("127.0.0.1", "198.51.100.9,203.0.113.5, 10.0.0.4", "203.0.113.5"),  # two proxies of ours
        ("10.0.0.4", "198.51.100.9,203.0.113.5", "203.0.113.5"),
        ("10.0.0.5", "198.51.100.9,203.0.113.5", "10.0.0.5"),  # a node of the cluster, not the proxy
        ("::ffff:10.0.0.4", "::ffff:203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "2001:db8::0:7", "2001:db8::7"),
        ("127.0.0.1", "198.51.100.9, who knows", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.9,", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "", ""),
    ],
)
def test_only_a_proxy_of_ours_is_believed_and_only_what_it_wrote(
    peer: str, forwarded: str, address: str
) -> None:
    assert believed(peer, forwarded, PROXY) == address


def test_a_request_that_came_by_no_connection_keeps_its_address() -> None:
    assert address_of(SimpleNamespace(remote_ip="192.0.2.7")) == "192.0.2.7"


def test_no_header_of_a_browser_changes_its_address_in_the_audit(hub: Hub) -> None:
    for header in ("X-Real-Ip", "X-Client-Ip", "Forwarded", "True-Client-Ip"):
        before = len(addresses(hub))
        somebody = Browser(hub, headers={"X-Forwarded-For": "203.0.113.5", header: "198.51.100.9"})
        assert somebody.log_in(USER, otp="000000").status_code == httpx.codes.FORBIDDEN
        somebody.close()
        until = time.monotonic() + 60
        while len(addresses(hub)) == before and time.monotonic() < until:
            time.sleep(0.05)  # the file is written by a thread of its own
        assert addresses(hub)[before:] == ["203.0.113.5"], header


def addresses(hub: Hub) -> list[str]:
    lines = hub.audit.read_text().splitlines() if hub.audit.exists() else []
    return [json.loads(line)["address"] for line in lines]
