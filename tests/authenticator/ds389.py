"""Debian's 389 Directory Server as a plain process: all it has lies in one temporary folder.

Debian's own tool (dscreate) writes below /etc, /var and /run; the server itself goes where its dse.ldif says.
"""

import base64
import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from demo import certificates
from demo.entries import Entry, Names, format_ldif, wanted
from tests.authenticator.kit import ACCOUNTS, SUFFIX
from tests.ports import free_port

__all__ = ["NAMES", "Ds389", "running"]

PROGRAM = Path("/usr/sbin/ns-slapd")
TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
DEBIAN_CONFIG = Path("/etc/dirsrv")
NAMES = Names(SUFFIX)
FOLDERS = ("config", "db", "log", "run", "lock", "tmp", "ldif", "bak")

# Settings that the template leaves out: it is started with TLS at once, and on loopback only.
LISTEN = """\
nsslapd-security: on
nsslapd-securePort: {secure_port}
nsslapd-listenhost: 127.0.0.1
nsslapd-securelistenhost: 127.0.0.1
"""
MEMBER_OF_OFF = """\
nsslapd-pluginenabled: off
nsslapd-plugin-depends-on-type: database
memberOfGroupAttr: member
"""
MEMBER_OF_ON = MEMBER_OF_OFF.replace(": off", ": on") + "memberOfAutoAddOC: nsMemberOf\n"
BACKEND = """\
dn: cn=people,cn=ldbm database,cn=plugins,cn=config
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: people
nsslapd-suffix: {suffix}

dn: cn="{suffix}",cn=mapping tree,cn=config
objectClass: extensibleObject
objectClass: nsMappingTree
cn: {suffix}
nsslapd-state: backend
nsslapd-backend: people

"""
HUB_READS = (
    '(target="ldap:///{suffix}")(targetattr="* || nsAccountLock || memberOf")'
    '(version 3.0; acl "the hub reads"; allow (read, search, compare) userdn="ldap:///{hub}";)'
)


@dataclass
class Ds389:
    """One instance, with the demo's people and groups in it."""

    folder: Path
    port: int
    secure_port: int
    certificates: certificates.Certificates
    process: subprocess.Popen[bytes] | None = None

    @property
    def ldaps(self) -> str:
        return f"ldaps://localhost:{self.secure_port}"

    @property
    def starttls(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def hub_password(self) -> Path:
        return self.folder / "hub-password"

    def start(self) -> None:
        folder = self.folder
        argv = [str(PROGRAM), "-d", "0", "-D", str(folder / "config"), "-i", str(folder / "run" / "pid")]
        with (folder / "log" / "output").open("ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.secure_port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        logs = "\n".join(path.read_text()[-2000:] for path in (folder / "log").iterdir())
        pytest.fail(f"389-DS does not start:\n{logs}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def modify(self, ldif: str, *options: str) -> None:
        """Change it as its administrator, who whoever started it is on its socket."""
        uri = f"ldapi://{quote(str(self.folder / 'run' / 'ldapi'), safe='')}"
        command = ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", uri, *options]
        done = subprocess.run(command, input=ldif, text=True, capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr

    def add(self, entries: Mapping[str, Entry]) -> None:
        self.modify(format_ldif(entries), "-a")

    def set_person(self, user: str, attribute: str, value: str) -> None:
        self.modify(_replace(NAMES.user(user), attribute, value))

    def set_policy(self, **values: str) -> None:
        """Set the password policy of everybody."""
        for attribute, value in values.items():
            self.modify(_replace("cn=config", attribute, value))


def _replace(dn: str, attribute: str, value: str) -> str:
    return f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"


@contextmanager
def running() -> Iterator[Ds389]:
    """Run an instance; nothing of it is left afterwards."""
    if not PROGRAM.exists():
        pytest.skip("the Debian package 389-ds-base is not installed")
    folder = Path(tempfile.mkdtemp(prefix="hpchub-389-"))
    server = Ds389(folder, free_port(), free_port(), certificates.ensure(folder / "tls", "localhost"))
    try:
        _prepare(server)
        server.start()
        server.modify(BACKEND.format(suffix=SUFFIX) + format_ldif(_entries(server)), "-a")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _prepare(server: Ds389) -> None:
    folder = server.folder
    for name in FOLDERS:
        (folder / name).mkdir(mode=0o700)
    server.hub_password.touch(0o600)
    server.hub_password.write_text(secrets.token_urlsafe(24))
    for name in ("certmap.conf", "slapd-collations.conf"):
        shutil.copy(DEBIAN_CONFIG / "config" / name, folder / "config")
    shutil.copytree(DEBIAN_CONFIG / "schema", folder / "config" / "schema")
    (folder / "config" / "dse.ldif").write_text(_dse(server))
    _keep_certificate(server)


def _dse(server: Ds389) -> str:
    """Fill in Debian's template of the server's configuration."""
    folder = server.folder
    values = {
        **{f"{name}_dir": str(folder / name) for name in FOLDERS},
        "schema_dir": str(folder / "config" / "schema"),
        "cert_dir": str(folder / "config"),
        "inst_dir": str(folder),
        "db_home_dir": str(folder / "db"),
        "db_lib": "bdb",
        "fqdn": "localhost",
        "ds_port": str(server.port),
        "ds_user": pwd.getpwuid(os.geteuid()).pw_name,
        "rootdn": "cn=Directory Manager",
        # The hash of no password at all: its administrator comes through the socket.
        "ds_passwd": "{SSHA512}" + base64.b64encode(secrets.token_bytes(64 + 8)).decode(),
        "ds_suffix": SUFFIX,
        "ldapi_enabled": "on",
        "ldapi": str(folder / "run" / "ldapi"),
        "ldapi_autobind": "on",
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"%{name}%", value)
    assert text.count(MEMBER_OF_OFF) == 1, "the template of 389-DS is not the one this was written for"
    listen = LISTEN.format(secure_port=server.secure_port)
    first = "objectclass:nsslapdConfig\n"
    return text.replace(first, first + listen, 1).replace(MEMBER_OF_OFF, MEMBER_OF_ON)


def _keep_certificate(server: Ds389) -> None:
    """Put the certificate where the server looks for it: in a database of NSS."""
    files, bundle = server.certificates, server.folder / "tls" / "server.p12"
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    bundle.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"Server-Cert", key, certificate, None, serialization.NoEncryption()
        )
    )
    database = ["-d", f"sql:{server.folder / 'config'}"]
    for command in (
        ["certutil", "-N", *database, "--empty-password"],
        ["certutil", "-A", *database, "-n", "CA", "-t", "CT,,", "-i", str(files.ca)],
        ["pk12util", *database, "-i", str(bundle), "-W", "", "-K", ""],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=20)


def _entries(server: Ds389) -> Mapping[str, Entry]:
    """The demo's entries in the words of 389-DS."""
    openldap_only = {NAMES.policies, NAMES.default_policy, NAMES.nslcd}
    entries = {
        dn: dict(entry)
        for dn, entry in wanted(ACCOUNTS, NAMES, "/home/{username}").items()
        if dn not in openldap_only
    }
    for user in ACCOUNTS.users:
        person = entries[NAMES.user(user.name)]
        person["userPassword"] = [user.password]
        if person.pop("pwdAccountLockedTime", None):
            person["nsAccountLock"] = ["TRUE"]
    entries[NAMES.hub]["userPassword"] = [server.hub_password.read_text()]
    entries[SUFFIX]["aci"] = [HUB_READS.format(suffix=SUFFIX, hub=NAMES.hub)]
    return entries
