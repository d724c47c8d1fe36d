"""One run of the measurement, and its command line."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.load import jobs, page
from benchmarks.load.grounds import Grounds, grounds
from benchmarks.load.hubs import HUBS, Kind, hub_on, open_files
from benchmarks.load.phases import Plan, measure_hub

__all__ = ["measure"]


def measure(words: Sequence[str] = ()) -> str:
    """Measure as the command line says; write the figures down, and the page from them."""
    options = _parser().parse_args(words)
    plan = Plan(options.steady, options.waiting, options.starters, options.refreshers)
    began = time.monotonic()
    record = records.new_record("load", {**asdict(plan), "open_files": open_files()}, _versions())
    path = options.results / records.file_name(record)
    most = max(options.servers)
    with grounds(most + max(plan.starters, plan.refreshers)) as here:
        jobs.fill(here)
        for run in _runs(here, options, plan):
            record["runs"].append(run)
            record["minutes"] = round((time.monotonic() - began) / 60, 1)
            records.save(path, record)
    if not options.no_page:
        page.write(record)
    return f"load: {len(record['runs'])} runs in {record['minutes']} min, in {path}"


def _runs(here: Grounds, options: argparse.Namespace, plan: Plan) -> Any:
    """Yield the figures of one hub after another; the people at the refresh button come to the largest."""
    quiet = replace(plan, refreshers=0)
    for count in options.servers:
        for kind in options.hubs:
            yield one_run(here, kind, count, plan if count == max(options.servers) else quiet, crowd=0)
    ours = [kind for kind in options.hubs if kind.ours]
    for kind in ours if options.crowd else []:
        yield one_run(here, kind, max(options.servers), plan, crowd=options.crowd)


def one_run(here: Grounds, kind: Kind, count: int, plan: Plan, *, crowd: int) -> dict[str, Any]:
    """Measure one hub with so many servers, and so many other jobs in the queue."""
    jobs.cancel_waiting(here)
    servers = jobs.keep_running(here, count)
    jobs.crowd(here, crowd)
    load = round(os.getloadavg()[0], 1)
    print(f"load: {kind.name} with {count} servers, {crowd} other jobs (load average {load})", flush=True)
    with hub_on(here, kind) as hub:
        phases = measure_hub(hub, servers, plan)
    return {
        "hub": kind.name,
        "version": kind.version,
        "servers": count,
        "crowd": crowd,
        "load_average_before": load,
        "phases": phases,
    }


def _versions() -> dict[str, str]:
    packages = ("jupyterhub", "batchspawner", "jupyterhub_moss", "tornado", "sqlalchemy")
    return {"slurm": records.slurm_version(), **records.package_versions(packages)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks load", description=__doc__)
    plan = Plan()
    parser.add_argument("--servers", type=_numbers, default=[10, 100, 1000], help="such as 10,100")
    parser.add_argument("--hubs", type=_kinds, default=list(HUBS), help="such as hpchub,batchspawner")
    parser.add_argument("--steady", type=float, default=plan.steady, help="seconds of quiet time")
    parser.add_argument("--waiting", type=float, default=plan.waiting, help="seconds of waiting")
    parser.add_argument("--starters", type=int, default=plan.starters, help="people who wait")
    parser.add_argument("--refreshers", type=int, default=plan.refreshers, help="people who refresh")
    parser.add_argument(
        "--crowd", type=int, default=10000, help="other jobs in the last run; 0 leaves it out"
    )
    parser.add_argument("--results", type=Path, default=records.FOLDER, help="where the figures go")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    return parser


def _numbers(text: str) -> list[int]:
    return sorted(int(word) for word in text.split(","))


def _kinds(text: str) -> list[Kind]:
    known = {kind.name: kind for kind in HUBS}
    if unknown := [name for name in text.split(",") if name not in known]:
        raise argparse.ArgumentTypeError(f"no hub called {unknown[0]}; there are {', '.join(known)}")
    return [known[name] for name in text.split(",")]
