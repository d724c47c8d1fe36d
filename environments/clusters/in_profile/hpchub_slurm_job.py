"""What the engines' job looks like: decided here, without ipyparallel; `hpchub_slurm_engines` does it.

The job starts from nothing. What the notebook has in its environment, the hub's token for example, is not the
engines' business, and Slurm's variables of the notebook's job would confuse a job that is submitted in it.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "FORGOTTEN",
    "Asked",
    "Seen",
    "arguments",
    "environment",
    "listening",
    "number",
    "script",
    "seen",
    "words",
]

ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}
FORGOTTEN = "FORGOTTEN"
"""What Slurm says nothing of any more: it is over."""
# What makes a program of the user's run as in the notebook, and names no secret.
KEPT = {
    *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "IPYTHONDIR", "SLURM_CONF"),
    "PYTHONNOUSERSITE",
    # sbatch's own ways for users to say what is not in the profile.
    *("SBATCH_ACCOUNT", "SBATCH_QOS", "SBATCH_RESERVATION", "SBATCH_CONSTRAINT"),
}
CONDA = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL")
# Holds keys; engines read them from the file that only the user can read.
NEVER = "IPP_CONNECTION_INFO"
NOT_OURS_ALONE = ("127.0.0.1", "127.0.1.1")  # what a host's own name is in /etc/hosts, on Debian for one


@dataclass(frozen=True)
class Asked:
    """The job that engines ask for.

    Attributes
    ----------
    n, per_node, cpus : int
        Engines, engines of one node (0 for as many as fit), CPUs of one engine.
    timelimit : str
        As sbatch takes it, such as minutes.
    options : tuple of str
        More of sbatch's options, a word each.
    log : str
        The job's log; ``%j`` stands for its number.
    """

    n: int
    name: str
    log: str
    queue: str = ""
    timelimit: str = ""
    account: str = ""
    qos: str = ""
    per_node: int = 0
    cpus: int = 1
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What squeue says of a job."""

    state: str
    reason: str = ""
    nodes: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ENDED or self.state == FORGOTTEN


def arguments(asked: Asked) -> list[str]:
    """Return sbatch's arguments; no shell reads them, so nothing in them needs quotes."""
    if asked.n < 1:
        raise ValueError(f"{asked.n} engines cannot be started: ask for one or more, as in Cluster(n=4)")
    given = {
        "--partition": asked.queue,
        "--time": asked.timelimit,
        "--account": asked.account,
        "--qos": asked.qos,
        "--ntasks-per-node": str(min(asked.n, asked.per_node)) if asked.per_node > 0 else "",
    }
    return [
        "--parsable",
        f"--job-name={asked.name}",
        f"--output={asked.log}",
        f"--ntasks={asked.n}",
        f"--cpus-per-task={max(1, asked.cpus)}",
        *(f"{name}={value}" for name, value in given.items() if value),
        *filter(None, asked.options),
        # The whole of sbatch's environment, which is made for it.
        "--export=ALL",
    ]


def environment(
    own: Mapping[str, str], more: Mapping[str, str], prefix: str, commands: Iterable[str] = ()
) -> dict[str, str]:
    """Return the job's environment.

    Parameters
    ----------
    own : mapping
        The environment of whoever starts the engines; little of it is handed on.
    more : mapping
        What ipyparallel and the user want engines to have.
    prefix : str
        Where the Python of the engines is installed.
    commands : iterable of str
        More folders of programs, such as Slurm's.
    """
    kept = {name: value for name, value in own.items() if name in KEPT}
    if own.get("CONDA_PREFIX") == prefix:
        kept.update({name: own[name] for name in CONDA if name in own})
    folders = (f"{prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin", *commands)
    kept["PATH"] = ":".join(dict.fromkeys(folders))
    kept.update({name: str(value) for name, value in more.items() if name != NEVER})
    return kept


def script(prefix: str, program: Iterable[str], cpus: int, umask: int) -> str:
    """Return the batch script: what packages do when conda activates them, then an engine for each task."""
    hooks = shlex.quote(f"{prefix}/etc/conda/activate.d")
    engine = " ".join(map(shlex.quote, program))
    return (
        "#!/bin/bash\n"
        "# The engines of an IPyParallel cluster, each a task.\n"
        f"umask {umask:04o}\n"
        f"for hook in {hooks}/*.sh; do\n"
        '  if [ -r "$hook" ]; then . "$hook"; fi\n'
        "done\n"
        f"exec srun --mpi=none --cpus-per-task={max(1, cpus)} {engine}\n"
    )


def number(said: str) -> str:
    """Return the job's number from what ``sbatch --parsable`` printed, whatever a site adds to it."""
    found = re.findall(r"^(\d+)(?:;\S*)?$", said, re.MULTILINE)
    return found[-1] if found else ""


def seen(said: str) -> Seen | None:
    """Read ``squeue --format='%T|%r|%N'`` of one job; None where it says nothing.

    >>> seen("PENDING|Resources|")
    Seen(state='PENDING', reason='Resources', nodes='')
    """
    line = said.strip().splitlines()[0] if said.strip() else ""
    state, _, rest = line.partition("|")
    reason, _, nodes = rest.partition("|")
    return Seen(state, "" if reason == "None" else reason, nodes) if state else None


def words(job: str, about: Seen) -> str:
    """Say what a job does, for whoever waits for its engines."""
    if about.state == "PENDING":
        return f"The engines' job {job} waits ({about.reason or 'Slurm has not looked at it yet'})."
    if about.state in ("RUNNING", "CONFIGURING"):
        return f"The engines' job {job} runs on {about.nodes}."
    if about.state == "TIMEOUT":
        return f"The engines' job {job} has reached its time limit."
    if about.state == "CANCELLED":
        return f"The engines' job {job} was cancelled."
    if about.state in (FORGOTTEN, "COMPLETED", "COMPLETING"):
        return f"The engines' job {job} is over."
    return f"The engines' job {job} is {about.state}."


def listening(own: Mapping[str, str]) -> tuple[str, str]:
    """Return the address that the controller listens on, and the name by which engines find it.

    It is the node's own address alone where its name says one, else all of them.
    """
    name = own.get("SLURMD_NODENAME") or socket.gethostname()
    try:
        address = socket.gethostbyname(name)
        socket.create_server((address, 0)).close()
    except OSError:
        address = ""
    if not address or address in NOT_OURS_ALONE:
        return "0.0.0.0", name  # noqa: S104 - connections are encrypted, and need the cluster's key
    return address, name
