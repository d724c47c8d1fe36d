"""All jobs of all users out of one answer of squeue, as cheaply as ten thousand of them allow."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from slurm.errors import SlurmNotUnderstood
from slurm.gres import parse_gres, parse_tres
from slurm.hostlist import expand
from slurm.jobs import Jobs
from slurm.parse import Strange
from slurm.records import Job
from slurm.times import parse_duration, parse_time

__all__ = ["JobReader", "job_format", "parse_jobs"]

# squeue's names for what we want (-O). In none of these can stand a "|"; in reason, comment and name can,
# and line breaks, for users write them: they stand between marks.
_FIELDS: Final = (
    *("JobArrayID", "State", "Partition", "UserName", "Account", "QOS", "SubmitTime", "StartTime"),
    *("EndTime", "TimeLimit", "PriorityLong", "NumNodes", "BatchHost", "NodeList", "NumCPUs"),
    *("Reservation", "tres-per-job", "tres-per-node", "tres-alloc"),
)
_FREE_TEXT: Final = ("Reason", "Comment", "Name")
_PARTS: Final = 1 + len(_FREE_TEXT)
# So many new rows are read between two breaths, in which other threads have the interpreter.
_BREATH: Final = 100
_BREATHES_S: Final = 0.0005


_Row: TypeAlias = tuple[str, str, str, str]
"""What stands between the marks: the fields that users cannot write, reason, comment and name."""


def job_format(mark: str) -> str:
    """Give squeue's long format, with `mark` around everything that users write themselves.

    A mark that nobody can guess keeps a job's name, whatever it contains, from passing for the row of
    somebody else's job, which could end that user's server or lead the hub to a foreign host. It must not
    begin with a digit, which squeue would take for a part of the width before it.

    The width 0 is none: squeue neither fills up nor cuts (20.11 to 26.05, _print_str in print.c).
    """
    head = ",".join(f"{field}:0|" for field in _FIELDS)
    return f"{head.removesuffix('|')}{mark}," + ",".join(f"{field}:0{mark}" for field in _FREE_TEXT)


def parse_jobs(text: str, mark: str) -> tuple[Jobs, Strange]:
    """Read one answer in `job_format`, of squeue with its header; see `JobReader`."""
    return JobReader().read(text, mark)


class JobReader:
    """Reads squeue's answers one after the other, and rows that did not change only once.

    Nearly all rows are the same as half a minute ago: those of waiting jobs of others. Their records are
    kept. To be called from one thread at a time, and not from the event loop.
    """

    def __init__(self) -> None:
        self._known: dict[_Row, Job] = {}

    def read(self, text: str, mark: str) -> tuple[Jobs, Strange]:
        """Read an answer whole, or raise.

        The header proves that squeue came as far as printing, and the mark behind the last name that it
        printed the last row to its end. An answer without either says nothing about any job.

        Raises
        ------
        SlurmNotUnderstood
            It is empty, cut, in another format, or no row of it can be read.
        """
        rows = _rows(text, mark)
        known: dict[_Row, Job] = {}
        strange: Strange = []
        fresh = 0
        for row in rows:
            job = self._known.get(row)
            if job is None:
                fresh += 1
                if fresh % _BREATH == 0:
                    time.sleep(_BREATHES_S)
                try:
                    job = _read_job(row)
                except (ValueError, OverflowError) as error:
                    strange.append(f"{error} in {'|'.join(row)[:200]!r}")
                    continue
            known[row] = job
        if strange and not known:
            raise SlurmNotUnderstood("squeue", 0, strange[0])
        self._known = known
        return Jobs(known.values()), strange


_CUT: Final = re.compile(r"\A[^\n]|^\d", re.MULTILINE)


def _rows(text: str, mark: str) -> Iterator[_Row]:
    parts = text.split(mark)
    if len(parts) < _PARTS + 1:
        words = text.strip()[-200:]
        raise SlurmNotUnderstood("squeue", 0, words or "said nothing at all, not even its header")
    end = parts[-1]
    # Words of a library or a wrapper may follow; a line that begins with a digit is the start of a job.
    if len(parts) % _PARTS != 1 or _CUT.search(end) or not end.endswith("\n"):
        raise SlurmNotUnderstood("squeue", 0, f"ended amid its answer: {end[-200:]!r}")
    # What was said before the header, by a site's wrapper or a library, is none of our business.
    header = parts[0].rpartition("\n")[2].split("|")
    if header[1:3] != ["STATE", "PARTITION"] or len(header) != len(_FIELDS):
        raise SlurmNotUnderstood("squeue", 0, f"begins amid its answer: {parts[0][-200:]!r}")
    rows = zip(parts[0:-1:4], parts[1::4], parts[2::4], parts[3::4], strict=True)
    next(rows)
    return rows


def _read_job(row: _Row) -> Job:
    # Behind the line break that ended the row before, and whatever a library had to say in between.
    head, reason, comment, name = row
    fields = head.rpartition("\n")[2].split("|")
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{len(fields)} fields")
    job_id, state, partition, user, account, qos, submitted, started, ends, limit, priority = fields[:11]
    node_count, host, nodes, cpus, reservation, per_job, per_node, tres = fields[11:]
    if not job_id or not job_id[0].isdigit() or not state:
        raise ValueError("no job id or state")
    count = _number(node_count.partition("-")[0])
    size = _size(tres, per_job, per_node, count)
    return Job(
        id=job_id,
        name=_text(name),
        user=_same(user),
        account=_same(_text(account)),
        partition=_same(partition),
        state=_same(state),
        reason=_same(_text(reason)),
        nodes=_hosts(nodes),
        node_count=count,
        submitted=_moment(submitted),
        started=_moment(started),
        ends=_moment(ends),
        time_limit=_duration(limit),
        priority=_number(priority),
        comment=_text(comment),
        qos=_same(_text(qos)),
        gres=_same(_text(per_node)),
        batch_host=_same(_text(host)),
        cpus=size.cpus or _number(cpus),
        memory_mb=size.memory_mb,
        gpus=size.gpus,
        gpu_types=size.gpu_types,
        reservation=_same(_text(reservation)),
    )


class _Size(NamedTuple):
    cpus: int
    memory_mb: int
    gpus: int
    gpu_types: Mapping[str, int]


@lru_cache(maxsize=4096)
def _size(tres: str, per_job: str, per_node: str, nodes: int) -> _Size:
    """Read what a job has, or asks for while it waits.

    Slurm counts GPUs in the TRES only where AccountingStorageTRES names them; else what the job asked for
    has to do.
    """
    counts = dict(part.partition("=")[::2] for part in tres.split(","))
    gpus = dict(parse_tres(tres).get("gpu", {}))
    total = gpus.pop("", None)
    if total is None and not gpus:
        gpus = _asked(per_job, 1) or _asked(per_node, max(1, nodes))
    types = {kind: count for kind, count in gpus.items() if kind}
    return _Size(
        cpus=_number(counts.get("cpu", "")),
        memory_mb=_megabytes(counts.get("mem", "")),
        gpus=sum(gpus.values()) if total is None else total,
        gpu_types=MappingProxyType(types),
    )


def _asked(text: str, times: int) -> dict[str, int]:
    """Read ``gres:gpu:v100:2`` (until 23.02), ``gres/gpu:v100:2`` or ``gres/gpu:v100=2`` as GPUs by type."""
    plain = ",".join(re.sub(r"^gres[:/]", "", part).replace("=", ":") for part in text.split(","))
    return {kind: count * times for kind, count in parse_gres(plain).get("gpu", {}).items()}


_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)")
_MEGABYTES = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}


def _megabytes(text: str) -> int:
    match = _MEMORY.fullmatch(text)
    return int(float(match[1]) * _MEGABYTES[match[2]]) if match else 0


_EMPTY: Final = frozenset({"(null)", "N/A", "n/a", "None"})


def _text(field: str) -> str:
    """Give a field without Slurm's words for an empty one."""
    field = field.strip()
    return "" if field in _EMPTY else field


def _number(field: str) -> int:
    return int(field) if field.isdigit() else 0


def _moment(text: str) -> datetime | None:
    # Seconds of the epoch, as we ask for them; 0 and words mean that there is none.
    return datetime.fromtimestamp(int(text), UTC) if text.isdigit() and text != "0" else parse_time(text)


@lru_cache(maxsize=4096)
def _same(word: str) -> str:
    """Give the one copy of a word that thousands of jobs share."""
    return word


_hosts = lru_cache(maxsize=16384)(expand)
_duration = lru_cache(maxsize=1024)(parse_duration)
