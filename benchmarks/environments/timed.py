"""One command and what it took."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["Ran", "busy", "drop_page_cache", "run"]

LIMIT_SECONDS: Final = 900.0
_STAT: Final = Path("/proc/stat")
_DROP: Final = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end, as whoever waits for it has it.
    cpu : float
        Seconds of a processor, with those of all that it started and waited for.
    others : float
        How many processors were busy meanwhile with anything else, kernel and channel among them.
    steps : mapping
        Seconds of each step, where the command tells.
    """

    seconds: float
    cpu: float
    others: float = 0.0
    said: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        figures = {"seconds": self.seconds, "cpu": self.cpu, "others": self.others}
        return {**{name: round(value, 3) for name, value in figures.items()}, "steps": dict(self.steps)}


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Ran:
    """Run a command to its end; nothing else that we started may end meanwhile.

    Raises
    ------
    RuntimeError
        It failed; with what it said.
    """
    os.sync()  # what was written before is not to be paid for now
    ours, all_, began = _children(), busy(_STAT.read_text()), time.perf_counter()
    done = subprocess.run(
        argv,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    seconds, cpu = time.perf_counter() - began, _children() - ours
    others = max(0.0, busy(_STAT.read_text()) - all_ - cpu) / seconds
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-2000:]
        raise RuntimeError(f"{' '.join(argv)} failed ({done.returncode}):\n{said}")
    return Ran(seconds, cpu, others, done.stdout)


def drop_page_cache() -> None:
    """Forget what was read from the disk, which only root may ask for."""
    os.sync()
    _DROP.write_text("3\n")


def busy(stat: str) -> float:
    r"""Return the seconds that all processors were busy since the machine started, as /proc/stat has them.

    >>> busy("cpu  100 20 300 5000 40 5 6 7 0 0\ncpu0 1 2 3\n") * os.sysconf("SC_CLK_TCK")
    431.0
    """
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.splitlines()[0].split()[1:8])
    return (user + nice + system + sum(interrupts[:2])) / os.sysconf("SC_CLK_TCK")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
