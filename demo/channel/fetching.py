"""The wheels that the demo's channel is made of, fetched by pip from wherever this machine's pip fetches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from demo.channel.wanted import digest

__all__ = ["FetchError", "fetch"]

_LIMIT: Final = 900.0


class FetchError(Exception):
    """Wheels cannot be had; the text has pip's words."""


def fetch(folder: Path, selections: Mapping[str, tuple[str, ...]]) -> list[Path]:
    """Return the wheels of all selections; fetch those of selections that are not there as a whole.

    Raises
    ------
    FetchError
        When pip fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        names = pool.map(lambda wanted: _fetch(folder, wanted), selections.values())
    return [folder / name for name in sorted({name for some in names for name in some})]


def _fetch(folder: Path, requirements: tuple[str, ...]) -> list[str]:
    listed = folder / f"{digest(requirements)}.json"
    if listed.exists():
        names: list[str] = json.loads(listed.read_text())
        if all((folder / name).is_file() for name in names):
            return names
    # Aside: so it is known which wheels pip chose, and a fetch that is interrupted leaves no half of one.
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        _download(Path(aside), requirements)
        names = sorted(path.name for path in Path(aside).glob("*.whl"))
        for name in names:
            os.replace(Path(aside, name), folder / name)
    listed.write_text(json.dumps(names))
    return names


def _download(folder: Path, requirements: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--dest={folder}"]
    done = subprocess.run(
        [*argv, *requirements],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise FetchError(f"pip could not fetch wheels for the demo's channel:\n{done.stderr.strip()[-2000:]}")
