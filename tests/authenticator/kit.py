"""A slapd that tests can stop and start, and what people type at the door."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.passcode import Seed, step_at
from demo import accounts, certificates, directory

ACCOUNTS = accounts.load()
SUFFIX = directory.SUFFIX
SEEDS = {user.name: Seed(user.totp_seed) for user in ACCOUNTS.users}
PASSWORDS = {user.name: user.password for user in ACCOUNTS.users}


def code_of(user: str, *, later: int = 0) -> str:
    """Return the user's present code, or that of `later` intervals on (the window lets one pass)."""
    seed = SEEDS[user]
    return seed.generator().generate_otp(step_at(seed, time.time()) + later)


@dataclass
class Slapd:
    """The test directory as a process that can be stopped and started again."""

    folder: Path
    port: int
    plain_port: int
    argv: list[str]
    certificates: certificates.Certificates
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "slapd.log"

    @property
    def uri(self) -> str:
        return f"ldaps://localhost:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        pytest.fail(f"slapd does not answer:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def modify(self, ldif: str) -> None:
        uri = directory.administration_uri(self.folder / "ldap")
        command = ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", uri]
        subprocess.run(command, input=ldif, text=True, check=True, capture_output=True, timeout=10)

    def binds(self, user: str) -> int:
        """Return how often anybody tried to bind as this user."""
        return len(re.findall(rf'BIND dn="uid={re.escape(user)},[^"]*" method=128', self.log.read_text()))

    def connections(self) -> int:
        return self.log.read_text().count(" ACCEPT from ")


MakeAuthenticator = Callable[..., LDAPOTPAuthenticator]


def settings_for(slapd: Slapd, tmp_path: Path) -> dict[str, Any]:
    return {
        "server_uris": [slapd.uri],
        "ca_file": str(slapd.certificates.ca),
        "bind_dn": f"cn=hpchub,ou=services,{SUFFIX}",
        "bind_password_file": str(directory.secrets(slapd.folder / "ldap").hub),
        "user_search_base": f"ou=people,{SUFFIX}",
        "group_search_base": f"ou=groups,{SUFFIX}",
        "allowed_groups": {"hub-users"},
        "admin_groups": {"hpcadmins"},
        "store_url": f"sqlite:///{tmp_path / 'tokens.sqlite'}",
        "key_file": str(tmp_path / "otp.key"),
        "refusal_milliseconds": 0,
    }


def browser(language: str = "en") -> Any:
    """Stand in for a request handler: an address and a cookie are all that is asked of it."""
    return SimpleNamespace(request=SimpleNamespace(remote_ip="192.0.2.7"), get_cookie=lambda _name: language)


def typed(user: str, *, password: str | bytes | None = None, otp: str | None = None) -> dict[str, Any]:
    """What somebody types who knows everything, unless told otherwise."""
    return {
        "username": user,
        "otp": code_of(user) if otp is None else otp,
        "password": PASSWORDS[user] if password is None else password,
    }


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
