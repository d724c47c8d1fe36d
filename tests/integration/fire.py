"""Faults that a real Slurm has on a bad day, made on demand and taken back afterwards."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.centre import RunningCentre
from tests.person import Person

__all__ = ["hub_with", "look", "lost_state", "reconfigured", "replaced", "telling", "wrong_configuration"]

SHIM = """#!/bin/sh
# Everybody else meets the real one, the tests above all.
if [ "$(id -un)" = {who} ]; then
{lines}
fi
exec {real} "$@"
"""


@contextmanager
def replaced(centre: RunningCentre, program: str, lines: str, who: str = "hpchub") -> Iterator[None]:
    """Have one account meet another `program` (a whole path) inside the centre, for a ``with`` block.

    Parameters
    ----------
    lines
        Shell lines that this account runs instead; where they do not ``exit``, the real one follows,
        which they can call as ``$REAL``.
    who
        The account, the hub's by default.
    """
    folder = centre.instance.run / "shims"
    folder.mkdir(exist_ok=True)
    name = program.rsplit("/", 1)[-1]
    real, shim = folder / f"{name}.real", folder / name
    shutil.copy2(program, real)
    words = f"REAL={shlex.quote(str(real))}\n{lines}"
    shim.write_text(SHIM.format(who=who, lines=words, real=shlex.quote(str(real))))
    for path in (folder, shim, real):
        path.chmod(0o755)
    centre.run(["mount", "--bind", str(shim), program])
    try:
        yield
    finally:
        # Who runs it just now keeps it busy, so: lazily.
        centre.run(["umount", "--lazy", program])


def telling(centre: RunningCentre, lines: str) -> AbstractContextManager[None]:
    """Have squeue answer the hub otherwise."""
    return replaced(centre, "/usr/bin/squeue", lines)


@contextmanager
def wrong_configuration(centre: RunningCentre) -> Iterator[None]:
    """Have a mistake in slurm.conf, as after a careless edit."""
    good = centre.slurm_conf.read_text()
    centre.slurm_conf.write_text(f"{good}\nThisIsNoSetting=1\n")
    try:
        yield
    finally:
        centre.slurm_conf.write_text(good)


@contextmanager
def hub_with(centre: RunningCentre, settings: str, *, restart: bool = True) -> Iterator[None]:
    """Have a hub with more settings (the text of a Python file) for a ``with`` block.

    Parameters
    ----------
    restart
        False leaves it to the test to restart the hub that runs, which then has them.
    """
    extra = centre.instance.etc / "jupyterhub_extra.py"
    extra.write_text(settings)
    try:
        if restart:
            _restart_hub(centre)
        yield
    finally:
        extra.unlink()
        _restart_hub(centre)


def _restart_hub(centre: RunningCentre) -> None:
    centre.stop("hub")
    centre.start("hub")


@contextmanager
def reconfigured(centre: RunningCentre, lines: str) -> Iterator[None]:
    """Have more lines in slurm.conf, which all daemons have read, for a ``with`` block."""
    good = centre.slurm_conf.read_text()
    try:
        _configure(centre, f"{good}\n{lines}\n")
        yield
    finally:
        _configure(centre, good)


def _configure(centre: RunningCentre, text: str) -> None:
    # Not by `start`, which brings up the whole centre, and with it the file as it should be.
    centre.stop("slurmctld")  # what preempts is read at its start only
    centre.slurm_conf.write_text(text)
    centre.begin("slurmctld")
    deadline = time.monotonic() + 30
    while "UP" not in centre.run(["scontrol", "ping"], check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    centre.run(["scontrol", "reconfigure"])


@contextmanager
def lost_state(centre: RunningCentre) -> Iterator[None]:
    """Restart the controller with nothing in its memory; afterwards it has its old memory back."""
    state = centre.instance.data / "slurmctld"
    aside = state.with_name("slurmctld.aside")
    centre.stop("slurmctld")
    shutil.copytree(state, aside, symlinks=True)
    owner = state.stat()
    for path in aside.rglob("*"):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    for path in state.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    centre.start("slurmctld")
    try:
        yield
    finally:
        centre.stop("slurmctld")
        shutil.rmtree(state)
        aside.rename(state)
        shutil.chown(state, owner.st_uid, owner.st_gid)
        state.chmod(owner.st_mode & 0o7777)
        centre.start("slurmctld")


def look(person: Person, times: int = 1) -> str:
    """Have the hub look at Slurm, so often, by opening the form of another server; return the page."""
    page = ""
    for _ in range(times):
        time.sleep(2.1)  # the hub asks no more often
        answer = person.get(f"hub/spawn/{person.name}/another")
        assert answer.status_code == 200
        page = answer.text
    return page
