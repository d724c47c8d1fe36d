"""One run of the measurement, and its command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import page, records
from benchmarks.environments import table
from benchmarks.environments.disk import file_system
from benchmarks.environments.doing import Conda, Doing
from benchmarks.environments.grounds import Grounds, grounds
from benchmarks.environments.rounds import Round
from benchmarks.environments.timed import Ran
from environments import conda_meta

__all__ = ["measure", "write"]


def measure(words: Sequence[str] = ()) -> str:
    """Measure as the command line says; write the figures down, and the page from them."""
    options = _parser().parse_args(words)
    if os.geteuid() != 0:
        sys.exit("be root: the people are others, and the page cache is dropped")
    # What was begun is to be ended, and the folder removed.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    began = time.monotonic()
    record = records.new_record("environments", {"rounds": options.rounds}, _versions())
    path = options.results / records.file_name(record)
    with grounds(options.folder, options.channel) as here:
        record["file_system"] = file_system(here.folder)
        if options.conda:
            record["versions"]["conda"] = options.conda_is or _conda(here, options.conda)
        _lock(here)
        for number in range(options.rounds):
            _one_round(here, number, options.conda, record)
            record["minutes"] = round((time.monotonic() - began) / 60, 1)
            records.save(path, record)
    if not options.no_page:
        write(record)
    return f"environments: {options.rounds} rounds in {record['minutes']} min, in {path}"


def write(record: Mapping[str, Any] | None = None, docs: Path = page.DOCS) -> None:
    """Write the page's part for this run, or for the newest one."""
    page.put("environments", table.tables(record or records.latest("environments")), docs)


def _one_round(here: Grounds, number: int, conda: str, record: dict[str, Any]) -> None:
    def note(case: str, channel: str, ran: Ran) -> None:
        record["runs"].append({"round": number, "case": case, "channel": channel, **ran.as_json()})
        print(f"environments: {case} {channel}: {ran.seconds:.2f} s, others {ran.others:.1f}", flush=True)

    load = round(os.getloadavg()[0], 1)
    places = Round(here, note, conda).measure()
    first = Doing(here, here.person(0))
    record.setdefault("loads", []).append(load)
    record["disk"] = {name: one._asdict() for name, one in places.items()}
    record["packages"] = len(conda_meta.records(first.prefix))


def _lock(here: Grounds) -> None:
    """Solve the set, as the administrator does, for each of the channel's addresses."""
    for channel in here.channels:
        administrator = Doing(here, here.person(0))
        here.empty(administrator.person)
        made, site = here.folder / f"locks-{channel}", here.site(channel, lock=True)
        words = [here.command, "env", "lock", "--out", str(administrator.person.home / "locks")]
        administrator.run(words, HPCHUB_ENVIRONMENTS=str(site))
        (administrator.person.home / "locks").rename(made)


def _conda(here: Grounds, program: str) -> str:
    here.empty(here.person(0))
    conda = Conda(Doing(here, here.person(0)), program, "")
    return conda.says("--version").removeprefix("conda ")


def _versions() -> dict[str, str]:
    return records.package_versions(("py-rattler",))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks environments", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is done, in turn")
    parser.add_argument("--conda", metavar="PROGRAM", default="", help="a conda to be measured beside us")
    parser.add_argument("--conda-is", metavar="TEXT", default="", help="what it is (default: what it says)")
    parser.add_argument("--channel", type=Path, help="default: the demo's, beside the virtual environment")
    parser.add_argument(
        "--folder", type=Path, default=Path(sys.prefix).parent, help="on the file system that is measured"
    )
    parser.add_argument("--results", type=Path, default=records.FOLDER, help="where the figures go")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    return parser
