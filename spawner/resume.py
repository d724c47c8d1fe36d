"""Finds the jobs of a hub that was restarted, whatever they were doing when it went away.

JupyterHub checks each server that it remembers when it starts, by asking `poll`. A job that still waits,
or whose server has not yet reported, is alive but has no address: here `poll` takes up the wait where the old
hub left it, and answers when the server is there. Meanwhile the server is pending, its page and its Cancel
button work, and the hub serves everybody else.

After `poll`, JupyterHub asks the server itself, and ends its job when that does not answer for some time:
it takes "does not answer" for "is gone". A paused job, a busy node or a broken network would lose servers.
So `poll` answers only when the server does, and until then the server counts as ready (`_check_pending`):
its route stays, its Stop works, and only Slurm, or its user, ends it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientTimeout
from jupyterhub.httpclient import fetch
from jupyterhub.utils import make_ssl_context, url_path_join
from tornado.web import HTTPError

from slurm.records import Job
from slurm.snapshot import Snapshot
from slurm.states import JobPhase, phase
from spawner.endings import explain_end
from spawner.requeue import drop_route, forget_address, has_moved, wait_again

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["find_again", "is_needed"]

PAUSE = 2.0  # seconds between two looks while Slurm does not answer at all
PROBE_LIMIT = 5.0  # seconds for a server to answer
LONGEST_PAUSE = 15.0  # seconds between two probes of a server that does not


def is_needed(spawner: SlurmGPUSpawner) -> bool:
    """Whether the hub has just started and is checking this server for the first time."""
    return bool(spawner._check_pending and not spawner.resuming)


async def find_again(spawner: SlurmGPUSpawner) -> int | None:
    """Find the server's job, wait for the server if it was on its way, and say what `poll` says."""
    spawner.resuming = True
    if not spawner.ticket.name:
        return 0
    if not await _find_job(spawner):
        spawner.log.warning("No job named %s was found: it was never submitted", spawner.ticket.name)
        # Unless an sbatch that outlived its hub still hangs: then its job is nobody's, and is cancelled.
        spawner.abandon(spawner.ticket.name)
        return 1
    if spawner.ticket.host:
        return await _check_running(spawner)
    return await _wait_on(spawner)


async def _find_job(spawner: SlurmGPUSpawner) -> bool:
    """Make sure of the job's id; a hub that died while sbatch ran has only the name."""
    if spawner.job_id:
        return True
    for _look in range(2):
        snapshot = await _good_look(spawner)
        job = _named(spawner.ticket.name, spawner.user.name, snapshot)
        if job is not None:
            spawner.job_id = job.id
            spawner.save()
            spawner.log.info("Job %s (%s) is found by its name", job.id, job.name)
            return True
        await asyncio.sleep(PAUSE)
    return False


def _named(name: str, user: str, snapshot: Snapshot) -> Job | None:
    """Find a user's job; anybody may give a job of theirs the name of somebody else's."""
    alive = (job for job in snapshot.jobs.values() if phase(job.state) is not JobPhase.ENDED)
    return next((job for job in alive if (job.name, job.user) == (name, user)), None)


async def _good_look(spawner: SlurmGPUSpawner) -> Snapshot:
    """Ask until Slurm answers: without an answer nothing can be said, and nothing is given up."""
    while True:
        snapshot = await spawner.shared().monitor.look_jobs(0)
        if snapshot.jobs_problem is None and snapshot.jobs_at is not None:
            return snapshot
        await asyncio.sleep(PAUSE)


async def _check_running(spawner: SlurmGPUSpawner) -> int | None:
    """Answer for a server whose address is known; when Slurm is silent, it is taken to be there."""
    monitor = spawner.shared().monitor
    monitor.watch(spawner.job_id, name=spawner.ticket.name, just_submitted=False)
    for _look in range(3):
        view = spawner.view()
        if has_moved(spawner.ticket, view):
            spawner.log.info("Job %s (%s) was requeued meanwhile", spawner.job_id, spawner.ticket.name)
            forget_address(spawner)
            await drop_route(spawner)
            return await _wait_on(spawner)
        if view.phase is JobPhase.RUNNING:
            break
        if view.phase is JobPhase.ENDED:
            return 1
        monitor.look_soon()
        await monitor.changed(PAUSE * 2)
    spawner.log.info("Job %s (%s) is found again, running", spawner.job_id, spawner.ticket.name)
    if spawner.server.ip != spawner.ticket.host or spawner.server.port != spawner.ticket.port:
        # The old hub went away between the server's report and the route.
        _keep(asyncio.ensure_future(_until_checked(spawner)))
    return await _until_it_answers(spawner)


async def _until_it_answers(spawner: SlurmGPUSpawner) -> int | None:
    """Wait until the server answers, or Slurm says that it has ended, or somebody has stopped it."""
    pause = PAUSE / 2
    while not await _is_over(spawner):
        if await _answers(spawner):
            return 1 if await _is_over(spawner) else None
        if spawner._check_pending:
            spawner.log.warning(
                "%s does not answer, but Slurm says that job %s lives: it is kept, and asked again",
                *(spawner._log_name, spawner.job_id),
            )
            spawner._check_pending = False
        if has_moved(spawner.ticket, spawner.view()):
            wait_again(spawner)
            await _until_waited(spawner)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return 1


async def _is_over(spawner: SlurmGPUSpawner) -> bool:
    """Whether the server has ended; told only when the hub's check, which stops such a server, does no harm.

    Its user may have stopped it and started another, which the hub would stop in its place: both have the
    same name and the same row in the database.
    """
    while spawner._stop_pending or _is_replaced(spawner):  # noqa: ASYNC110 - the hub has plain flags
        await asyncio.sleep(0.1)
    return spawner.server is None or spawner.view().phase is JobPhase.ENDED


def _is_replaced(spawner: SlurmGPUSpawner) -> bool:
    return spawner.server is not None and spawner.user.spawners.get(spawner.name) is not spawner


async def _until_waited(spawner: SlurmGPUSpawner) -> None:
    while spawner._spawn_pending:  # noqa: ASYNC110 - the hub has plain flags
        await asyncio.sleep(0.1)


async def _answers(spawner: SlurmGPUSpawner) -> bool:
    """Ask the server itself, as the hub's own check does, but for a short time and not all at once."""
    settings = spawner.user.settings
    key, cert, ca = (settings.get(f"internal_ssl_{part}") for part in ("key", "cert", "ca"))
    ssl = make_ssl_context(key, cert, cafile=ca)
    url = url_path_join(await spawner.get_url(), "api")
    options: dict[str, Any] = {"timeout": ClientTimeout(total=PROBE_LIMIT), **({"ssl": ssl} if ssl else {})}
    async with spawner.shared().probes:
        try:
            answer = await fetch(url, raise_for_status=False, allow_redirects=False, **options)
        except (OSError, TimeoutError, ClientError):
            return False
        answer.release()
        return bool(answer.status < 500)


async def _wait_on(spawner: SlurmGPUSpawner) -> int | None:
    """Take up the wait for a job that had no server yet."""
    spawner.log.info("Job %s (%s) is found again, waiting", spawner.job_id, spawner.ticket.name)
    monitor = spawner.shared().monitor
    monitor.watch(spawner.job_id, name=spawner.ticket.name, just_submitted=False)
    # So that the waiting page, its stream and its Cancel button work as for any other start.
    spawner._spawn_pending = True
    waiting = spawner._spawn_future = asyncio.ensure_future(_until_checked(spawner))
    waiting.add_done_callback(lambda _future: _waited(spawner, cancelled=waiting.cancelled()))
    try:
        await spawner.follow()
        return None
    except HTTPError as error:
        spawner.log.warning("Job %s did not bring up its server: %s", spawner.job_id, error)
        if waiting.cancelled():
            await _until_stopped(spawner)
        else:
            job = await spawner.last_record(spawner.job_id, monitor.fate(spawner.job_id).job)
            spawner.keep_end(explain_end(spawner.job_id, job))
        return 1
    finally:
        spawner._spawn_pending = False


async def _until_checked(spawner: SlurmGPUSpawner) -> None:
    """End when the hub has finished its check, and route to the server, which its start does not do."""
    while spawner._spawn_pending or spawner._check_pending:  # noqa: ASYNC110 - the hub has plain flags
        await asyncio.sleep(0.1)
    if spawner.ready:
        await spawner.user.settings["proxy"].add_user(spawner.user, spawner.name)


_TASKS: set[asyncio.Future[Any]] = set()


def _keep(task: asyncio.Future[Any]) -> None:
    """Hold a task that nobody awaits; the loop itself does not."""
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


def _waited(spawner: SlurmGPUSpawner, *, cancelled: bool) -> None:
    """Tidy up after the wait; a Cancel on its page has cancelled it, and the hub stops the server next."""
    # The hub's pages stumble over a cancelled future, and its stop refuses a server that is still pending.
    spawner._spawn_future = None
    if cancelled:
        spawner._spawn_pending = spawner._check_pending = False
        if spawner.startup is not None:
            spawner.startup.abort()


async def _until_stopped(spawner: SlurmGPUSpawner) -> None:
    """Let the stop that follows a Cancel end first, so that the check does not begin another."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 2 * spawner.stop_timeout
    while spawner.server is not None and (  # noqa: ASYNC110 - as above
        _is_replaced(spawner) or loop.time() < deadline
    ):
        await asyncio.sleep(0.1)
