"""The entries of the demo centre's directory, and LDIF as slapd's tools read and write it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demo.accounts import Accounts, Group, Project, User

__all__ = ["LOCKED_FOR_EVER", "Entry", "Names", "format_ldif", "parse_ldif", "wanted"]

Entry = Mapping[str, Sequence[str]]

# What ppolicy takes for "locked by an administrator, until an administrator says otherwise".
LOCKED_FOR_EVER = "000001010000Z"


@dataclass(frozen=True, slots=True)
class Names:
    """The distinguished names below one suffix."""

    suffix: str

    @property
    def people(self) -> str:
        return f"ou=people,{self.suffix}"

    @property
    def groups(self) -> str:
        return f"ou=groups,{self.suffix}"

    @property
    def services(self) -> str:
        return f"ou=services,{self.suffix}"

    @property
    def policies(self) -> str:
        return f"ou=policies,{self.suffix}"

    @property
    def default_policy(self) -> str:
        return f"cn=default,{self.policies}"

    @property
    def hub(self) -> str:
        return f"cn=hpchub,{self.services}"

    @property
    def nslcd(self) -> str:
        return f"cn=nslcd,{self.services}"

    def user(self, name: str) -> str:
        return f"uid={name},{self.people}"

    def group(self, name: str) -> str:
        return f"cn={name},{self.groups}"


def wanted(accounts: Accounts, names: Names, home_pattern: str) -> dict[str, Entry]:
    """Every entry the directory should hold, by name, parents first; without any password."""
    return {
        **_frame(names),
        **{names.user(user.name): _person(user, home_pattern) for user in accounts.users},
        **_groups(accounts, names),
    }


def _frame(names: Names) -> dict[str, Entry]:
    top = names.suffix.split(",", 1)[0].split("=", 1)[1]
    frame: dict[str, Entry] = {
        names.suffix: {"objectClass": ["dcObject", "organization"], "dc": [top], "o": ["Demo HPC centre"]}
    }
    for dn in (names.people, names.groups, names.services, names.policies):
        frame[dn] = {"objectClass": ["organizationalUnit"], "ou": [dn.split(",", 1)[0][3:]]}
    frame[names.default_policy] = {
        "objectClass": ["device", "pwdPolicy"],
        "cn": ["default"],
        "pwdAttribute": ["userPassword"],
        "pwdLockout": ["TRUE"],
        "pwdMaxFailure": ["20"],
        "pwdFailureCountInterval": ["300"],
        "pwdLockoutDuration": ["300"],
    }
    for dn, purpose in (
        (names.hub, "JupyterHub reads people and groups"),
        (names.nslcd, "Unix accounts and groups of the nodes"),
    ):
        frame[dn] = {
            "objectClass": ["applicationProcess", "simpleSecurityObject"],
            "cn": [dn.split(",", 1)[0][3:]],
            "description": [purpose],
        }
    return frame


def _person(user: User, home_pattern: str) -> Entry:
    return {
        "objectClass": ["inetOrgPerson", "posixAccount"],
        "uid": [user.name],
        "cn": [user.full_name],
        "sn": [user.full_name.rsplit(" ", 1)[-1]],
        "displayName": [user.full_name_ko or user.full_name],
        "mail": [f"{user.name}@hpc.example"],
        "gecos": [user.full_name.encode("ascii", "replace").decode()],
        "uidNumber": [str(user.uid)],
        "gidNumber": [str(user.gid)],
        "homeDirectory": [home_pattern.format(username=user.name)],
        "loginShell": ["/bin/bash"],
        **({"pwdAccountLockedTime": [LOCKED_FOR_EVER]} if user.locked else {}),
    }


def _groups(accounts: Accounts, names: Names) -> dict[str, Entry]:
    everybody = [user.name for user in accounts.users]
    groups: dict[str, Entry] = {
        names.group(accounts.primary_group): _unix_group(
            accounts.primary_group, accounts.primary_gid, "Every account of the centre", everybody
        )
    }
    named: tuple[Project | Group, ...] = (*accounts.projects, *accounts.groups)
    for group in named:
        members = [user.name for user in accounts.members(group.name)]
        dn = names.group(group.name)
        if group.gid is not None:
            groups[dn] = _unix_group(group.name, group.gid, group.description, members)
        elif members:  # a groupOfNames without a member breaks the schema
            groups[dn] = {
                "objectClass": ["groupOfNames"],
                "cn": [group.name],
                "description": [group.description],
                "member": [names.user(member) for member in members],
            }
    return groups


def _unix_group(name: str, gid: int, description: str, members: Sequence[str]) -> Entry:
    return {
        "objectClass": ["posixGroup"],
        "cn": [name],
        "gidNumber": [str(gid)],
        "description": [description],
        "memberUid": list(members),
    }


def format_ldif(entries: Mapping[str, Entry]) -> str:
    """Write entries as LDIF, every value in base64: nothing in it can be taken for syntax."""
    blocks = []
    for dn, attributes in entries.items():
        lines = [_line("dn", dn)]
        lines += [_line(name, value) for name, values in attributes.items() for value in values]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _line(name: str, value: str) -> str:
    return f"{name}:: {base64.b64encode(value.encode()).decode()}"


def parse_ldif(text: str) -> dict[str, dict[str, list[str]]]:
    """Read unwrapped LDIF (`-o ldif-wrap=no`) back, by lower-case distinguished name."""
    entries: dict[str, dict[str, list[str]]] = {}
    for block in text.split("\n\n"):
        attributes: dict[str, list[str]] = {}
        for name, value in _values(block.splitlines()):
            attributes.setdefault(name, []).append(value)
        for dn in attributes.pop("dn", []):
            entries[dn.lower()] = attributes
    return entries


def _values(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        if value.startswith(":"):
            yield name, base64.b64decode(value[1:]).decode("utf-8", "replace")
        else:
            yield name, value.strip()
