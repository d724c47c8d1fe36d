"""The centre on which hubs are measured: the demo's, widened for a thousand servers and ten thousand jobs.

Two partitions are added to the demo's own: ``bench``, where three jobs may share a CPU, for the servers that
run; and ``wait``, one node that somebody else has, so that whoever comes waits. The people are Unix users
(in the centre's own /etc/passwd), because the peers run every command as one of them.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.load import sdiag
from demo import accounts
from demo.centre import Centre
from demo.cluster import NODES
from demo.files import Owner, make_folder, write
from demo.programs import slurmd_name
from demo.settings import HUB_ACCOUNT, Instance
from tests.centre import own_instance

__all__ = ["ACCOUNT", "FULL", "ROOMY", "Grounds", "grounds", "person"]

ROOMY, FULL = "bench", "wait"
ACCOUNT = "proj01"
_READY = {"idle", "mixed", "allocated"}
_GROUP = 10000  # the demo's hpcusers
_FIRST_UID = 30000
_SLURM = """
# For the measurements
MaxJobCount=30000
# Thought of first, or Slurm would look at the crowd of the other partition and no further.
PartitionName={roomy} Nodes={nodes} DefMemPerCPU=1 MaxTime=2880 OverSubscribe=FORCE:3 PriorityTier=100
PartitionName={full} Nodes={last} DefMemPerCPU=1 MaxTime=2880 OverSubscribe=NO
"""
# As batchspawner's documentation recommends; sudo itself is the demo's.
_SUDO = "{hub} ALL=(%hpcusers) NOPASSWD:SETENV: /usr/bin/sbatch, /usr/bin/squeue, /usr/bin/scancel, {sinfo}\n"


def person(number: int) -> str:
    """Return the name of somebody, counted from 0."""
    return f"bench{number:04}"


class Grounds:
    """The centre while it runs, and what the measurements ask of it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.folder = instance.state / "load"
        self.centre = Centre(instance, accounts.load(), tell=lambda line: None)

    # -- up ----------------------------------------------------------------------------------------

    def up(self, people: int) -> None:
        """Bring up the centre, with so many people in it."""
        self.centre.up()
        daemons = ["slurmctld", *(slurmd_name(node.name) for node in NODES)]
        self.centre.supervisor.stop_all(daemons)
        self._widen_slurm()
        self._admit(people)
        for name in daemons:
            self.centre.supervisor.start(name)
        self.until(lambda: self._nodes_ready() == len(NODES), 120, "all nodes are ready")
        make_folder(self.folder, Owner.of("root"))

    def down(self) -> None:
        self.centre.down()

    def _widen_slurm(self) -> None:
        names = [node.name for node in NODES]
        text = self.instance.slurm_conf.read_text()
        # A thousand jobs on one machine would each go through all of its processes for their memory.
        text = re.sub(r"^JobAcctGatherFrequency=.*$", "JobAcctGatherFrequency=0", text, flags=re.MULTILINE)
        more = _SLURM.format(roomy=ROOMY, full=FULL, nodes=",".join(names[:-1]), last=names[-1])
        write(self.instance.slurm_conf, text + more)

    def _admit(self, people: int) -> None:
        folder = self.instance.namespace
        sudoers = (folder / "sudoers").read_text() + _SUDO.format(hub=HUB_ACCOUNT, sinfo="/usr/bin/sinfo")
        write(folder / "sudoers", sudoers, mode=0o440)
        names = [person(number) for number in range(people)]
        lines = [
            f"{name}:*:{_FIRST_UID + number}:{_GROUP}:{name}:{self.instance.home_of(name)}:/bin/bash\n"
            for number, name in enumerate(names)
        ]
        write(folder / "passwd", (folder / "passwd").read_text() + "".join(lines))
        for number, name in enumerate(names):
            owner = Owner(_FIRST_UID + number, _GROUP)
            make_folder(self.instance.home_of(name), owner, 0o700)
            make_folder(self.instance.scratch / name, owner, 0o700)
        known = set(self.run(["sacctmgr", "-nP", "show", "user", "format=user"]).splitlines())
        if missing := [name for name in names if name not in known]:
            self.run(["sacctmgr", "-i", "add", "user", ",".join(missing), f"account={ACCOUNT}"], limit=300)

    def _nodes_ready(self) -> int:
        done = self.centre.run(["sinfo", "-h", "-N", "-o", "%N %T"], check=False)
        return len({line for line in done.stdout.splitlines() if line.split()[1] in _READY})

    # -- looking and doing -------------------------------------------------------------------------

    def run(self, argv: Sequence[str], *, feed: str | None = None, limit: float = 60) -> str:
        """Run a program inside, as root; return what it printed."""
        try:
            return self.centre.run(argv, feed=feed, limit=limit).stdout
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{list(argv)[:6]}: {error.stderr[-2000:]}") from error

    def reset_calls(self) -> None:
        """Have slurmctld count calls from zero."""
        self.run(["sdiag", "-r"])

    def calls(self) -> sdiag.Calls:
        return sdiag.parse(self.run(["sdiag"]))

    @staticmethod
    def until(holds: object, limit: float, what: str, pause: float = 0.5) -> float:
        """Wait until `holds()` is true; return the seconds that took, or raise after `limit`."""
        assert callable(holds)
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > limit:
                raise TimeoutError(f"not within {limit:.0f} s: {what}")
            time.sleep(pause)
        return time.monotonic() - began

    def write(self, name: str, text: str, owner: Owner | None = None, mode: int = 0o644) -> Path:
        """Write a file that people in the centre can read."""
        path = self.folder / name
        write(path, text, owner or Owner.of("root"), mode)
        return path


@contextmanager
def grounds(people: int) -> Iterator[Grounds]:
    """Have the centre up for the duration of a ``with`` block.

    It lives beside the tests' centre and takes the same ports, so the two cannot be up at once.
    """
    own = own_instance()
    state = own.state.with_name(f"{own.state.name}-load")
    here = Grounds(replace(own, state=state, with_hub=False, min_job_age=300))
    here.up(people)
    try:
        yield here
    finally:
        here.down()
