"""What a site sets for its notebook jobs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from batchspawner import BatchSpawnerBase
from traitlets import Bool, Float, Integer, TraitError, Unicode, default, validate

from singleuser import LAUNCHER
from spawner.script import DEFAULT_TEMPLATE

__all__ = ["SpawnerSettings"]


class SpawnerSettings(BatchSpawnerBase):  # type: ignore[misc]
    """The settings of `SlurmGPUSpawner`, apart from what it does with them."""

    queues_file = Unicode(
        "queues.toml",
        help="Path of the file that says which queues are offered, to whom and at what price.",
    ).tag(config=True)

    hub_name = Unicode(
        "hpchub",
        help="""
        The first part of every job's name. Two hubs on one cluster need two names, or each would take
        the other's jobs for its own after a restart.
        """,
    ).tag(config=True)

    acts_as_user = Unicode(
        "sudo -nHu {username} /usr/local/libexec/hpchub-as-user",
        help="""
        The command that runs the helper as a user. It is split into words first and filled in then,
        and no shell sees it.
        """,
    ).tag(config=True)

    helper_timeout = Float(
        70.0,
        help="""
        Seconds that one call of the helper may take. Below Slurm's own limits (a controller that
        hangs takes sbatch ten seconds) a submission that did succeed would count as failed.
        """,
    ).tag(config=True)

    queue_timeout = Integer(
        7 * 24 * 3600,
        help="""
        Seconds that a job may wait in the queue before its server is given up. Users see why they
        wait and can cancel at any time, so this is only the end of the forgotten ones.
        """,
    ).tag(config=True)

    boot_timeout = Integer(
        180,
        help="""
        Seconds from the job's start on its node to the server's first word. The clock does not run
        while the job waits. Large environments on a cold parallel file system need minutes.
        """,
    ).tag(config=True)

    stop_timeout = Integer(
        20,
        help="""
        Seconds that a stop may take to tell Slurm. When Slurm does not answer for longer, the user
        gets the page back and the cancellation is tried again in the background until it succeeds.
        """,
    ).tag(config=True)

    workspace = Unicode(
        "/scratch/{username}/workspace",
        help="The folder that a server shows. The helper makes it, so its own setting must say the same.",
    ).tag(config=True)

    log_tail_lines = Integer(
        25, help="Lines of the job's log shown when a server did not come up; 0 shows none."
    ).tag(config=True)

    notebook_python = Unicode(
        sys.executable,
        help="""
        The Python that runs the notebook server on the node, with jupyterhub, jupyterlab and notebook
        installed. ``{username}`` stands for the user, so that everybody can have an own environment.
        """,
    ).tag(config=True)

    launcher = Unicode(
        str(LAUNCHER), help="The launcher's path on the nodes; it needs nothing but `notebook_python`."
    ).tag(config=True)

    bind = Unicode(
        "all",
        help="""
        The addresses of its node on which a server listens: ``all``, or ``node`` for the one address that
        the node's name has in Slurm, which is safer where nodes have public interfaces and needs name
        service on the nodes to say the cluster's address.
        """,
    ).tag(config=True)

    port_range = Unicode(
        "",
        help="""
        First and last port for servers (``40000-49999``), for sites with firewalls between hub and
        nodes. Empty: the node's operating system chooses, and no two servers ever try the same.
        """,
    ).tag(config=True)

    batch_script_template = Unicode(
        str(DEFAULT_TEMPLATE),
        help="Path of the batch script's template (Jinja; quote with the filter ``shell``).",
    ).tag(config=True)

    prologue = Unicode(
        "", help="Shell lines that run on the node before the server, e.g. ``module load cuda``."
    ).tag(config=True)

    umask = Unicode(
        "0077",
        help="Octal umask of the server. 0077 keeps new files to their owner; projects that share want 0007.",
    ).tag(config=True)

    comment = Unicode(
        "", help="Slurm's --comment, where a site requires one; ``{username}`` stands for the user."
    ).tag(config=True)

    extend_time = Bool(
        default_value=False,
        help="""
        Whether users may give a running server more time, in queues that have `extend_to_hours`. The hub's
        account does it with ``scontrol update``, which Slurm takes from operators only: ``sacctmgr add
        user HUB account=root adminlevel=operator``. An operator may change everybody's jobs, so whoever
        has the hub's account can, too; leave it off where that is too much.
        """,
    ).tag(config=True)

    warn_minutes = Integer(
        15,
        help="""
        Minutes before a job's end from which its pages warn; 0 warns of nothing. Shorter than what it
        takes to save a large model is too short.
        """,
    ).tag(config=True)

    remember_options = Bool(
        default_value=True, help="Offer the options of the last server as the form's first choice."
    ).tag(config=True)

    @default("start_timeout")
    def _start_timeout_default(self) -> int:
        # The hub's one limit spans both of ours; it must never be the first to strike.
        return self.queue_timeout + self.boot_timeout + 120

    @default("notebook_dir")
    def _notebook_dir_default(self) -> str:
        return self.workspace

    @default("poll_interval")
    def _poll_interval_default(self) -> int:
        # Ours reads the shared snapshot and asks nobody.
        return 10

    @validate("bind")
    def _bind_is_known(self, proposal: dict[str, str]) -> str:
        if proposal["value"] not in ("all", "node"):
            raise TraitError(f"SlurmGPUSpawner.bind is {proposal['value']!r}; write 'all' or 'node'")
        return proposal["value"]

    @validate("port_range")
    def _port_range_is_one(self, proposal: dict[str, str]) -> str:
        value = proposal["value"]
        first, last = ports_of(value)
        if not 1024 <= first <= last <= 65535:
            text = f"SlurmGPUSpawner.port_range is {value!r}; write FIRST-LAST, from 1024 to 65535, or ''"
            raise TraitError(text)
        return value

    @validate("umask")
    def _umask_is_octal(self, proposal: dict[str, str]) -> str:
        if not re.fullmatch(r"0?[0-7]{3}", proposal["value"]):
            raise TraitError(f"SlurmGPUSpawner.umask is {proposal['value']!r}; write three octal digits")
        return proposal["value"]

    @validate("queues_file", "batch_script_template")
    def _file_is_there(self, proposal: dict[str, Any]) -> str:
        if not Path(proposal["value"]).is_file():
            raise TraitError(f"SlurmGPUSpawner.{proposal['trait'].name}: no file {proposal['value']!r}")
        return str(proposal["value"])


def ports_of(port_range: str) -> tuple[int, int]:
    """Parse FIRST-LAST; the empty text allows every unprivileged port, and nonsense gives (0, 0)."""
    if port_range == "":
        return 1024, 65535
    parts = re.fullmatch(r"(\d{1,5})-(\d{1,5})", port_range)
    return (int(parts[1]), int(parts[2])) if parts else (0, 0)
