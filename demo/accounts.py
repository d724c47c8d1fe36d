"""The people, projects and groups of the demo centre, read from a TOML file."""

import base64
import binascii
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

__all__ = ["DEFAULT_PATH", "Accounts", "AccountsError", "Group", "Project", "User", "load"]

DEFAULT_PATH = Path(__file__).with_name("accounts.toml")

Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9._-]{0,31}$")]
Id = Annotated[int, Field(ge=10000, le=60000)]


class AccountsError(ValueError):
    """The accounts file is not what it should be; the text names the file and the entry."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Project(_Frozen):
    """A Slurm account, which is a Unix group as well."""

    name: Name
    gid: Id
    description: str


class Group(_Frozen):
    """A group of the directory: a Unix group when it has a gid, else one that only the hub reads."""

    name: Name
    gid: Id | None = None
    description: str


class User(_Frozen):
    """One account of the directory; password and seed stay out of its representation."""

    name: Name
    full_name: str
    full_name_ko: str = ""
    uid: Id
    gid: Id
    password: str = Field(repr=False, min_length=8)
    totp_seed: str = Field(repr=False)
    projects: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    admin: bool = False
    locked: bool = False

    @field_validator("totp_seed")
    @classmethod
    def _seed_is_long_enough(cls, seed: str) -> str:
        try:
            raw = base64.b32decode(seed)
        except binascii.Error as error:
            raise ValueError("is not base32 (A-Z, 2-7)") from error
        if len(raw) < 20:
            raise ValueError(f"has {len(raw) * 8} bits, write at least 160")
        return seed


class Accounts(_Frozen):
    """Everybody and everything that the demo centre's directory holds."""

    primary_group: Name
    primary_gid: Id
    projects: tuple[Project, ...]
    groups: tuple[Group, ...]
    users: tuple[User, ...]

    @model_validator(mode="after")
    def _names_and_ids_are_unique(self) -> Self:
        _unique("user name", (user.name for user in self.users))
        _unique("uid", (user.uid for user in self.users))
        named: tuple[Project | Group, ...] = (*self.projects, *self.groups)
        _unique("group or project name", (self.primary_group, *(group.name for group in named)))
        _unique("gid", (self.primary_gid, *(group.gid for group in named if group.gid is not None)))
        return self

    @model_validator(mode="after")
    def _memberships_exist(self) -> Self:
        projects = {project.name for project in self.projects}
        groups = {group.name for group in self.groups}
        for user in self.users:
            for kind, wanted, known in (
                ("project", user.projects, projects),
                ("group", user.groups, groups),
            ):
                if missing := set(wanted) - known:
                    raise ValueError(f"user {user.name} is in {kind} {sorted(missing)}, which is not defined")
        return self

    def user(self, name: str) -> User:
        """Return the user called `name`.

        Raises
        ------
        AccountsError
            When there is none; the text lists who is there.
        """
        for user in self.users:
            if user.name == name:
                return user
        known = ", ".join(user.name for user in self.users)
        raise AccountsError(f"there is no account {name[:32]!r}; the demo has {known}")

    def members(self, group: str) -> tuple[User, ...]:
        """Return the users that are in the project or group called `group`."""
        return tuple(user for user in self.users if group in user.projects or group in user.groups)


def _unique(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} stands there twice")
        seen.add(value)


def load(path: Path = DEFAULT_PATH) -> Accounts:
    """Read and check the accounts file.

    Raises
    ------
    AccountsError
        When the file cannot be read or an entry is wrong; never shows a password or seed.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AccountsError(f"{path}: {error}") from error
    for kind in ("projects", "groups"):
        raw[kind] = [{"name": name, **entry} for name, entry in raw.get(kind, {}).items()]
    for user in raw.get("users", []):
        user.setdefault("gid", raw.get("primary_gid"))
    try:
        return Accounts.model_validate(raw)
    except ValidationError as error:
        raise AccountsError(f"{path}: {_words(error, raw)}") from None


def _words(error: ValidationError, raw: dict[str, object]) -> str:
    """Name the place and the fault of each finding, without the value (it may be a password)."""
    findings = []
    for finding in error.errors(include_input=False, include_url=False):
        place = [str(part) for part in finding["loc"]]
        if len(place) > 1 and isinstance(entries := raw.get(place[0]), list):
            place[1] = str(entries[int(place[1])].get("name", place[1]))
        findings.append(f"{'.'.join(place) or 'accounts'}: {finding['msg']}")
    return "; ".join(findings)
