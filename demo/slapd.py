"""The slapd program as the demo uses it: a copy of the binary, its configuration, its tools."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo.entries import Names

__all__ = ["DirectoryError", "Slapd"]

PROGRAM = Path("/usr/sbin/slapd")
MODULES = "/usr/lib/ldap"
SCHEMAS = ("core", "cosine", "nis", "inetorgperson")
TOOL_TIMEOUT = 30


class DirectoryError(RuntimeError):
    """The directory could not be prepared; the text says which tool failed and its last words."""


@dataclass(frozen=True, slots=True)
class Slapd:
    """One slapd in one folder, serving one suffix."""

    folder: Path
    names: Names

    @property
    def program(self) -> Path:
        return self.folder / "sbin" / "slapd"

    @property
    def config(self) -> Path:
        return self.folder / "slapd.conf"

    def ensure_program(self) -> None:
        """Keep a copy of slapd: Debian's AppArmor profile lets the original write only to /var/lib/ldap."""
        if not PROGRAM.exists():
            raise DirectoryError(f"{PROGRAM} is not there: install the Debian package slapd")
        if self.program.exists() and self.program.stat().st_mtime == PROGRAM.stat().st_mtime:
            return
        aside = self.program.with_suffix(".new")
        shutil.copy2(PROGRAM, aside)
        aside.replace(self.program)

    def config_text(self) -> str:
        """Return slapd.conf: LDAPS, ppolicy, and access for the two service accounts only."""
        names, folder = self.names, self.folder
        root = f"gidNumber={os.getegid()}+uidNumber={os.geteuid()},cn=peercred,cn=external,cn=auth"
        includes = "\n".join(f"include /etc/ldap/schema/{schema}.schema" for schema in SCHEMAS)
        return f"""\
{includes}
modulepath {MODULES}
moduleload back_mdb
moduleload ppolicy
moduleload argon2
pidfile {folder}/run/slapd.pid
argsfile {folder}/run/slapd.args
TLSCACertificateFile {folder}/tls/ca.pem
TLSCertificateFile {folder}/tls/server.pem
TLSCertificateKeyFile {folder}/tls/server.key
TLSVerifyClient never
TLSProtocolMin 3.3
threads 4
idletimeout 600

database mdb
suffix "{names.suffix}"
rootdn "{root}"
directory {folder}/data
maxsize 67108864
index objectClass,uid,cn,uidNumber,gidNumber,memberUid,member eq

access to attrs=userPassword,pwdHistory
  by anonymous auth
  by * none
access to dn.subtree="{names.people}"
  attrs=entry,objectClass,uid,cn,gecos,uidNumber,gidNumber,homeDirectory,loginShell
  by dn.base="{names.hub}" read
  by dn.base="{names.nslcd}" read
  by self read
  by * none
access to dn.subtree="{names.people}"
  by dn.base="{names.hub}" read
  by self read
  by * none
access to dn.subtree="{names.groups}"
  by dn.base="{names.hub}" read
  by dn.base="{names.nslcd}" read
  by * none
access to dn.base="{names.suffix}" attrs=entry
  by dn.base="{names.hub}" search
  by dn.base="{names.nslcd}" search
  by * none
access to *
  by * none

overlay ppolicy
ppolicy_default "{names.default_policy}"
"""

    def hashed(self, password: str) -> str:
        """Hash with slapd's own tool; the password goes through stdin, where no process list shows it."""
        options = ["-o", f"module-path={MODULES}", "-o", "module-load=argon2"]
        command = [str(self.program), "-T", "passwd", *options, "-n", "-h", "{ARGON2}", "-T", "/dev/stdin"]
        return _run(command, password)

    def tool(self, name: str, *options: str, feed: str = "") -> str:
        """Run slapcat, slapadd or slapmodify on the database and return what it printed."""
        base = ["-f", str(self.config), "-b", self.names.suffix]
        # As the openldap account, so that the database files are its own.
        user = "openldap" if os.geteuid() == 0 else None
        return _run([str(self.program), "-T", name, *base, *options], feed, user=user)


def _run(command: list[str], feed: str, *, user: str | None = None) -> str:
    done = subprocess.run(
        command,
        input=feed,
        capture_output=True,
        text=True,
        timeout=TOOL_TIMEOUT,
        check=False,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        last = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise DirectoryError(f"slapd -T {command[2]} ended with {done.returncode}: {last}")
    return done.stdout
