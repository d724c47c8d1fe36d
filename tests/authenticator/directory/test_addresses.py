"""A server whose name has several addresses is tried at each of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ldap3.core.exceptions import LDAPSocketOpenError

from authenticator.directory import ldap
from tests.authenticator.kit import Slapd

SCRIPT = """
import os, socket, sys
from pathlib import Path
from authenticator.directory import ldap
from authenticator.directory.tls import Endpoint, VerifiedTls, client_context
from authenticator.errors import Unavailable
from authenticator.workers import Deadline

uri, ca = sys.argv[1:]
deadline = Deadline(10)
print("first", socket.getaddrinfo("localhost", 636, type=socket.SOCK_STREAM)[0][4][0])
tls = VerifiedTls(client_context(Path(ca)), "localhost", deadline)
before = len(os.listdir("/proc/self/fd"))
link = ldap.connection(
    Endpoint(uri), tls, "x", b"x", connect_timeout=1, receive_timeout=5, deadline=deadline
)
try:
    ldap.connect(link)
    print("reached", link.socket.getpeername()[0], len(os.listdir("/proc/self/fd")) - before)
except Unavailable as error:
    print("not reached")
ldap.close(link)
print("left", len(os.listdir("/proc/self/fd")) - before)
"""


def connected(slapd: Slapd, tmp_path: Path, *addresses: str) -> list[str]:
    """Connect where `localhost` is all of these, in a name space of its own."""
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"{address} localhost\n" for address in addresses))
    command = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
    python = [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT]
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            command,
            "sh",
            str(hosts),
            *python,
            slapd.uri,
            str(slapd.certificates.ca),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode != 0 and "unshare" in done.stderr + done.stdout:
        pytest.skip("no name space of our own here")
    assert done.returncode == 0, done.stderr
    assert "ResourceWarning" not in done.stderr, "a socket was left to the collector"
    first, *lines = done.stdout.splitlines()
    if first != "first ::1":
        pytest.skip("this machine has no IPv6")
    return lines


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a name space of its own")
def test_the_address_that_answers_is_found_and_no_socket_is_left(slapd: Slapd, tmp_path: Path) -> None:
    # The resolver puts ::1 first (RFC 6724), and slapd is at 127.0.0.1 alone.
    assert connected(slapd, tmp_path, "127.0.0.1", "::1") == ["reached 127.0.0.1 1", "left 0"]
    assert connected(slapd, tmp_path, "127.0.0.2", "::1") == ["not reached", "left 0"]


def test_what_failed_is_told_of_each_address() -> None:
    refused = OSError("[Errno 111] Connection refused")
    untrusted = OSError("socket ssl wrapping error: " + "[SSL: CERTIFICATE_VERIFY_FAILED] " * 20)
    tries = [(refused, ("::1", 636, 0, 0)), (untrusted, ("192.0.2.9", 636))]
    words = ldap._words(LDAPSocketOpenError("unable to open socket", tries))
    assert words.startswith(
        "::1: [Errno 111] Connection refused; 192.0.2.9: socket ssl wrapping error: [SSL: CERT"
    )
    assert len(words) < 300
