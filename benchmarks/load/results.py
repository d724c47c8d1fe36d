"""The figures of a run on the disk: with the commit, the day, the machine and the versions they belong to."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "file_name", "latest", "new_record", "save"]

FOLDER = Path(__file__).resolve().parent.parent / "results"
_CHECKOUT = FOLDER.parent.parent
_PACKAGES = ("jupyterhub", "batchspawner", "jupyterhub_moss", "tornado", "sqlalchemy")

Record = dict[str, Any]


def new_record(plan: Mapping[str, Any]) -> Record:
    """Return a record without runs yet."""
    return {
        "measurement": "load",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said(["git", "rev-parse", "--short=9", "HEAD"]),
        "changed_since": bool(_said(["git", "status", "--porcelain", "--untracked-files=no"])),
        "machine": machine(),
        "versions": versions(),
        "plan": dict(plan),
        "runs": [],
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on that is not software of ours."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    slurm = _said(["sinfo", "--version"]).removeprefix("slurm-wlm ").removeprefix("slurm ")
    return {
        "python": platform.python_version(),
        "slurm": slurm,
        **{name: version(name) for name in _PACKAGES},
    }


def file_name(record: Mapping[str, Any]) -> str:
    """Return a name that sorts by time.

    >>> file_name({"date": "2026-11-21T16:05:00+00:00", "commit": "06d6746aa"})
    'load-20261121T1605-06d6746aa.json'
    """
    moment = datetime.fromisoformat(record["date"])
    return f"load-{moment:%Y%m%dT%H%M}-{record['commit'] or 'unknown'}.json"


def save(path: Path, record: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def latest(folder: Path = FOLDER) -> Record:
    """Return the newest run.

    Raises
    ------
    FileNotFoundError
        Nothing was measured yet.
    """
    found = sorted(folder.glob("load-*.json"))
    if not found:
        raise FileNotFoundError(f"no figures in {folder}: `python -m benchmarks load` makes them")
    record: Record = json.loads(found[-1].read_text())
    return record


def _said(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, cwd=_CHECKOUT, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
