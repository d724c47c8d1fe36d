"""conda's own diary of a prefix, ``conda-meta/history``, read and written as conda does.

conda takes what was asked for from it (``conda env export --from-history``, ``conda remove``), and its
revisions; see ``conda/history.py``. No conda version is written: conda refuses to work on what a newer one
has written, and ours was none.
"""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from environments.keeping import match_name, merged
from environments.writing import write_whole

__all__ = ["dists_of", "read_requested", "requested_in", "revision", "write_history"]

HISTORY: Final = Path("conda-meta") / "history"
SPECS: Final = re.compile(r"#\s*(?P<action>\w+)\s+specs:\s*(?P<specs>.*)")
ADDS: Final = ("update", "install", "create")


def requested_in(text: str) -> list[str]:
    """Return what was asked for, by a history, as match specs."""
    asked: list[str] = []
    for line in text.splitlines():
        if match := SPECS.match(line):
            specs = _specs(match["specs"])
            if match["action"] in ADDS:
                asked = merged(asked, specs)
            elif match["action"] in ("remove", "uninstall"):
                asked = merged(asked, (), specs)
    return asked


def read_requested(prefix: Path) -> list[str]:
    """Return what was asked for in a prefix; nothing where its history is empty."""
    return requested_in(_text(prefix))


def dists_of(prefix: Path) -> list[str]:
    """Return the packages of a prefix as a history names them: ``channel/subdir::name-version-build``."""
    dists = []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            channel = str(about["channel"]).rstrip("/").removesuffix(f"/{about['subdir']}")
            stem = f"{about['name']}-{about['version']}-{about['build']}"
            dists.append(f"{channel}/{about['subdir']}::{stem}")
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return dists


def revision(
    before: Iterable[str],
    after: Iterable[str],
    *,
    command: str,
    update: Sequence[str] = (),
    remove: Sequence[str] = (),
    at: float | None = None,
) -> str:
    """Return one entry: what was asked for, and what went (``-``) and came (``+``).

    >>> print(revision([], ["c/noarch::a-1-0"], command="make", update=["a"], at=0.0), end="")
    ==> 1970-01-01 00:00:00 <==
    # cmd: make
    +c/noarch::a-1-0
    # update specs: ["a"]
    """
    old, new = set(before), set(after)
    lines = [f"==> {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))} <==", f"# cmd: {command}"]
    lines += [f"-{dist}" for dist in sorted(old - new)]
    lines += [f"+{dist}" for dist in sorted(new - old)]
    if remove:
        lines.append(f"# remove specs: {json.dumps(list(remove))}")
    if update:
        lines.append(f"# update specs: {json.dumps(list(update))}")
    return "\n".join(lines) + "\n"


def write_history(
    prefix: Path,
    keep: Path | None,
    *,
    command: str,
    update: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> None:
    """Write the diary of a new prefix; it goes on from that of the prefix `keep` that it was made from."""
    before = dists_of(keep) if keep else []
    text = _text(keep) if keep else ""
    if text and not text.endswith("\n"):
        text += "\n"
    if keep and not text:
        text = revision([], before, command="unknown")
    entry = revision(before, dists_of(prefix), command=command, update=update, remove=remove)
    write_whole(prefix / HISTORY, text + entry)


def _text(prefix: Path) -> str:
    try:
        return (prefix / HISTORY).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _specs(text: str) -> list[str]:
    text = text.strip()
    if text.startswith("["):
        try:
            specs = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return []
        return [str(spec) for spec in specs if match_name(str(spec))]
    return [spec.strip() for spec in text.split(",") if match_name(spec)]
