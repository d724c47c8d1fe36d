"""What is done to each hub, in order: it starts, it works quietly, people refresh, people wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import jobs
from benchmarks.load.grounds import person
from benchmarks.load.hubs import Hub
from benchmarks.load.jobs import Server
from benchmarks.load.visitors import Answer, Browser, at_once, spread, tally

__all__ = ["Plan", "measure_hub"]

Result = dict[str, Any]
# Until the routes of a restarted hub answer; a hub that has not got them by then has failed.
_ADOPTION = 300.0
_SETTLING = 20.0  # seconds from there to the quiet time
_SUBMISSIONS = 240.0  # seconds until everybody's job waits
_REFRESH_PAUSE = 5.0  # seconds before a refresh, so that it finds no fresh figures
_OPENING = 30.0  # seconds over which people open the page that they refresh
_SPREAD = 10.0  # seconds over which the second refresh is spread


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how many.

    Attributes
    ----------
    steady, waiting : float
        Seconds of quiet time, and of watching those who wait.
    starters, refreshers : int
        How many people wait, and how many refresh; 0 leaves the phase out.
    """

    steady: float = 120.0
    waiting: float = 60.0
    starters: int = 100
    refreshers: int = 500


def measure_hub(hub: Hub, servers: Sequence[Server], plan: Plan) -> Result:
    """Return the figures of all phases; one that fails says why, and ends the measurement of this hub."""
    idle = range(len(servers), len(servers) + max(plan.starters, plan.refreshers))
    browsers = [hub.browser(person(number)) for number in idle]
    result: Result = {}
    phases: list[tuple[str, Callable[[], Result]]] = [
        ("adoption", lambda: adoption(hub, servers, idle.stop)),
        ("steady", lambda: steady(hub, plan.steady)),
    ]
    if plan.refreshers and hub.kind.refresh:
        people = browsers[: plan.refreshers]
        phases.append(("opening", lambda: asyncio.run(refresh(hub, people, "opening"))))
        phases.append(("refresh", lambda: asyncio.run(refresh(hub, people, "at once"))))
        phases.append(("refresh_spread", lambda: asyncio.run(refresh(hub, people, "spread"))))
    if plan.starters:
        phases.append(("waiting", lambda: asyncio.run(waiting(hub, browsers[: plan.starters], plan.waiting))))
    for name, phase in phases:
        try:
            result[name] = phase()
            result[name]["servers_left"] = left = len(jobs.running(hub.grounds))
            if left < len(servers):
                result[name]["failed"] = f"{len(servers) - left} of {len(servers)} running servers were ended"
                break
        except Exception as error:  # whatever a hub stumbles over is its result
            result[name] = {"failed": f"{type(error).__name__}: {error}", "log": hub.last_words()}
            break
    return result


# ----- phases ------------------------------------------------------------------------------------------


def adoption(hub: Hub, servers: Sequence[Server], people: int) -> Result:
    """Start the hub as after a crash, and its proxy, too; wait until all servers can be reached."""
    grounds = hub.grounds
    grounds.reset_calls()
    began = hub.start(servers, people)
    try:
        grounds.until(
            lambda: not hub.alive or len(hub.routes() or ()) >= len(servers), _ADOPTION, "routes", 0.2
        )
    except TimeoutError:
        routes = len(hub.routes() or ())
        raise TimeoutError(f"{routes} of {len(servers)} routes after {_ADOPTION:.0f} s") from None
    if not hub.alive:
        raise RuntimeError("the hub ended")
    seconds = time.time() - began
    answers = asyncio.run(_visit(hub, servers))
    result = {
        "seconds_to_routes": round(seconds, 1),
        "servers_answer": tally(answers)["answers"],
        "calls": grounds.calls().to_json(),
    }
    time.sleep(1.1)
    return {**result, **hub.trace().between(began, time.time())}


async def _visit(hub: Hub, servers: Sequence[Server]) -> list[Answer]:
    """Open every server's page through the proxy."""
    return [await hub.browser(server.owner).get(f"/user/{server.owner}/api") for server in servers]


def steady(hub: Hub, seconds: float) -> Result:
    """Leave the hub alone with its servers."""
    time.sleep(_SETTLING)
    return _watched(hub, seconds)


def _watched(hub: Hub, seconds: float) -> Result:
    hub.grounds.reset_calls()
    began = time.time()
    time.sleep(seconds)
    return _since(hub, began)


def _since(hub: Hub, began: float) -> Result:
    ended = time.time()
    calls = hub.grounds.calls()
    time.sleep(1.1)  # the probe's last line
    minutes = (ended - began) / 60
    return {
        "seconds": round(ended - began, 1),
        "queries_per_minute": round(calls.queries / minutes, 1),
        "calls_per_minute": round(sum(calls.questions.values()) / minutes, 1),
        "acts_per_minute": round(sum(calls.acts.values()) / minutes, 1),
        "calls": calls.to_json(),
        **hub.trace().between(began, ended + 1.1),
    }


async def refresh(hub: Hub, people: Sequence[Browser], how: str) -> Result:
    """Have everybody open the page with the queues, or look again."""
    await asyncio.sleep(_REFRESH_PAUSE)
    hub.grounds.reset_calls()
    began = time.time()
    if how == "opening":
        answers = await spread(people, _OPENING, lambda one: _come(hub, one))
    elif how == "at once":
        answers = await at_once(people, hub.kind.refresh)
    else:
        answers = await spread(people, _SPREAD, lambda one: one.get(hub.kind.refresh))
    result = await asyncio.to_thread(_since, hub, began)
    return {"people": len(people), **tally(answers), **result}


async def _come(hub: Hub, one: Browser) -> Answer:
    """Come by the home page, where a browser gets its session and its token; only the second page counts."""
    await one.get("/hub/home")
    return await one.get(hub.kind.page)


async def waiting(hub: Hub, people: Sequence[Browser], seconds: float) -> Result:
    """Have people start servers that must wait, all within ten seconds, and watch their pages."""
    before = len(await asyncio.to_thread(jobs.waiting, hub.grounds))
    await asyncio.to_thread(hub.grounds.reset_calls)
    began = time.time()
    answers = await spread(people, _SPREAD, lambda one: _start(hub, one))
    submitting = await asyncio.to_thread(_until_submitted, hub, len(people), began)
    streams = [
        asyncio.create_task(one.listen(f"/hub/api/users/{one.name}/server/progress")) for one in people
    ]
    try:
        await asyncio.sleep(_REFRESH_PAUSE)
        result = await asyncio.to_thread(_watched, hub, seconds)
        followed = sum(not stream.done() for stream in streams)
    finally:
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    still = len(await asyncio.to_thread(jobs.waiting, hub.grounds)) - before
    result |= {"people": len(people), "still_waiting": still, "pages_open": followed}
    if still < len(people):
        result["failed"] = f"{still} of {len(people)} jobs wait: {hub.last_words(5)}"
    return {**result, "posts": tally(answers), "submitting": submitting}


async def _start(hub: Hub, one: Browser) -> Answer:
    """Open the page that has the form, and send it."""
    await one.get("/hub/spawn" if hub.kind.form else "/hub/home")
    return await one.post("/hub/spawn", hub.kind.form)


def _until_submitted(hub: Hub, count: int, began: float) -> Result:
    """Wait until slurmctld has counted everybody's submission; its own figures cost no question."""

    def submitted() -> bool:
        return hub.grounds.calls().by_type.get("REQUEST_SUBMIT_BATCH_JOB", 0) >= count

    hub.grounds.until(submitted, _SUBMISSIONS, f"{count} jobs are submitted")
    return _since(hub, began)
