"""The demo centre's LDAP directory: a slapd of its own, apart from any other on the machine."""

import os
import pwd
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from demo.accounts import Accounts
from demo.certificates import Certificates
from demo.entries import Entry, Names, format_ldif, parse_ldif, wanted
from demo.slapd import DirectoryError, Slapd

__all__ = ["DirectoryError", "Secrets", "administration_uri", "nslcd_conf", "prepare", "secrets"]

SUFFIX = "dc=hpc,dc=example"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Files (0400) with the passwords of the two service accounts."""

    hub: Path
    nslcd: Path


def prepare(
    folder: Path,
    *,
    port: int,
    certificates: Certificates,
    accounts: Accounts,
    home_pattern: str,
    suffix: str = SUFFIX,
) -> list[str]:
    """Make the directory in `folder` ready to run; keep what is already in it.

    Call it while this slapd is not running. Entries that are missing are added with their
    passwords, missing members are added to groups; nothing is changed or removed otherwise.

    Parameters
    ----------
    folder
        Must be reachable by the openldap account; its path must be short (a socket lies in it).
    port
        For LDAPS, on 127.0.0.1.
    home_pattern
        Home folder of a user, with `{username}` in it.

    Returns
    -------
    list of str
        The command that runs slapd in the foreground, as the openldap account when we are root.
    """
    site = Slapd(folder, Names(suffix))
    _ensure_folders(site)
    site.ensure_program()
    _ensure_tls(folder / "tls", certificates)
    _write(site.config, site.config_text(), mode=0o640)
    _load(site, accounts, home_pattern)
    who = ["-u", "openldap", "-g", "openldap"] if os.geteuid() == 0 else []
    listen = f"ldaps://127.0.0.1:{port}/ {administration_uri(folder)}"
    # "-d" keeps it in the foreground; "stats" is one line per connection and operation, no values.
    return [str(site.program), "-d", "stats", "-f", str(site.config), "-h", listen, *who]


def administration_uri(folder: Path) -> str:
    """Return the ldapi URI on which root is the directory's administrator (SASL EXTERNAL)."""
    return f"ldapi://{quote(str(folder / 'run' / 'ldapi'), safe='')}"


def secrets(folder: Path) -> Secrets:
    """Return where the service passwords lie, making those that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = Secrets(hub=folder / "hub-password", nslcd=folder / "nslcd-password")
    for path in (paths.hub, paths.nslcd):
        if not path.exists():
            _write(path, random.token_urlsafe(24), mode=0o400, owned_by_slapd=False)
    return paths


def nslcd_conf(folder: Path, *, port: int, ca: Path, suffix: str = SUFFIX) -> str:
    """Return the text of an nslcd.conf for this directory.

    It holds a password: write it with mode 0600, owned by root.
    """
    # The address, not "localhost": libldap compares the latter's certificate with the machine's own name.
    names = Names(suffix)
    return f"""\
uid nslcd
gid nslcd
uri ldaps://127.0.0.1:{port}/
base {suffix}
base passwd {names.people}
base group {names.groups}
binddn {names.nslcd}
bindpw {secrets(folder).nslcd.read_text().strip()}
tls_reqcert demand
tls_cacertfile {ca}
nss_min_uid 10000
nss_initgroups_ignoreusers ALLLOCAL
bind_timelimit 5
timelimit 5
idle_timelimit 60
reconnect_retrytime 5
"""


def _ensure_folders(site: Slapd) -> None:
    site.folder.mkdir(parents=True, exist_ok=True)
    site.folder.chmod(0o755)
    for name, mode in (("sbin", 0o755), ("tls", 0o755), ("run", 0o755), ("data", 0o700)):
        path = site.folder / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        if name in {"run", "data"}:
            _give_to_slapd(path)


def _ensure_tls(folder: Path, certificates: Certificates) -> None:
    for name, source, mode in (
        ("ca.pem", certificates.ca, 0o644),
        ("server.pem", certificates.certificate, 0o644),
        ("server.key", certificates.key, 0o400),
    ):
        _write(folder / name, source.read_text(), mode=mode)


def _load(site: Slapd, accounts: Accounts, home_pattern: str) -> None:
    """Add the entries, members and passwords that the database lacks."""
    fresh = not any((site.folder / "data").glob("data.mdb"))
    known = {} if fresh else parse_ldif(site.tool("cat", "-o", "ldif-wrap=no"))
    want = wanted(accounts, site.names, home_pattern)
    passwords = {site.names.user(user.name): user.password for user in accounts.users}
    services = _service_passwords(site)
    missing: dict[str, Entry] = {}
    for dn, entry in want.items():
        if dn.lower() not in known:
            password = passwords.get(dn) or services.get(dn)
            missing[dn] = {**entry, "userPassword": [site.hashed(password)]} if password else entry
    if missing:
        site.tool("add", "-q" if fresh else "-c", feed=format_ldif(missing))
    changes = _new_members(want, known) + _reset_services(site, services, known)
    if changes:
        site.tool("modify", feed="\n\n".join(changes) + "\n")


def _service_passwords(site: Slapd) -> dict[str, str]:
    paths = secrets(site.folder)
    return {site.names.hub: paths.hub.read_text(), site.names.nslcd: paths.nslcd.read_text()}


def _new_members(want: Mapping[str, Entry], known: Mapping[str, Entry]) -> list[str]:
    changes = []
    for dn, entry in want.items():
        for kind in ("memberUid", "member"):
            present = known.get(dn.lower(), {kind: entry.get(kind, ())}).get(kind, ())
            new = [member for member in entry.get(kind, ()) if member not in present]
            if new:
                values = "\n".join(f"{kind}: {member}" for member in new)
                changes.append(f"dn: {dn}\nchangetype: modify\nadd: {kind}\n{values}")
    return changes


def _reset_services(site: Slapd, services: Mapping[str, str], known: Mapping[str, Entry]) -> list[str]:
    """Set the service passwords again when a password file is newer than the database's last one."""
    marker = site.folder / "data" / "services-set"
    paths = secrets(site.folder)
    newest = max(path.stat().st_mtime_ns for path in (paths.hub, paths.nslcd))
    set_at = marker.stat().st_mtime_ns if marker.exists() else 0
    marker.touch()
    if set_at > newest:
        return []
    return [
        f"dn: {dn}\nchangetype: modify\nreplace: userPassword\nuserPassword: {site.hashed(password)}"
        for dn, password in services.items()
        if dn.lower() in known
    ]


def _write(path: Path, text: str, *, mode: int, owned_by_slapd: bool = True) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    if owned_by_slapd:
        _give_to_slapd(aside)
    aside.replace(path)


def _give_to_slapd(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("openldap")
        os.chown(path, account.pw_uid, account.pw_gid)
