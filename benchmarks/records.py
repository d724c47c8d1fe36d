"""The figures of a run on the disk: with the commit, the day, the machine and the versions they belong to."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = [
    "FOLDER",
    "Record",
    "about",
    "file_name",
    "latest",
    "new_record",
    "package_versions",
    "save",
    "slurm_version",
]

FOLDER = Path(__file__).resolve().parent / "results"
_CHECKOUT = FOLDER.parent.parent
_SBIN = "/usr/sbin:/usr/local/sbin"  # where daemons lie, which not everybody's PATH has

Record = dict[str, Any]


def new_record(measurement: str, plan: Mapping[str, Any], versions: Mapping[str, str]) -> Record:
    """Return a record without runs yet."""
    return {
        "measurement": measurement,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said(["git", "rev-parse", "--short=9", "HEAD"]),
        "changed_since": bool(_said(["git", "status", "--porcelain", "--untracked-files=no"])),
        "machine": machine(),
        "versions": {name: number for name, number in versions.items() if number},
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


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of these distributions."""
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def slurm_version() -> str:
    """Return Slurm's version; nothing where it is not installed.

    The daemon is asked, for it needs no configuration: `sinfo --version` looks for one, and finds none
    outside of the centre.
    """
    daemon = shutil.which("slurmctld", path=f"{os.environ.get('PATH', os.defpath)}:{_SBIN}")
    return _said([daemon, "-V"]).removeprefix("slurm-wlm ").removeprefix("slurm ") if daemon else ""


def about(record: Mapping[str, Any]) -> str:
    """Return when, with what and on what machine a run was made, to be continued: no full stop."""
    machine = record["machine"]
    changed = ", with changes that were not committed" if record["changed_since"] else ""
    return (
        f"Measured on {record['date'][:10]} at commit {record['commit']}{changed}, in {record['minutes']}"
        f" minutes, on {machine['cores']} cores of {machine['cpu']} with {machine['memory_gib']} GiB"
    )


def file_name(record: Mapping[str, Any]) -> str:
    """Return a name that sorts by time.

    >>> file_name({"measurement": "load", "date": "2026-11-21T16:05:00+00:00", "commit": "06d6746aa"})
    'load-20261121T1605-06d6746aa.json'
    """
    moment = datetime.fromisoformat(record["date"])
    return f"{record['measurement']}-{moment:%Y%m%dT%H%M}-{record['commit'] or 'unknown'}.json"


def save(path: Path, record: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def latest(measurement: str, folder: Path = FOLDER) -> Record:
    """Return the newest run of a measurement.

    Raises
    ------
    FileNotFoundError
        Nothing was measured yet.
    """
    found = sorted(folder.glob(f"{measurement}-*.json"))
    if not found:
        raise FileNotFoundError(f"no figures in {folder}: `python -m benchmarks {measurement}` makes them")
    record: Record = json.loads(found[-1].read_text())
    return record


def _said(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, cwd=_CHECKOUT, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
