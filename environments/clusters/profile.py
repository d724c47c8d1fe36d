"""Writes IPyParallel's profile into the user's folder of profiles, and never over anything of the user's own.

It lies where IPython looks for it (``~/.ipython/profile_NAME``), and names no environment: engines run in the
Python of whoever starts them, in the very state of the environment that the notebook has. So Reset, Roll back
and another environment need no other profile. Each file of ours bears a mark with the digest of what follows
it: a file without it, or that was edited since, is the user's, and then nothing in the profile is touched.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from environments.reading import read_text
from environments.site_profile import Profile
from environments.specs import package_of
from environments.writing import write_whole

__all__ = ["NEEDS", "Outcome", "files_of", "folder_of", "is_ours", "wanted", "write"]

NEEDS: Final = "ipyparallel"
MARK: Final = "# Written by hpchub (Plugins); an edited file is left alone. sha256 of the rest: "
LARGEST: Final = 256 * 1024
CONFIG: Final = "ipcluster_config.py"
MODULES: Final = ("hpchub_slurm_job.py", "hpchub_slurm_engines.py")

_CLUSTER: Final = """\
# Settings of your own go into ipcluster_config.json beside this file: it is read after this one, and nobody
# else writes it. For one cluster, say them where you start it; docs/environments.md has examples.
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
if here not in sys.path:
    sys.path.append(here)
c = get_config()
c.Cluster.engine_launcher_class = "hpchub_slurm_engines.SlurmEngines"
c.Cluster.n = {engines!r}
c.Cluster.engine_timeout = {seconds!r}
c.SlurmEngineSetLauncher.queue = {partition!r}
c.SlurmEngineSetLauncher.timelimit = {minutes!r}
c.SlurmEngines.engines_per_node = {per_node!r}
c.SlurmEngines.cpus_per_engine = {cpus!r}
c.SlurmEngines.site_options = {options!r}
c.SlurmEngines.log_folder = {log!r}
"""
_CONTROLLER: Final = """\
# The controller is reached over the network of the nodes, so what it says is encrypted, and only who has the
# cluster's key, in a file that you alone can read, is answered.
import os
import secrets
import sys

here = os.path.dirname(os.path.abspath(__file__))
if here not in sys.path:
    sys.path.append(here)
from hpchub_slurm_job import listening

c = get_config()
c.IPController.enable_curve = True
# Messages are signed besides, which ipyparallel else leaves out, with a warning that frightens people.
c.Session.key = secrets.token_hex(32).encode()
c.IPController.ip, c.IPController.location = listening(os.environ)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of writing a profile.

    Attributes
    ----------
    kind : str
        ``made``, ``updated`` or ``same``; or ``kept``, when files of the user's own are there.
    foreign : tuple of str
        Those.
    """

    kind: Literal["made", "updated", "same", "kept"]
    folder: Path
    foreign: tuple[str, ...] = ()


def wanted(specs: tuple[str, ...]) -> bool:
    """Return whether ipyparallel is among packages; without it a profile is of no use."""
    return any(package_of(spec) == NEEDS for spec in specs)


def folder_of(profile: Profile, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where IPython looks for the profile."""
    own = environ.get("IPYTHONDIR") or ""
    root = Path(own) if own.startswith("/") else Path.home() / ".ipython"
    return root / f"profile_{profile.name}"


def files_of(profile: Profile, user: str) -> dict[str, str]:
    """Return the profile's files, the one that switches it on last."""
    here = Path(__file__).with_name("in_profile")
    modules = {name: (here / name).read_text(encoding="utf-8") for name in MODULES}
    cluster = _CLUSTER.format(
        engines=profile.engines,
        seconds=60 * profile.wait_minutes,
        partition=profile.partition or profile.queue,
        minutes=str(profile.minutes),
        per_node=profile.engines_per_node,
        cpus=profile.cpus_per_engine,
        options=list(profile.options),
        log=profile.log.replace("{user}", user),
    )
    files = {**modules, "ipcontroller_config.py": _CONTROLLER, CONFIG: cluster}
    return {name: _marked(text) for name, text in files.items()}


def write(folder: Path, files: Mapping[str, str]) -> Outcome:
    """Make the profile, or bring it up to date.

    Raises
    ------
    OSError
        When the folder cannot be written to.
    """
    there = {name: (folder / name) for name in files if os.path.lexists(folder / name)}
    foreign = [name for name, path in there.items() if not is_ours(path)]
    if CONFIG not in there:  # else it is what our own text tells people to write
        foreign += [name for name in ("ipcluster_config.json",) if os.path.lexists(folder / name)]
    if foreign:
        return Outcome("kept", folder, tuple(sorted(foreign)))
    changed = [name for name, text in files.items() if name not in there or _text(there[name]) != text]
    if changed:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in changed:
            write_whole(folder / name, files[name])
    kind: Literal["made", "updated", "same"] = (
        "made" if CONFIG not in there else "updated" if changed else "same"
    )
    return Outcome(kind, folder)


def is_ours(path: Path) -> bool:
    """Return whether a file is as we wrote it, now or in an earlier version."""
    if path.is_symlink():
        return False
    mark, _, rest = (_text(path) or "").partition("\n")
    return mark == MARK + _digest(rest)


def _marked(text: str) -> str:
    return f"{MARK}{_digest(text)}\n{text}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path) -> str | None:
    return read_text(path, LARGEST)
