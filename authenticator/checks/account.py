"""The settings of the login, the account that reads them, and the files they name."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from authenticator.keys import private_file_problem
from authenticator.settings import LoginSettings
from hpchub.findings import Finding, Level

__all__ = ["NO_START", "settings"]

AREA: Final = "login"
NO_START: Final = "correct it; the hub does not start with it"


def settings(login: LoginSettings) -> Iterator[Finding]:
    """Yield what is found of them."""
    yield _account()
    problems = list(login.problems())
    for problem in problems:
        yield Finding(AREA, "settings", Level.FAULT, problem, NO_START)
    if not problems:
        yield Finding(AREA, "settings", Level.OK, f"of {type(login).__name__}, complete and safe")
    for name in ("key_file", "bind_password_file"):
        path = str(getattr(login, name))
        # What is wrong with them stands among the problems.
        if path and private_file_problem(Path(path)) is None:
            mode = Path(path).stat().st_mode & 0o777
            yield Finding(AREA, name, Level.OK, f"{path}, mode {mode:04o}, for this account alone")
    yield from _who_may(login)


def _account() -> Finding:
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    if uid == 0:
        do = "if the hub has an account of its own, run this as that one: runuser -u hpchub -- hpchub doctor"
        return Finding(AREA, "account", Level.WARNING, "this runs as root, who may read everything", do)
    return Finding(AREA, "account", Level.OK, f"this runs as {name}: what it may read is what the hub may")


def _who_may(login: LoginSettings) -> Iterator[Finding]:
    check = "who may log in"
    if login.allow_all:
        do = "set allowed_groups, unless everybody in the directory is welcome"
        yield Finding(AREA, check, Level.WARNING, "allow_all: everybody in the directory", do)
        return
    rules = [("groups", login.allowed_groups), ("users", login.allowed_users)]
    if seen := "; ".join(f"{what} {', '.join(sorted(names))}" for what, names in rules if names):
        yield Finding(AREA, check, Level.OK, seen)
