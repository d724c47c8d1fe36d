"""`hpchub doctor`: asks every room what it finds, and prints it with what to do."""

import argparse
import importlib
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from hpchub import configuration
from hpchub.configuration import Configuration, ConfigurationError
from hpchub.findings import Checks, Finding, Level, guarded
from hpchub.printing import printable

__all__ = ["ROOMS", "add_parser", "diagnose", "report", "run"]

ROOMS: Final[Sequence[str]] = (
    "authenticator.checks",
    "queues.checks",
    "spawner.checks",
    "environments.checks_site",
    "hpchub.agreement",
    "hpchub.answering",
    "hpchub.clock",
)
"""Modules with a function ``checks(configuration)``; see `hpchub.findings`."""

AREA: Final = "configuration"
SITE: Final = "HPCHUB_SITE_CONFIG"
COLOURS: Final = {Level.OK: "\x1b[32m", Level.WARNING: "\x1b[33m", Level.FAULT: "\x1b[1;31m"}
PLAIN: Final = "\x1b[0m"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("doctor", help="look at everything that a hub needs; say what to do")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="JupyterHub's configuration (default: $HPCHUB_CONFIG, or jupyterhub_config.py here)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON array instead of tables")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print all findings; return 1 when one of them is a fault."""
    findings = diagnose(options.config or configuration.default_path())
    if options.json:
        found = list(findings)
        print(json.dumps([asdict(finding) for finding in found], indent=1, ensure_ascii=False))
    else:
        found = report(findings, sys.stdout)
    return 1 if any(finding.level is Level.FAULT for finding in found) else 0


def diagnose(path: Path, rooms: Sequence[str] = ROOMS) -> Iterator[Finding]:
    """Yield all findings, as they come."""
    try:
        loaded = configuration.load(path)
    except ConfigurationError as error:
        yield Finding(
            AREA, "file", Level.FAULT, str(error), "correct it; the hub does not start with it either"
        )
        return
    yield from _files(loaded)
    for room in rooms:
        yield from _ask(room, loaded)


def _files(loaded: Configuration) -> Iterator[Finding]:
    yield Finding(AREA, "file", Level.OK, ", ".join(str(path) for path in loaded.files))
    if not os.environ.get(SITE) and any(SITE in path.read_text("utf-8", "replace") for path in loaded.files):
        do = "take the hub's environment: set -a; . /etc/hpchub/environment; set +a"
        seen = f"{SITE} is not set here, so the site's own file is not read"
        yield Finding(AREA, "environment", Level.WARNING, seen, do)
    for path in loaded.missing:
        yield Finding(
            AREA,
            "file",
            Level.FAULT,
            f"{path} is named in the configuration and is not there; JupyterHub passes over that in silence",
            "write it, or correct HPCHUB_SITE_CONFIG",
        )


def _ask(room: str, loaded: Configuration) -> Iterator[Finding]:
    def check() -> Iterator[Finding]:
        checks: Checks = importlib.import_module(room).checks
        return checks(loaded)

    return guarded(room.partition(".")[0], check)


def report(findings: Iterable[Finding], stream: TextIO) -> list[Finding]:
    """Print a table per area, each as soon as it is complete; return all findings."""
    colourful = stream.isatty() and "NO_COLOR" not in os.environ
    found: list[Finding] = []
    for area, group in itertools.groupby(findings, key=lambda finding: finding.area):
        rows = list(group)
        found += rows
        width = max(len(row.check) for row in rows)
        stream.write(f"{area}\n")
        for row in rows:
            stream.write(_row(row, width, colourful=colourful))
        stream.write("\n")
        stream.flush()
    stream.write(_summary(found))
    return found


def _row(finding: Finding, width: int, *, colourful: bool) -> str:
    word = f"{finding.level:8}"
    word = f"{COLOURS[finding.level]}{word}{PLAIN}" if colourful else word
    lines = f"  {word} {finding.check:{width}}  {printable(finding.seen)}\n"
    return lines + (f"{'':{width + 13}}-> {printable(finding.do)}\n" if finding.do else "")


def _summary(found: Sequence[Finding]) -> str:
    counts = {level: sum(finding.level is level for finding in found) for level in Level}
    words = [_count(counts[Level.FAULT], "fault"), _count(counts[Level.WARNING], "warning")]
    if any(words):
        return f"{', '.join(word for word in words if word)}, {counts[Level.OK]} in order\n"
    return f"all {counts[Level.OK]} in order\n"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""
