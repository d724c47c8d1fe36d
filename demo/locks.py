"""The lock files of the sets that the demo offers, made with the administrator's own command."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

from demo.channel.build import STAMP
from demo.files import write
from demo.settings import HUB_ACCOUNT, Instance

__all__ = ["ensure"]


class Run(Protocol):
    """Runs a program in the centre as `user`."""

    def __call__(self, argv: Sequence[str], user: str) -> subprocess.CompletedProcess[str]: ...


def ensure(run: Run, instance: Instance, tell: Callable[[str], None]) -> None:
    """Solve the sets, unless that was done with this channel and these definitions.

    A failure is told and ends nothing: without a lock file, environments are solved when they are made.
    """
    mark, wanted = instance.etc / "locks-digest", _wanted(instance)
    if mark.exists() and mark.read_text() == wanted:
        return
    for old in instance.locks.glob("*.lock"):
        # Its packages may be gone from the channel.
        old.unlink()
    done = run([str(instance.bin / "hpchub"), "env", "lock"], HUB_ACCOUNT)
    if done.returncode:
        tell(f"hpchub env lock: {done.stderr.strip()[-500:]}")
        return
    write(mark, wanted)


def _wanted(instance: Instance) -> str:
    """Return what changes whenever another solve is due."""
    total = hashlib.sha256()
    definitions = sorted((instance.src / "environments").glob("*.yml"))
    for path in (instance.channel / STAMP, instance.environments_file, *definitions):
        total.update(path.read_bytes() if path.exists() else b"")
    return total.hexdigest()
