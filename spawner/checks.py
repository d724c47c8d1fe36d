"""What the doctor looks at of the helper: whether it is there, is of this version, and may be run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level

__all__ = ["checks", "look", "permissions"]

_AREA: Final = "helper"
_OURS: Final = Path(__file__).with_name("as_user.py")
_ACTS: Final = "sudo -nHu {username} /usr/local/libexec/hpchub-as-user"
_TIMEOUT: Final = 10.0  # seconds: sudo may ask a directory that hangs


def checks(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is found of the helper; nothing for a hub with another spawner. It is not run."""
    if "SlurmGPUSpawner" not in str(configuration.config.JupyterHub.get("spawner_class", "")):
        return
    try:
        words = shlex.split(configuration.config.get("SlurmGPUSpawner", {}).get("acts_as_user", _ACTS))
    except ValueError as error:
        yield _fault(
            "acts_as_user", f"it is no command: {error}", "correct its quotes; nothing can be started"
        )
        return
    program = Path(words[-1] if words else "")
    if not program.name:
        yield _fault("acts_as_user", "it names no program", "leave it out, or name sudo and the helper")
        return
    yield from look(program)
    if Path(words[0]).name == "sudo" and os.geteuid() != 0:  # root's own rights say nothing of the hub's
        yield from permissions(program)


def look(program: Path, ours: Path = _OURS, owner: int = 0) -> Iterator[Finding]:
    """Yield what is found of the installed file and of its settings.

    Parameters
    ----------
    ours : Path
        The file that it was installed from.
    owner : int
        Whose the files have to be, by uid.
    """
    install = f"install -o root -g root -m 755 {ours} {program}"
    settings = program.with_name(program.name.removesuffix(".py") + ".json")
    try:
        if program.read_bytes() != ours.read_bytes():
            seen = f"{program} is of another version than the hub: starts may be refused"
            yield _fault("program", seen, f"{install}; restart the hub if it is older than its files")
        elif problem := _unsafe(program, owner):
            yield _fault("program", problem, install)
        else:
            yield Finding(_AREA, "program", Level.OK, f"{program}, of this version")
    except OSError as error:
        yield _fault("program", f"{program}: {error.strerror}", install)
    yield _settings(settings, owner)


def _settings(path: Path, owner: int) -> Finding:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return _fault("settings", f"{path}: {error.strerror}", f"write {path}, root's and readable by all")
    except ValueError as error:
        return _fault("settings", f"{path} is not JSON: {error}", "correct it; nothing can be started")
    if not isinstance(found, dict):
        return _fault("settings", f"{path} is not one JSON object", "correct it; nothing can be started")
    if problem := _unsafe(path, owner):
        return _fault("settings", problem, f"chown root: {path}; chmod 644 {path}")
    return Finding(_AREA, "settings", Level.OK, str(path))


def _unsafe(path: Path, owner: int) -> str:
    about = path.stat()
    if about.st_uid != owner:
        return f"{path} belongs to uid {about.st_uid}; whoever that is acts as all users"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} may be written by others than its owner; they act as all users"
    return ""


def permissions(program: Path, patience: float = _TIMEOUT) -> Iterator[Finding]:
    """Yield whether sudo lets this account run the helper without a password.

    Parameters
    ----------
    patience : float
        Seconds until sudo counts as hanging.
    """
    line = f'write to /etc/sudoers.d/hpchub: hpchub ALL=(%USERS) NOPASSWD: {program} ""'
    sudo = shutil.which("sudo")
    if sudo is None:
        yield _fault("sudo", "it is not in this PATH", "install sudo, or set PATH for the hub")
        return
    try:
        done = subprocess.run(
            [sudo, "-n", "-l"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        do = "see why sudo hangs: mostly the directory of users does not answer"
        yield _fault("sudo", f"sudo -n -l: {type(error).__name__}", do)
        return
    # Whole words: an older one may be allowed beside it, under a name that begins with this one.
    lines = [one for one in done.stdout.splitlines() if "NOPASSWD" in one]
    allowed = [one for one in lines if str(program) in one.replace(",", " ").split()]
    if allowed:
        yield Finding(_AREA, "sudo", Level.OK, allowed[0].strip())
    else:
        said = (done.stderr or done.stdout).strip().splitlines()
        yield _fault("sudo", f"no line for {program}: {said[-1] if said else 'nothing is allowed'}", line)


def _fault(check: str, seen: str, do: str) -> Finding:
    return Finding(_AREA, check, Level.FAULT, seen, do)
