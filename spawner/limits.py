"""Refuses before the queue what Slurm's limits would not let through: the numbers, and whose limit it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from slurm.gres import parse_gres
from slurm.limits import Limit, limits_of, longest, refusal
from slurm.monitor import Monitor
from slurm.records import Job, Partition, Sentence
from slurm.rules import Rules
from slurm.snapshot import Snapshot
from spawner.request import Request, Standing
from spawner.typed import OptionsError
from texts import mark as _

if TYPE_CHECKING:
    from spawner.office import Office

__all__ = ["check_limits", "gpus_of", "limits_check", "limits_for"]

_HOUR = timedelta(hours=1)
_RECENT = 5.0  # seconds; the rate of the looks at the queue while somebody waits, so it costs none of its own
_PAUSE = 0.3  # seconds
_PATIENCE = 3.0  # seconds


async def limits_check(
    office: Office, request: Request, standing: Standing, *, wait: bool
) -> Callable[[], None]:
    """Return the check of a request against what Slurm says now; it raises `OptionsError`.

    To refuse somebody the figures must be fresher than to let him pass, for there Slurm counts again: a
    server that he has just stopped must not count.
    """
    rules = await office.accounts.rules()
    check = partial(_check, request, rules, standing, wait)
    if rules is None:
        return partial(check, office.monitor.snapshot)
    await office.monitor.look_jobs(_RECENT, _PATIENCE)
    try:
        check(office.monitor.snapshot)
    except OptionsError:
        await _look_again(office.monitor)
    return partial(check, office.monitor.snapshot)


async def _look_again(monitor: Monitor) -> None:
    """Have the jobs as they are now. The monitor decides how soon Slurm may be asked, however many ask."""
    asked, loop = datetime.now(UTC), asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while ((seen := monitor.snapshot.jobs_at) is None or seen < asked) and loop.time() < deadline:
        await monitor.look_jobs(0, deadline - loop.time())
        await asyncio.sleep(_PAUSE)


def _check(request: Request, rules: Rules | None, standing: Standing, wait: bool, seen: Snapshot) -> None:  # noqa: FBT001
    check_limits(request, rules, seen.jobs, seen.partitions, standing, wait=wait)


def check_limits(
    request: Request,
    rules: Rules | None,
    jobs: Mapping[str, Job],
    partitions: Mapping[str, Partition],
    standing: Standing,
    *,
    wait: bool = False,
) -> None:
    """Refuse a request that Slurm would refuse, or would let wait for what only its user can change.

    Parameters
    ----------
    rules : Rules or None
        None where they are not known; then nobody is refused.
    jobs : mapping
        All jobs of the last look; usage is counted from them.
    wait : bool
        Let it wait until other jobs of the user have ended. What could never run is refused all the same.

    Raises
    ------
    OptionsError
        About the option that would have to change.
    """
    if rules is None:
        return
    _check_hours(request, rules, partitions, standing)
    limits = limits_for(request, rules, jobs, partitions, standing)
    if wait:
        # As if nothing were used: what is still too much then can never run.
        limits = tuple(one if one.kind == "submitted" else replace(one, used=0) for one in limits)
    gpus = gpus_of(request)
    broken = refusal(limits, gpus)
    if broken is not None:
        raise OptionsError("gpus" if broken.kind == "gpus" else "queue", _explain(broken, gpus))


def limits_for(
    request: Request,
    rules: Rules,
    jobs: Mapping[str, Job],
    partitions: Mapping[str, Partition],
    standing: Standing,
) -> tuple[Limit, ...]:
    """Return the limits that this request meets, in Slurm's order."""
    return limits_of(
        rules,
        jobs,
        user=standing.user,
        account=request.account or standing.default_account,
        qos=request.qos,
        partition=partitions.get(request.queue.partition),
        partitions=partitions,
        gpu_type=request.gpu_type or "",
    )


def gpus_of(request: Request) -> int:
    """Count the GPUs that Slurm would count for this request; a shard is none."""
    return sum(parse_gres(request.gres or "").get("gpu", {}).values())


def _check_hours(
    request: Request, rules: Rules, partitions: Mapping[str, Partition], standing: Standing
) -> None:
    most = longest(
        rules,
        user=standing.user,
        account=request.account or standing.default_account,
        qos=request.qos,
        partition=partitions.get(request.queue.partition),
    )
    if most is None or request.hours * _HOUR <= most:
        return
    text = _("Your project or QoS allows jobs of at most %(most)s hours; %(hours)s were asked for.")
    raise OptionsError("hours", Sentence(text, {"most": most // _HOUR, "hours": request.hours}))


def _explain(limit: Limit, gpus: int) -> Sentence:
    params: dict[str, object] = {"allowed": limit.allowed, "used": limit.used, "source": limit.source}
    if limit.kind == "gpus":
        params["gpus"] = gpus
        if gpus > limit.allowed:
            text = _("This asks for %(gpus)s GPUs, and Slurm never gives more than %(allowed)s (%(source)s).")
        else:
            text = _(
                "You have %(used)s of the %(allowed)s GPUs that you may have at once (%(source)s), and this "
                "asks for %(gpus)s: stop a server or a job first, or ask for fewer."
            )
    elif limit.allowed < 1:
        text = _("Slurm lets you have no jobs here (%(source)s).")
    elif limit.group:
        text = _(
            "There are %(used)s of the %(allowed)s jobs that all of you may have together (%(source)s): one "
            "of them has to end first."
        )
    elif limit.kind == "submitted":
        text = _(
            "You have %(used)s of the %(allowed)s jobs that may run or wait at once (%(source)s): stop a "
            "server or a job first."
        )
    else:
        text = _(
            "You have %(used)s of the %(allowed)s jobs that may run at once (%(source)s): stop a server or a "
            "job first."
        )
    return Sentence(text, params)
