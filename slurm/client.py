"""Slurm's commands as coroutines that give records."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from traitlets import Dict, Float, Unicode
from traitlets.config import LoggingConfigurable

from slurm import hardware, parse, process, reservations, rules, squeue
from slurm.errors import classify
from slurm.process import Completed
from slurm.records import Association, Job, Node, Partition, Reservation

__all__ = ["SlurmClient"]

Record = TypeVar("Record")


class SlurmClient(LoggingConfigurable):
    """Asks Slurm. Needs no rights of its own, and never acts for a user."""

    squeue_command = Unicode("squeue", config=True, help="Path of squeue, for the state of all jobs.")
    scontrol_command = Unicode("scontrol", config=True, help="Path of scontrol, for nodes and partitions.")
    sacctmgr_command = Unicode("sacctmgr", config=True, help="Path of sacctmgr, for who may charge what.")
    sacct_command = Unicode(
        "sacct", config=True, help="Path of sacct, for jobs that Slurm's controller forgot."
    )
    timeout = Float(
        20.0,
        config=True,
        help="""Seconds until a command that does not answer is killed. Slurm itself gives up after
        MessageTimeout (10 s), or twice that with a second controller; keep this above, it says more.""",
    )
    cluster = Unicode(
        "",
        config=True,
        help="Name of the cluster whose associations count; Slurm is asked for its name when this is empty.",
    )
    environment: Dict[str, str] = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        config=True,
        help="Environment variables for the commands besides the few that are passed on, such as SLURM_CONF.",
    )

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.queries: Counter[str] = Counter()
        """How often each program was run, by its name."""
        self._noted: set[str] = set()
        self._reader = squeue.JobReader()

    async def jobs(self) -> Mapping[str, Job]:
        """Ask for all jobs of all users, those included that ended less than MinJobAge seconds ago."""
        mark = f"={secrets.token_hex(8)}="
        # In the environment, where other users cannot read the mark that keeps their job names from
        # looking like rows. With its header: it proves that squeue has answered where there are no jobs.
        extra = {"SQUEUE_FORMAT2": squeue.job_format(mark)}
        text = await self._ask([self.squeue_command, "-a", "-t", "all"], extra)
        jobs, strange = await asyncio.to_thread(self._reader.read, text, mark)
        self._note(strange)
        return jobs

    async def nodes(self) -> dict[str, Node]:
        """Ask for all nodes, by name."""
        text = await self._ask([self.scontrol_command, "-a", "-d", "-o", "show", "node"])
        return {node.name: node for node in await self._read(hardware.parse_nodes, text)}

    async def partitions(self) -> dict[str, Partition]:
        """Ask for all partitions, hidden ones too, by name."""
        text = await self._ask([self.scontrol_command, "-a", "-o", "show", "partition"])
        partitions = await self._read(hardware.parse_partitions, text)
        return {partition.name: partition for partition in partitions}

    async def reservations(self) -> dict[str, Reservation]:
        """Ask for all reservations, by name."""
        text = await self._ask([self.scontrol_command, "-a", "-o", "show", "reservation"])
        found = await self._read(reservations.parse_reservations, text)
        return {reservation.name: reservation for reservation in found}

    async def associations(self) -> tuple[Association, ...]:
        """Ask the accounting database who may charge which account on this cluster."""
        if not self.cluster:
            text = await self._ask([self.scontrol_command, "show", "config"])
            self.cluster = parse.parse_cluster_name(text)
        text = await self._ask_database("user", "withassoc", *self._here(), parse.ASSOCIATION_FORMAT)
        return tuple(await self._read(parse.parse_associations, text))

    async def rules(self) -> rules.Rules:
        """Ask the accounting database for all limits of associations and QoS."""
        config = await self._ask([self.scontrol_command, "show", "config"])
        self.cluster = self.cluster or parse.parse_cluster_name(config)
        text = await self._ask_database("assoc", *self._here(), rules.ASSOC_FORMAT)
        associations = await self._read(rules.parse_assoc_rules, text)
        qos = await self._read(rules.parse_qos_rules, await self._ask_database("qos", rules.QOS_FORMAT))
        return rules.Rules(
            tuple(associations), {one.name: one for one in qos}, rules.limits_are_enforced(config)
        )

    def _here(self) -> tuple[str, str]:
        return "where", f"cluster={self.cluster}"

    async def _ask_database(self, *words: str) -> str:
        return await self._ask([self.sacctmgr_command, "-n", "-P", "show", *words])

    async def set_time_limit(self, job_id: str, minutes: int) -> None:
        """Change how long a job may run in all, as the account that we run under.

        Slurm lets an owner only shorten; to lengthen takes the rights of a Slurm operator.

        Parameters
        ----------
        minutes : int
            The whole time limit, not what comes on top.

        Raises
        ------
        SlurmRefused
            Slurm will not do it: not allowed, ended, or too long for the partition.
        SlurmUnavailable
            Slurm does not answer; whether it was done shows the next look.
        """
        if not job_id.isdigit() or minutes < 1:
            raise ValueError(f"not a job and a time: {job_id!r}, {minutes!r}")
        await self._ask([self.scontrol_command, "update", f"JobId={job_id}", f"TimeLimit={minutes}"])

    async def ended_job(self, job_id: str) -> Job | None:
        """Ask the accounting database about one job; None when it has no record of it."""
        text = await self._ask(
            [self.sacct_command, "-X", "-n", "-P", "-j", job_id, f"--format={parse.ENDED_FORMAT}"]
        )
        return parse.parse_ended_job(text, job_id)

    async def _read(
        self, parser: Callable[..., tuple[list[Record], parse.Strange]], *text: str
    ) -> list[Record]:
        """Give the records; warn of rows that were left out, but not again and again of the same."""
        # In a thread: nobody's page should have to wait for it.
        records, strange = await asyncio.to_thread(parser, *text)
        self._note(strange)
        return records

    def _note(self, strange: parse.Strange) -> None:
        fresh = [row for row in strange if row not in self._noted]
        if fresh:
            self.log.warning("%d rows of Slurm's answer were left out: %s", len(fresh), fresh[0])
            self._noted = set(strange)

    async def execute(self, argv: Sequence[str], env: Mapping[str, str], setting: str) -> Completed:
        """Run one command: the one place where this class touches the outer world."""
        return await process.run(argv, env=env, timeout=self.timeout, setting=setting)

    async def _ask(self, argv: Sequence[str], extra: Mapping[str, str] | None = None) -> str:
        """Run a command and give what it printed, or raise a `SlurmError`."""
        command = Path(argv[0]).name
        self.queries[command] += 1
        env = {**process.base_environment(), **self.environment, **(extra or {})}
        done = await self.execute(argv, env, self._setting(argv[0]))
        if done.returncode != 0:
            raise classify(command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def _setting(self, program: str) -> str:
        """Name the setting that holds a program's path."""
        names = ("squeue_command", "scontrol_command", "sacctmgr_command", "sacct_command")
        return next(f"SlurmClient.{name}" for name in names if getattr(self, name) == program)
