"""Follows a job that Slurm puts back into the queue, and whose server comes up on another node and port.

An operator may requeue a job, its node may fail, or a job of higher priority may take it. What ran in it is
gone, but the job is not: its server starts again by itself and reports its new port. Until then the server
counts as starting, as after a Submit: its route is dropped, so that nobody is sent to a node that may be
somebody else's by now, and the waiting page with its Cancel takes the place of the server's own.

JupyterHub knows no server that goes from "ready" back to "starting", so this module sets the flags that its
own start sets (`_spawn_pending`, `_spawn_future`), and clears them the way its `spawn_single_user` does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from slurm.records import Job
from slurm.snapshot import JobView
from slurm.states import JobPhase
from spawner.ticket import Ticket

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = [
    "AskAgainError",
    "drop_route",
    "forget_address",
    "has_moved",
    "look_for_new_run",
    "start_of",
    "wait_again",
]

PATIENCE = 7.0  # seconds for one look; the server's own patience with the hub is longer than two of them


class AskAgainError(Exception):
    """Slurm has not said yet whether the job was started anew."""


def start_of(job: Job) -> str:
    """When Slurm started a job, as the ticket keeps it."""
    return job.started.isoformat() if job.started is not None else ""


def has_moved(ticket: Ticket, view: JobView) -> bool:
    """Whether the address in the ticket is that of an earlier run of the job."""
    if not ticket.host or view.job is None:
        return False
    if view.phase in (JobPhase.WAITING, JobPhase.STARTING):
        return True
    if view.phase is not JobPhase.RUNNING or not view.job.nodes:
        return False
    # Tickets of earlier versions have no start.
    return view.job.nodes[0] != ticket.host or ticket.started not in ("", start_of(view.job))


def wait_again(spawner: SlurmGPUSpawner) -> None:
    """Begin to wait for the server of a job that has moved, unless that is going on or the server stops."""
    if not spawner.ready or not has_moved(spawner.ticket, spawner.view()):
        return
    spawner.log.info("Job %s (%s) is back in the queue", spawner.job_id, spawner.ticket.name)
    forget_address(spawner)
    spawner.stop_polling()
    spawner._spawn_pending = True
    waiting = spawner._spawn_future = asyncio.ensure_future(_follow(spawner))
    waiting.add_done_callback(lambda _future: _followed(spawner, waiting))


def forget_address(spawner: SlurmGPUSpawner) -> None:
    """Save that there is no server now, and that the next one is awaited."""
    spawner.ticket.host, spawner.ticket.port, spawner.ticket.started = "", 0, ""
    spawner.ticket.requeues += 1
    spawner.save()


async def _follow(spawner: SlurmGPUSpawner) -> None:
    await drop_route(spawner)
    try:
        host, port = await spawner.follow()
    except Exception:
        # As the hub does when a start fails: the job is cancelled if it lives, and the page shows the reason.
        # A mistake of ours, too: the hub would give a server that is kept its old route back.
        await spawner.user.stop(spawner.name)
        raise
    server = spawner.server
    server.ip, server.port = host, port
    spawner.save()
    # Before the route: whatever the proxy does, the end of the job must be noticed.
    spawner.start_polling()
    try:
        await spawner.user.settings["proxy"].add_user(spawner.user, spawner.name)
    except Exception as error:  # whatever a proxy raises; the hub gives it missing routes with its next check
        spawner.log.warning("The new route of %s could not be set yet: %s", spawner._log_name, error)


def _followed(spawner: SlurmGPUSpawner, waiting: asyncio.Future[None]) -> None:
    if waiting.cancelled() or waiting.exception() is None:
        spawner._spawn_future = None
    else:
        spawner.log.warning("Job %s did not come up again: %s", spawner.job_id, waiting.exception())
    spawner._spawn_pending = False


async def drop_route(spawner: SlurmGPUSpawner) -> None:
    """Send nobody to the old address any more."""
    try:
        await spawner.user.settings["proxy"].delete_user(spawner.user, spawner.name)
    except Exception as error:  # whatever a proxy raises; the new address replaces the old one anyway
        spawner.log.warning("The route of %s could not be dropped: %s", spawner._log_name, error)


async def look_for_new_run(spawner: SlurmGPUSpawner) -> None:
    """Ask Slurm whether the job was started anew, for its server has reported a port that nobody awaits.

    Raises
    ------
    AskAgainError
        It was, and the wait has just begun; or Slurm does not say.
    """
    if spawner.pending:
        raise AskAgainError
    monitor = spawner.shared().monitor
    looked = False
    # The first may have begun before the report.
    for _look in range(2):
        if has_moved(spawner.ticket, spawner.view()):
            wait_again(spawner)
            raise AskAgainError
        monitor.look_soon()
        looked = await monitor.changed(PATIENCE)
    if not looked or monitor.snapshot.jobs_problem is not None or has_moved(spawner.ticket, spawner.view()):
        raise AskAgainError
