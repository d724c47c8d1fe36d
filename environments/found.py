"""What a user has: looked up on the disk, quickly, and without believing any of it.

Users may do with their folders what they like. Everything here is bounded, opens nothing but plain files, and
takes what it cannot read for not there. Nothing heavy is imported, for a page waits for the answer.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from environments.layout import Layout
from environments.reading import read_bytes, read_text
from environments.records import Environment

if TYPE_CHECKING:
    from environments.site import Site

__all__ = [
    "environment",
    "environments",
    "first_environments",
    "is_server",
    "marks",
    "names_in",
    "others",
    "packages",
    "python_of",
    "serves",
]

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")
MOST_ENTRIES: Final = 20_000  # looked at in one folder
MOST_ENVIRONMENTS: Final = 200  # on a page
LONGEST_LOOK: Final = 6.0  # seconds for all of them; a page waits
LARGEST_RECORD: Final = 32 << 20  # bytes; tensorflow's has 5 million
LARGEST_IN_ALL: Final = 256 << 20
LARGEST_MARKS: Final = 64 << 10
LARGEST_HISTORY: Final = 1 << 20

_RECORD: Final = re.compile(r"(?P<name>[^/]+)-(?P<version>[^/-]+)-(?P<build>[^/-]+)\.json")
# What a server cannot do without, by conda's names, as modules.
_SERVER: Final = {
    "jupyterhub": "jupyterhub",
    "jupyterhub-base": "jupyterhub",
    "jupyter_server": "jupyter_server",
}
_DIST_INFO: Final = re.compile(r"(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info")


def names_in(layout: Layout) -> list[str]:
    """Return the names of the user's environments, also of broken ones."""
    return sorted(entry.name for entry in _entries(layout.envs) if NAME.fullmatch(entry.name))


def environments(_site: Site | None, layout: Layout) -> list[Environment]:
    """Return the user's environments by name; broken ones as well, for those can be reset."""
    return [environment(layout, name) for name in names_in(layout)]


def first_environments(layout: Layout, largest: int) -> tuple[list[Environment], int]:
    """Return as many environments as a page can show and wait for, and how many more there are.

    Parameters
    ----------
    largest : int
        Characters that they may have as JSON.
    """
    names, shown = names_in(layout), list[Environment]()
    ends = time.monotonic() + LONGEST_LOOK
    for name in names[:MOST_ENVIRONMENTS]:
        one = environment(layout, name)
        largest -= len(json.dumps(asdict(one)))
        if largest < 0 or time.monotonic() > ends:
            break
        shown.append(one)
    return shown, len(names) - len(shown)


def environment(layout: Layout, name: str) -> Environment:
    """Return one environment as it is found, whatever is there."""
    from environments import generations, holding

    prefix = layout.address(name)
    python = python_of(prefix)
    made = marks(prefix)
    records = _records(prefix)
    try:
        states = generations.list_all(layout, name)
        busy = holding.holder(layout, name)
    except (OSError, ValueError, TypeError, RecursionError):  # a folder that is none, marks that are none
        states, busy = [], ""
    return Environment(
        name=name,
        prefix=str(prefix),
        engine=_text(made, "engine"),
        set=_text(made, "set"),
        made=_number(made, "made"),
        packages=len(records),
        python=next((one["version"] for one in records if python and one["name"] == "python"), ""),
        server=serves(prefix),
        kernel=python is not None and _has(prefix, records, "ipykernel"),
        generations=tuple(
            {
                "id": one.id,
                "made": one.made,
                "label": one.label,
                "verb": one.verb,
                "current": one.current,
                "packages": one.packages,
            }
            for one in states
        ),
        busy=busy,
    )


def marks(prefix: Path) -> Mapping[str, Any]:
    """Return what the room noted in an environment when it was made; nothing for one that others made."""
    raw = _json(prefix / "conda-meta" / "hpchub", LARGEST_MARKS)
    return raw if isinstance(raw, dict) else {}


def python_of(prefix: Path) -> Path | None:
    """Return the environment's interpreter, at its address for everybody.

    Who starts something long from it resolves the environment's link first, on the node and at that moment:
    then the program goes on undisturbed when the environment is switched, as long as its generation lives.
    """
    path = prefix / "bin" / "python"
    return path if _is_program(path) else None


def is_server(prefix: Path) -> bool:
    """Return whether a notebook server of the hub's can be started from it."""
    return python_of(prefix) is not None and _is_program(prefix / "bin" / "jupyterhub-singleuser")


def serves(prefix: Path) -> bool:
    """Return whether a server would start: its program is there, and pip has not taken its packages away."""
    if not is_server(prefix):
        return False
    recorded = {_SERVER[record["name"]] for record in _records(prefix) if record["name"] in _SERVER}
    return all(_is_installed(prefix, module) for module in recorded)


def _is_installed(prefix: Path, module: str) -> bool:
    """Return whether a module is there, in whatever way: pip may have put it elsewhere and noted where."""
    for folder in _site_packages(prefix):
        if os.path.isfile(folder / module / "__init__.py"):
            return True
        notes = (_DIST_INFO.fullmatch(entry.name) for entry in _entries(folder))
        if any(note and _normal(note["name"]) == _normal(module) for note in notes):
            return True
    return False


def packages(prefix: Path) -> list[dict[str, Any]]:
    """Return the conda packages: name, version, build, channel, size (bytes), requested."""
    from environments.conda_meta import without_secrets

    left = LARGEST_IN_ALL
    by_history = _asked(prefix)
    found = []
    for record in _records(prefix):
        raw = _json(prefix / "conda-meta" / record["file"], min(LARGEST_RECORD, left))
        about = raw if isinstance(raw, dict) else {}
        left -= 0 if raw is None else _size(prefix / "conda-meta" / record["file"])
        asked = about.get("requested_specs") or about.get("requested_spec")
        found.append(
            {
                "name": record["name"],
                "version": record["version"],
                "build": record["build"],
                "channel": without_secrets(_text(about, "channel")),
                "size": int(_number(about, "size")),
                "requested": (bool(asked) and asked != "None") or record["name"] in by_history,
            }
        )
    return found


def _asked(prefix: Path) -> set[str]:
    """Return the names of what was asked for, as conda's history says."""
    from environments.history import requested_in
    from environments.keeping import match_name

    text = read_text(prefix / "conda-meta" / "history", LARGEST_HISTORY) or ""
    try:
        return {match_name(spec) for spec in requested_in(text)}
    except (RecursionError, MemoryError, ValueError):  # lists in lists in lists, by somebody's hand
        return set()


def others(prefix: Path) -> list[dict[str, str]]:
    """Return the Python packages that pip, or whatever is not conda, put there: name, version."""
    known = {_normal(record["name"]) for record in _records(prefix)}
    found = {}
    for folder in _site_packages(prefix):
        for entry in _entries(folder):
            match = _DIST_INFO.fullmatch(entry.name)
            if not match:
                continue
            installer = (read_bytes(Path(entry.path) / "INSTALLER", 100) or b"").strip()
            if installer == b"conda" or (not installer and _normal(match["name"]) in known):
                continue
            found[_normal(match["name"])] = {"name": match["name"], "version": match["version"]}
    return [found[name] for name in sorted(found)]


def _records(prefix: Path) -> list[dict[str, str]]:
    """Return name, version, build and file of every record of conda's, by name; from the file names alone."""
    found = [
        {**match.groupdict(), "file": entry.name}
        for entry in _entries(prefix / "conda-meta")
        if (match := _RECORD.fullmatch(entry.name))
    ]
    return sorted(found, key=lambda record: record["name"])


def _has(prefix: Path, records: list[dict[str, str]], name: str) -> bool:
    """Return whether a Python package is there, whoever installed it."""
    if any(record["name"] == name for record in records):
        return True
    return any(os.path.isfile(folder / name / "__init__.py") for folder in _site_packages(prefix))


def _site_packages(prefix: Path) -> Iterator[Path]:
    for entry in _entries(prefix / "lib"):
        if re.fullmatch(r"python3\.[0-9]{1,2}", entry.name):
            yield Path(entry.path) / "site-packages"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, as far as it is one, can be read, and is not made to keep us busy."""
    try:
        with os.scandir(folder) as found:
            return list(islice(found, MOST_ENTRIES))
    except (OSError, ValueError):
        return []


def _json(path: Path, largest: int) -> Any:
    raw = read_bytes(path, largest + 1)
    if raw is None or len(raw) > largest:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_program(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except (OSError, RuntimeError):  # a loop of links
        return False


def _text(about: Mapping[str, Any], key: str) -> str:
    value = about.get(key)
    return value if isinstance(value, str) else ""


def _number(about: Mapping[str, Any], key: str) -> float:
    value = about.get(key)
    # Not NaN and not infinite, which JSON of others has no word for.
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e18
    return float(value or 0) if usable else 0.0


def _normal(name: str) -> str:
    """Return a name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
