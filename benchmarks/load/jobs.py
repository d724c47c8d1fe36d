"""The jobs of the measurements: servers that run, and a crowd that waits."""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.load.grounds import ACCOUNT, FULL, ROOMY, Grounds, person

__all__ = ["Server", "cancel_waiting", "crowd", "fill", "keep_running", "running", "waiting"]

HUB_NAME = "hpchub"
CROWD_OWNER = "a1113a03"
CROWD_ACCOUNT = "proj02"
_FIRST_PORT = 10000
# Several at once: slurmctld takes hundreds a second, one sbatch after another is tens.
_AT_ONCE = "-P4"
_NAME = re.compile(rf"{HUB_NAME}/bench(\d+)/default/[0-9a-f]{{8}}")


@dataclass(frozen=True, slots=True)
class Server:
    """A notebook server that runs in a job."""

    owner: str
    job_id: str
    job_name: str
    node: str
    port: int


def keep_running(grounds: Grounds, count: int) -> list[Server]:
    """Have servers of the first `count` people run, and nobody else's; jobs that run already stay."""
    there = running(grounds)
    wanted = [person(number) for number in range(count)]
    if surplus := [server.job_id for name, server in there.items() if name not in wanted]:
        grounds.run(["xargs", "scancel"], feed="\n".join(surplus))
    script = grounds.write("notebook.py", Path(__file__).with_name("notebook.py").read_text(), mode=0o755)
    lines = [_submission(number) for number in range(count) if person(number) not in there]
    if lines:
        common = f"sbatch --partition={ROOMY} --account={ACCOUNT} --time=2880 --export=NIL"
        wrapper = grounds.write("notebook.sh", _WRAPPER.format(script=script), mode=0o755)
        common += " --chdir=/ --output=/dev/null"
        each = f'{common} --uid="$0" --job-name="$1" {wrapper} "$2" {version("jupyterhub")}'
        argv = ["xargs", _AT_ONCE, "-n3", "sh", "-c", f"{each} >/dev/null"]
        grounds.run(argv, feed="\n".join(lines), limit=600)
    grounds.until(lambda: len(running(grounds)) == count, 600, f"{count} servers run", pause=1.0)
    return [server for _name, server in sorted(running(grounds).items())]


_WRAPPER = """#!/bin/sh
exec {script} "$SLURMD_NODENAME" "$@"
"""


def _submission(number: int) -> str:
    name = person(number)
    return f"{name} {HUB_NAME}/{name}/default/{secrets.token_hex(4)} {_FIRST_PORT + number}"


def running(grounds: Grounds) -> dict[str, Server]:
    """Return the servers whose jobs run, by their owners."""
    text = grounds.run(["squeue", "-h", "-p", ROOMY, "-t", "RUNNING", "-o", "%u|%i|%j|%N"])
    servers = {}
    for line in text.splitlines():
        owner, job_id, name, node = line.split("|")
        if found := _NAME.fullmatch(name):
            servers[owner] = Server(owner, job_id, name, node, _FIRST_PORT + int(found[1]))
    return servers


def fill(grounds: Grounds) -> None:
    """Give the node of the full partition to somebody for good."""
    if "RUNNING" in grounds.run(["squeue", "-h", "-p", FULL, "-o", "%T"]):
        return
    script = _sleeper(grounds)
    common = [f"--partition={FULL}", f"--account={CROWD_ACCOUNT}", "--time=2880", "--exclusive", "--chdir=/"]
    grounds.run(["sbatch", f"--uid={CROWD_OWNER}", *common, "--output=/dev/null", script])
    grounds.until(
        lambda: "RUNNING" in grounds.run(["squeue", "-h", "-p", FULL, "-o", "%T"]), 30, "the node is taken"
    )


def crowd(grounds: Grounds, count: int) -> None:
    """Have `count` jobs of somebody else wait for the full partition."""
    there = len(waiting(grounds, CROWD_OWNER))
    if there > count:
        grounds.run(["scancel", "-u", CROWD_OWNER, "--state=PENDING"], limit=300)
        grounds.until(lambda: not waiting(grounds, CROWD_OWNER), 120, "the crowd is gone")
        there = 0
    common = f"sbatch --partition={FULL} --account={CROWD_ACCOUNT} --uid={CROWD_OWNER} --time=60 --export=NIL"
    script = f"{common} --chdir=/ --output=/dev/null {shlex.quote(_sleeper(grounds))} >/dev/null"
    numbers = "\n".join(str(number) for number in range(there, count))
    if numbers:
        grounds.run(["xargs", _AT_ONCE, "-n1", "sh", "-c", script], feed=numbers, limit=900)
    found = len(waiting(grounds, CROWD_OWNER))
    if found < count:
        raise RuntimeError(f"{found} of {count} jobs wait; slurmctld refused the rest")


def waiting(grounds: Grounds, user: str = "") -> list[str]:
    """Return the owners of the jobs that wait."""
    only = ["-u", user] if user else []
    return grounds.run(["squeue", "-h", "-p", FULL, "-t", "PENDING", "-o", "%u", *only]).split()


def cancel_waiting(grounds: Grounds) -> None:
    """Cancel what people wait for; the crowd goes on waiting."""

    def ids() -> list[str]:
        text = grounds.run(["squeue", "-h", "-p", FULL, "-t", "PENDING", "-o", "%u|%i"])
        rows = (line.split("|") for line in text.splitlines())
        return [job_id for owner, job_id in rows if owner != CROWD_OWNER]

    if found := ids():
        grounds.run(["xargs", "-n50", "scancel"], feed="\n".join(found))
        grounds.until(lambda: not ids(), 60, "nobody waits any more")


def _sleeper(grounds: Grounds) -> str:
    return str(grounds.write("sleep.sh", "#!/bin/sh\nexec sleep 172800\n", mode=0o755))
