"""What a site sets for its notebook jobs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from batchspawner import BatchSpawnerBase
from traitlets import Bool, Float, Integer, TraitError, Unicode, default, validate

from environments.site import SiteError, load_site
from queues.surroundings import check_comment
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
        600,
        help="""
        Seconds from the job's start on its node to the server's first word. The clock does not run
        while the job waits or is paused. Large environments on a cold parallel file system need minutes;
        a server that will never come holds its node for as long.
        """,
    ).tag(config=True)

    stop_timeout = Integer(
        20,
        help="""
        Seconds that a stop may take to tell Slurm. When Slurm does not answer for longer, the user
        gets the page back and the cancellation is tried again in the background until it succeeds.
        """,
    ).tag(config=True)

    submissions_at_once = Integer(
        8,
        help="""
        Calls of sbatch and scancel that the hub runs at once; the others stand in line, the users taking
        turns. Each is a sudo, a helper and a request to Slurm's controller, about 0.1 s of work together.
        More starts a class sooner and loads the login node and the controller more; fewer makes a class wait.
        """,
    ).tag(config=True)

    orphan_grace = Integer(
        900,
        help="""
        Seconds for which a job that has a name of this hub's but belongs to none of its servers is only
        reported, before it is cancelled; 0 reports it and never cancels. Too short is dangerous after
        the hub's database was restored from a backup: servers that were started since are unknown to it.
        Two hubs that share `hub_name` on one cluster would cancel each other's jobs.
        """,
    ).tag(config=True)

    certificate_days = Integer(
        60,
        help="""
        Days for which a server's certificate is good, where `JupyterHub.internal_ssl` is on. It is made
        when the job is submitted, so this must cover the wait and the job. Browsers never see it.
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

    environments_file = Unicode(
        "",
        help="""
        Path of the site's ``environments.toml``, with which users choose what their servers start from: an
        environment of their own, one of the site's, a container image, or `notebook_python`. It must be
        at the same path on the nodes, and readable by all. Empty: everybody starts from `notebook_python`,
        and the form has no such field.
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
        "",
        help="""
        Shell lines that run on the node before the server, e.g. ``module load cuda``. A queue's own
        variables and lines follow them.
        """,
    ).tag(config=True)

    umask = Unicode(
        "0077",
        help="Octal umask of the server. 0077 keeps new files to their owner; projects that share want 0007.",
    ).tag(config=True)

    comment = Unicode(
        "",
        help="""
        Slurm's --comment, where a site requires one. ``{username}``, ``{queue}``, ``{account}``,
        ``{interface}``, ``{hours}`` and ``{gpus}`` are filled in. A queue's own ``comment`` comes first.
        """,
    ).tag(config=True)

    over_limit = Unicode(
        "refuse",
        help="""
        What happens to a server that would break a limit of Slurm's associations or QoS on running jobs
        or GPUs: ``refuse`` says so before the queue, ``wait`` submits it and lets it wait in the queue
        until other jobs have ended. What could never run, and what Slurm would not take, is refused in
        both cases. Where Slurm's rules are not known, nobody is refused.
        """,
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

    expected_max_age = Float(
        60.0,
        help="""
        Seconds for which an expected start on the form is taken for true; 0 asks for none. Slurm plans with
        its whole queue for each answer (``sbatch --test-only``, at most two at a time for the whole hub), so
        shorter is fresher and busier. Everybody who asks for the same shares one answer.
        """,
    ).tag(config=True)

    expected_timeout = Float(
        25.0,
        help="""
        Seconds after which the form gives up on an expected start and says that Slurm cannot tell. The helper
        itself stops sbatch after 20; more than a few mean that Slurm is too busy to be asked.
        """,
    ).tag(config=True)

    remember_options = Bool(
        default_value=True, help="Offer the options of the last server as the form's first choice."
    ).tag(config=True)

    @default("start_timeout")
    def _start_timeout_default(self) -> int:
        # The hub's one limit spans both of ours; it must never be the first to strike.
        return self.queue_timeout + self.boot_timeout + 120

    @default("http_timeout")
    def _http_timeout_default(self) -> int:
        # The server has said itself that it listens, so this is for busy nodes; the hub's 30 s lose servers.
        return 120

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

    @validate("submissions_at_once")
    def _at_least_one_at_once(self, proposal: dict[str, int]) -> int:
        if proposal["value"] < 1:
            text = "SlurmGPUSpawner.submissions_at_once is %d, so nothing would ever start; write 1 or more"
            raise TraitError(text % proposal["value"])
        return proposal["value"]

    @validate("orphan_grace")
    def _grace_is_a_time(self, proposal: dict[str, int]) -> int:
        if proposal["value"] < 0:
            text = "SlurmGPUSpawner.orphan_grace is %d; write seconds, or 0 to cancel no job"
            raise TraitError(text % proposal["value"])
        return proposal["value"]

    @validate("over_limit")
    def _over_limit_is_known(self, proposal: dict[str, str]) -> str:
        value = proposal["value"]
        if value not in ("refuse", "wait"):
            raise TraitError(f"SlurmGPUSpawner.over_limit is {value!r}; write 'refuse' or 'wait'")
        return value

    @validate("comment")
    def _comment_can_be_filled_in(self, proposal: dict[str, str]) -> str:
        try:
            return check_comment(proposal["value"])
        except ValueError as error:
            raise TraitError(f"SlurmGPUSpawner.comment is {proposal['value']!r}: it {error}") from None

    @validate("certificate_days")
    def _good_for_the_wait(self, proposal: dict[str, int]) -> int:
        least = self.queue_timeout // 86400 + 1
        if proposal["value"] <= least:
            text = (
                "SlurmGPUSpawner.certificate_days is %d, but a job may wait for %d days (queue_timeout)"
                " before it runs; write the sum of both at least"
            )
            raise TraitError(text % (proposal["value"], least))
        return proposal["value"]

    @validate("expected_timeout")
    def _asking_takes_time(self, proposal: dict[str, float]) -> float:
        if proposal["value"] <= 0:
            text = (
                "SlurmGPUSpawner.expected_timeout is %g, so Slurm could never answer; write seconds, or set"
            )
            raise TraitError(f"{text % proposal['value']} expected_max_age = 0 to ask for no expected starts")
        return proposal["value"]

    @validate("umask")
    def _umask_is_octal(self, proposal: dict[str, str]) -> str:
        if not re.fullmatch(r"0?[0-7]{3}", proposal["value"]):
            raise TraitError(f"SlurmGPUSpawner.umask is {proposal['value']!r}; write three octal digits")
        return proposal["value"]

    @validate("environments_file")
    def _environments_can_be_read(self, proposal: dict[str, str]) -> str:
        if proposal["value"]:
            try:
                load_site(Path(proposal["value"]))
            except SiteError as error:
                raise TraitError(f"SlurmGPUSpawner.environments_file: {error}") from None
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
