"""A run as the measurement writes it down, small enough to read."""

from typing import Any

from benchmarks.records import Record


def watched(queries: float, lag: float) -> dict[str, Any]:
    spread = {"count": 12000, "p50": 0.2, "p99": lag, "max": lag * 2}
    return {
        "seconds": 120.0,
        "queries_per_minute": queries,
        "calls_per_minute": queries * 2,
        "acts_per_minute": 0.0,
        "cpu_seconds": 3.0,
        "cpu_seconds_children": 0.5,
        "lag_ms": spread,
        "lag_by_work_ms": spread,
    }


def run(hub: str, servers: int, queries: float, *, crowd: int = 0, lag: float = 4.0) -> dict[str, Any]:
    return {
        "hub": hub,
        "version": "1.0",
        "servers": servers,
        "crowd": crowd,
        "phases": {"steady": watched(queries, lag), "waiting": watched(queries * 6, lag)},
    }


def record(*runs: dict[str, Any]) -> Record:
    return {
        "measurement": "load",
        "date": "2026-11-21T16:05:00+00:00",
        "commit": "06d6746aa",
        "changed_since": False,
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24, "kernel": "6.1"},
        "versions": {"slurm": "22.05.8", "jupyterhub": "6.1.1"},
        "plan": {"steady": 120.0, "waiting": 60.0, "starters": 100, "refreshers": 500},
        "runs": list(runs),
        "minutes": 42.0,
    }
