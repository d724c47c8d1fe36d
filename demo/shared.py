"""An environment of the site's own, which users of the demo start from and cannot change.

Made as an administrator makes one: with `hpchub env` and a site's file of its own. It lies beside the virtual
environment and is the same for all centres of the machine. ``python -m demo.shared`` makes it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from demo.channel.build import STAMP
from demo.files import render
from demo.settings import CHECKOUT, Instance

__all__ = ["SharedError", "build"]

MORE: Final = ("tabulate",)
# What servers and kernels begin with; a real site compiles everything (python -m compileall).
COMPILED: Final = ("jupyterhub.singleuser", "jupyter lab", "notebook", "ipykernel")
_LIMIT: Final = 600


class SharedError(Exception):
    """The environment cannot be made; the text has the words of the command that failed."""


def build(instance: Instance, tell: Callable[[str], None]) -> None:
    """Make the environment if it is not there or out of date.

    Raises
    ------
    SharedError
        When one of the commands fails.
    """
    folder = instance.shared.parents[2]
    stamp, wanted = folder / "digest", _wanted(instance)
    if stamp.is_file() and stamp.read_text() == wanted and instance.shared.is_dir():
        return
    tell(f"making the shared environment {instance.shared}")
    folder.mkdir(parents=True, exist_ok=True)
    site = folder / "environments.toml"
    site.write_text(render("shared-environments.toml.j2", folder=folder, instance=instance))
    there = instance.shared.is_dir()
    _env(site, *(["reset", "--yes"] if there else ["bootstrap"]))
    _env(site, "install", *MORE)
    # Its users may not write, so Python could never keep what it compiles for them.
    for module in COMPILED:
        _run(str(instance.shared / "bin" / "python"), "-m", *module.split(), "--version")
    stamp.write_text(wanted)


def _env(site: Path, *words: str) -> None:
    runner = CHECKOUT / "environments" / "run.py"
    _run(sys.executable, "-I", str(runner), "--site", str(site), "env", *words)


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise SharedError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()[-1000:]}")


def _wanted(instance: Instance) -> str:
    total = hashlib.sha256()
    for path in (instance.channel / STAMP, CHECKOUT / "environments" / "base.yml", Path(__file__)):
        total.update(path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    os.umask(0o022)
    try:
        build(Instance.from_environment(), lambda line: print(line, file=sys.stderr))
    except SharedError as error:
        sys.exit(f"demo.shared: {error}")
