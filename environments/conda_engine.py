"""The site's own conda, mamba or micromamba as the engine.

It has a package folder of its own: conda downloads everything anew over what py-rattler unpacked. Its home is
an empty folder, so a user's ``.condarc`` cannot add channels, pins or pip; what the site wrote beside the
program counts.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

from environments.engine import Filled, Wanted
from environments.explaining import explain
from environments.history import dists_of, read_requested
from environments.keeping import merged
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Progress, Tell
from environments.removing import remove_tree
from environments.site import Site
from environments.supervising import run_program
from texts import mark as _

__all__ = ["CondaEngine", "explicit_of_lock"]

NOT_HANDED_ON: Final = ("PYTHON", "CONDA_", "MAMBA_")
UNSOLVABLE: Final = (
    "UnsatisfiableError",
    "PackagesNotFound",
    "nothing provides",
    "solver_problems",
    "LibMamba",
)
SAID_CHARACTERS: Final = 8000


class CondaEngine:
    """Makes prefixes with a program of conda's family."""

    def __init__(self, site: Site, layout: Layout) -> None:
        self.site = site
        self.layout = layout
        self.name: str = site.engine
        self.program = site.engine_program or site.engine

    def fill(self, prefix: Path, wanted: Wanted, tell: Tell) -> Filled:
        """See `environments.engine.Engine.fill`."""
        remove_tree(prefix)
        with tempfile.TemporaryDirectory(prefix="hpchub-conda-") as folder:
            home = Path(folder)
            for step in self._steps(prefix, wanted, home):
                self._run(step, wanted, home, tell)
        dists = dists_of(prefix)
        may_be_same = wanted.keep is not None and not (wanted.validate or wanted.anew)
        if may_be_same and wanted.keep is not None and dists == dists_of(wanted.keep):
            remove_tree(prefix)
            return Filled(len(dists), unchanged=True)
        return Filled(len(dists))

    def _steps(self, prefix: Path, wanted: Wanted, home: Path) -> list[list[str]]:
        """Return the commands, one after the other."""
        where = ["--prefix", str(prefix), "--yes", "--json"]
        channels = ["--override-channels", *(word for url in wanted.channels for word in ("--channel", url))]
        if wanted.lock is not None:
            text = wanted.lock.read_text(encoding="utf-8")
            if "@EXPLICIT" not in text:
                text = explicit_of_lock(text, wanted.platform)
            return [["create", *where, "--file", _written(home / "explicit.txt", text)]]
        if wanted.keep is None:
            return [["create", *where, *channels, *wanted.specs]]
        steps = [["create", *where, "--file", _written(home / "keep.txt", explicit_of_prefix(wanted.keep))]]
        if wanted.remove:
            steps.append(["remove", *where, *channels, *wanted.remove])
        if wanted.specs:
            # What was asked for before is said again: the list above told conda only what there is.
            asked = merged(read_requested(wanted.keep), wanted.specs, wanted.remove)
            steps.append(["install", *where, *channels, *asked])
        return steps

    def _run(self, step: Sequence[str], wanted: Wanted, home: Path, tell: Tell) -> None:
        heard: list[str] = []

        def hear(line: bytes) -> None:
            for part in line.decode(errors="replace").split("\0"):
                if progress := _progress(part):
                    tell(progress)
                else:
                    heard.append(part)

        tell(Progress("solve" if "--file" not in step else "install"))
        try:
            code, said = run_program(
                [self.program, *step],
                environ=self._environ(wanted, home),
                stall_seconds=self.site.stall_seconds,
                hear=hear,
            )
        except OSError as error:
            raise self._no_program(error) from None
        answer = _answer("".join(heard))
        if code or not answer.get("success", not answer.get("error")):
            raise _problem(answer, f"{''.join(heard)}\n{said}"[-SAID_CHARACTERS:])

    def _environ(self, wanted: Wanted, home: Path) -> dict[str, str]:
        ours = {key: value for key, value in os.environ.items() if not key.startswith(NOT_HANDED_ON)}
        set_here = {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "CONDA_PKGS_DIRS": str(self.layout.root / "hpchub" / "conda-pkgs"),
            "CONDA_OVERRIDE_CUDA": wanted.cuda,
            "CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "CONDA_REGISTER_ENVS": "false",
            "MAMBA_ROOT_PREFIX": str(self.layout.root / "hpchub" / "mamba"),
        }
        if wanted.platform:
            set_here["CONDA_SUBDIR"] = wanted.platform
        return {**ours, **self.site.variables, **(wanted.variables or {}), **set_here}

    def _no_program(self, error: OSError) -> Problem:
        return Problem(
            "engine",
            _(
                "%(program)s, with which environments are made here, cannot be run: see the details. "
                "Tell your administrators. What you had is unchanged."
            ),
            details=str(error),
            program=self.program,
        )


def explicit_of_prefix(prefix: Path) -> str:
    """Return what is in a prefix as an ``@EXPLICIT`` list."""
    lines = ["@EXPLICIT"]
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            about = json.loads(path.read_text(encoding="utf-8"))
            lines.append(f"{about['url']}#{about['md5']}" if about.get("md5") else str(about["url"]))
    return "\n".join(lines) + "\n"


def explicit_of_lock(text: str, platform: str) -> str:
    """Return one platform of a lock file (rattler-lock 6 or 7) as an ``@EXPLICIT`` list.

    Raises
    ------
    Problem
        ``lock``: it is no such file, or not for this platform.
    """
    try:
        lock = yaml.safe_load(text)
        by_platform: Mapping[str, Any] = lock["environments"]["default"]["packages"]
        chosen = by_platform[platform] if platform else next(iter(by_platform.values()))
        hashes = {one["conda"]: one.get("md5", "") for one in lock["packages"] if "conda" in one}
        urls = [one["conda"] for one in chosen if "conda" in one]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise explain("WrittenError", f"{type(error).__name__}: {error}") from None
    lines = [f"{_url(url)}#{hashes[url]}" if hashes.get(url) else _url(url) for url in urls]
    return "\n".join(["@EXPLICIT", *lines]) + "\n"


def _url(location: str) -> str:
    return Path(location).as_uri() if location.startswith("/") else location


def _written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _progress(part: str) -> Progress | None:
    """Read a line of ``--json`` that tells how far a download is; see conda's ``JSONProgressBar``."""
    try:
        about = json.loads(part)
        total, done = int(about["maxval"]), float(about["progress"])
    except (ValueError, KeyError, TypeError):
        return None
    return Progress("install", bytes_done=int(done), bytes_total=total, current=str(about.get("fetch", "")))


def _answer(text: str) -> dict[str, Any]:
    """Return the last JSON object of an output, which is the answer."""
    answer: dict[str, Any] = {}
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            answer = found if isinstance(found, dict) else answer
        at = text.find("{", end)
    return answer


def _problem(answer: Mapping[str, Any], said: str) -> Problem:
    text = str(answer.get("message") or answer.get("error") or said)
    kind = str(answer.get("exception_name", ""))
    if "NoSpace" in kind or "No space left on device" in said:
        text += " (os error 28)"
    if "Disk quota exceeded" in said:
        text += " (os error 122)"
    if any(word in kind + text + said for word in UNSOLVABLE):
        kind = "SolverError"
    if kind == "CondaHTTPError" and "404" not in text:
        text += "\nerror sending request"
    return explain(kind, text)
