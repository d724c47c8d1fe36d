"""A small slapd with the overlays ppolicy and memberof, and people in every state an account can be in."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from authenticator.directory import DirectorySettings
from authenticator.directory.tls import Endpoint, client_context
from demo import certificates
from demo.entries import Entry, format_ldif
from tests.ports import free_port

__all__ = [
    "GROUPS",
    "LIMIT",
    "PASSWORD",
    "PEOPLE",
    "POLICIES",
    "SHY",
    "SUFFIX",
    "SmallSlapd",
    "dn",
    "group",
    "person",
    "policy",
    "running",
]

SUFFIX = "dc=small,dc=example"
PEOPLE, GROUPS, POLICIES = (f"ou={each},{SUFFIX}" for each in ("people", "groups", "policies"))
HUB = f"cn=hub,{SUFFIX}"
SHY = f"cn=shy,{SUFFIX}"  # a service account that may compare members, not read them
PASSWORD = "canary-Password-1"
LIMIT = 100  # entries that one search returns at most
SCHEMAS = ("core", "cosine", "nis", "inetorgperson")

CONFIG = """
{includes}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/tls/ca.pem
TLSCertificateFile {folder}/tls/server.pem
TLSCertificateKeyFile {folder}/tls/server.key
TLSProtocolMin 3.3
threads 4

database mdb
suffix "{suffix}"
rootdn "gidNumber={gid}+uidNumber={uid},cn=peercred,cn=external,cn=auth"
directory {folder}/data
maxsize 67108864
index objectClass,uid,member,uniqueMember,memberUid eq
sizelimit size.soft={limit} size.hard={limit}
access to attrs=userPassword by anonymous auth by * none
access to attrs=member,uniqueMember,memberUid
  by dn.base="{hub}" read by dn.base="{shy}" search by * none
access to * by dn.base="{hub}" read by dn.base="{shy}" read by * none

overlay memberof
overlay ppolicy
ppolicy_default "cn=default,{policies}"

database monitor
access to * by dn.base="{hub}" read by * none
"""


def dn(name: str) -> str:
    return f"uid={name},{PEOPLE}"


def person(name: str, **attributes: str) -> dict[str, Entry]:
    entry: dict[str, list[str]] = {
        "objectClass": ["inetOrgPerson", "posixAccount", "shadowAccount"],
        "uid": [name],
        "cn": [name],
        "sn": [name],
        "uidNumber": ["20001"],
        "gidNumber": ["20001"],
        "homeDirectory": [f"/home/{name}"],
        "userPassword": [PASSWORD],
    }
    return {dn(name): entry | {key: [value] for key, value in attributes.items()}}


def policy(name: str, **attributes: str) -> dict[str, Entry]:
    entry = {"objectClass": ["device", "pwdPolicy"], "cn": [name], "pwdAttribute": ["userPassword"]}
    return {f"cn={name},{POLICIES}": entry | {key: [value] for key, value in attributes.items()}}


def group(name: str, *members: str) -> dict[str, Entry]:
    """A groupOfNames; members are distinguished names."""
    return {f"cn={name},{GROUPS}": {"objectClass": ["groupOfNames"], "cn": [name], "member": list(members)}}


def frame() -> dict[str, Entry]:
    top: dict[str, Entry] = {
        SUFFIX: {"objectClass": ["dcObject", "organization"], "dc": ["small"], "o": ["small"]}
    }
    for service in (HUB, SHY):
        top[service] = {
            "objectClass": ["applicationProcess", "simpleSecurityObject"],
            "cn": [service[3:6]],
            "userPassword": [PASSWORD],
        }
    units = {
        base: {"objectClass": ["organizationalUnit"], "ou": [base.split(",", 1)[0][3:]]}
        for base in (PEOPLE, GROUPS, POLICIES)
    }
    return top | units | policy("default")


@dataclass
class SmallSlapd:
    """The process, and what a `Directory` needs to know of it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def uri(self) -> str:
        return f"ldapi://{quote(str(self.folder / 'ldapi'), safe='')}"

    def start(self) -> None:
        argv = [str(self.folder / "slapd"), "-d", "stats", "-f", str(self.folder / "slapd.conf")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*argv, "-h", f"ldaps://127.0.0.1:{self.port}/ {self.uri}"], stdout=log, stderr=log
            )
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

    def add(self, entries: dict[str, Entry]) -> None:
        self.modify(format_ldif(entries), "-a")

    def modify(self, ldif: str, *options: str) -> None:
        command = ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", self.uri, *options]
        done = subprocess.run(command, input=ldif, text=True, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr

    def settings(self, **changes: Any) -> DirectorySettings:
        known: dict[str, Any] = {
            "servers": (Endpoint(f"ldaps://localhost:{self.port}"),),
            "tls": client_context(self.folder / "tls" / "ca.pem"),
            "unencrypted": False,
            "bind_dn": HUB,
            "bind_password": PASSWORD.encode(),
            "user_base": PEOPLE,
            "user_dn_template": "",
            "user_filter": "(&(objectClass=posixAccount)(uid={username}))",
            "user_name_attribute": "uid",
            "group_base": GROUPS,
            "group_filter": "(|(memberUid={username})(member={dn})(uniqueMember={dn}))",
            "group_name_attribute": "cn",
            "connect_timeout": 3,
            "receive_timeout": 5,
        }
        return DirectorySettings(**(known | changes))

    def searches(self) -> int:
        """Return how many searches it was asked for until now."""
        return self.log.read_text().count(" SRCH base=")


@contextmanager
def running(entries: dict[str, Entry]) -> Iterator[SmallSlapd]:
    """Run it with these entries; operational attributes may be among them."""
    folder = Path(tempfile.mkdtemp(prefix="hpchub-small-"))
    server = SmallSlapd(folder, free_port())
    try:
        # A copy: Debian's AppArmor profile lets the original write only to /var/lib/ldap.
        shutil.copy2("/usr/sbin/slapd", folder / "slapd")
        certificates.ensure(folder / "tls", "localhost")
        (folder / "data").mkdir()
        includes = "\n".join(f"include /etc/ldap/schema/{schema}.schema" for schema in SCHEMAS)
        config = CONFIG.format(
            includes=includes,
            folder=folder,
            suffix=SUFFIX,
            hub=HUB,
            shy=SHY,
            limit=LIMIT,
            policies=POLICIES,
            gid=os.getegid(),
            uid=os.geteuid(),
        )
        (folder / "slapd.conf").write_text(config)
        command = [str(folder / "slapd"), "-T", "add", "-q", "-f", str(folder / "slapd.conf"), "-b", SUFFIX]
        feed = format_ldif(frame() | entries)
        done = subprocess.run(command, input=feed, text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
