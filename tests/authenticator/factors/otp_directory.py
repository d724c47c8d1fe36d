"""A slapd that checks one-time passwords itself: Debian's, with the overlays otp and ppolicy."""

import base64
import os
import shutil
import socket
import subprocess
import time
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from authenticator.passcode import Seed, step_at
from demo import certificates
from tests.ports import free_port

__all__ = ["LOCKED_AFTER", "OTPDirectory", "running"]

SUFFIX = "dc=otp,dc=example"
LOCKED_AFTER = 4
SERVICE_PASSWORD = "canary-service-password"
SCHEMAS = ("core", "cosine", "nis", "inetorgperson")

CONFIG = """
{includes}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload otp
moduleload ppolicy
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
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=tokens,{suffix}" by * none
access to * by dn.base="cn=hub,{suffix}" read by * none

overlay otp
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
"""

BASE = """\
dn: {suffix}
objectClass: organization
objectClass: dcObject
dc: otp
o: otp

dn: ou=people,{suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{suffix}
objectClass: organizationalUnit
ou: groups

dn: ou=tokens,{suffix}
objectClass: organizationalUnit
objectClass: oathTOTPParams
ou: tokens
oathOTPLength: 6
oathTOTPTimeStepPeriod: 30
oathTOTPTimeStepWindow: 1
oathHMACAlgorithm: 1.2.840.113549.2.7

dn: cn=policy,{suffix}
objectClass: organizationalRole
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdLockoutDuration: 0
pwdMaxFailure: {locked_after}

dn: cn=hub,{suffix}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: hub
userPassword: {service}
"""

PERSON = """
dn: uid={name},ou=people,{suffix}
objectClass: account
objectClass: posixAccount
objectClass: simpleSecurityObject
uid: {name}
cn: {name}
uidNumber: 20000
gidNumber: 20000
homeDirectory: /home/{name}
userPassword: {password}
"""

WITH_TOKEN = """\
objectClass: oathTOTPUser
oathTOTPToken: ou={name},ou=tokens,{suffix}

dn: ou={name},ou=tokens,{suffix}
objectClass: organizationalUnit
objectClass: oathTOTPToken
ou: {name}
oathTOTPParams: ou=tokens,{suffix}
oathSecret:: {secret}
"""

GROUP = """
dn: cn=hub-users,ou=groups,{suffix}
objectClass: posixGroup
cn: hub-users
gidNumber: 20001
"""


@dataclass
class OTPDirectory:
    """The running directory, and what its people know."""

    folder: Path
    port: int
    plain_port: int
    passwords: dict[str, str]
    seeds: dict[str, Seed]
    log: Path
    ca: Path
    suffix: str = SUFFIX
    service: str = f"cn=hub,{SUFFIX}"
    service_password_file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.service_password_file = self.folder / "service-password"
        self.service_password_file.touch(0o600)
        self.service_password_file.write_text(SERVICE_PASSWORD)

    @property
    def uri(self) -> str:
        return f"ldaps://localhost:{self.port}"

    def code(self, name: str, *, later: int = 0) -> str:
        seed = self.seeds[name]
        return seed.generator().generate_otp(step_at(seed, time.time()) + later)

    def binds(self, name: str) -> int:
        return self.log.read_text().count(f'BIND dn="uid={name},ou=people,{self.suffix}" method=128')


@contextmanager
def running(folder: Path, passwords: dict[str, str], seeds: dict[str, Seed]) -> Iterator[OTPDirectory]:
    """Run it; people in `passwords` without a seed have no token."""
    files = certificates.ensure(folder / "tls", "localhost")
    (folder / "data").mkdir(mode=0o700)
    # A copy: where AppArmor guards slapd, its profile lets the original write to /var/lib/ldap only.
    program = folder / "slapd"
    shutil.copy2("/usr/sbin/slapd", program)
    config = folder / "slapd.conf"
    includes = "\n".join(f"include /etc/ldap/schema/{schema}.schema" for schema in SCHEMAS)
    config.write_text(
        CONFIG.format(includes=includes, folder=folder, suffix=SUFFIX, uid=os.geteuid(), gid=os.getegid())
    )
    # Entries of overlays' own classes: loaded through the configuration, so that the schema is known.
    load = [str(program), "-T", "add", "-f", str(config), "-b", SUFFIX]
    subprocess.run(
        load, input=_ldif(passwords, seeds), text=True, check=True, timeout=30, capture_output=True
    )
    port, plain_port, log = free_port(), free_port(), folder / "slapd.log"
    listen = f"ldaps://127.0.0.1:{port}/ ldap://127.0.0.1:{plain_port}/"
    with log.open("wb") as out:
        command = [str(program), "-d", "stats", "-f", str(config), "-h", listen]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait(port, log)
        yield OTPDirectory(folder, port, plain_port, passwords, seeds, log, files.ca)
    finally:
        process.terminate()
        process.wait(10)


def _ldif(passwords: dict[str, str], seeds: dict[str, Seed]) -> str:
    text = BASE.format(suffix=SUFFIX, service=SERVICE_PASSWORD, locked_after=LOCKED_AFTER)
    for name, password in passwords.items():
        text += PERSON.format(name=name, suffix=SUFFIX, password=password)
        if seed := seeds.get(name):
            raw = b32decode(seed.secret + "=" * (-len(seed.secret) % 8))
            text += WITH_TOKEN.format(name=name, suffix=SUFFIX, secret=base64.b64encode(raw).decode())
    members = "".join(f"memberUid: {name}\n" for name in passwords)
    return text + GROUP.format(suffix=SUFFIX) + members


def _wait(port: int, log: Path) -> None:
    for _ in range(1000):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail(f"slapd does not answer:\n{log.read_text()[-2000:]}")
