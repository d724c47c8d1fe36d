"""What the form says of each queue for the present choices: when it would start, and why it cannot.

The chosen queue is judged by exactly what was chosen. For another one, choices that it does not have are
left out, as the page does when somebody changes over to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from queues.access import effective_hours
from queues.policy import Queue
from slurm.acting import ActsAsUser
from slurm.records import Sentence
from slurm.refusals import explain_refusal
from spawner.expecting import Answer, shape_of
from spawner.job import asked_for
from spawner.options import OptionsError, Request
from texts import mark as _

if TYPE_CHECKING:
    from spawner.starting import StartsJobs

__all__ = ["Forecast", "ask_forecasts", "fitted", "known_forecasts"]

PATIENCE: Final = 8.0  # seconds for which a page's question waits; then it comes again
_NOW: Final = timedelta(seconds=60)

Resolve = Callable[[Mapping[str, Any]], Request]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of one queue and the present choices.

    Attributes
    ----------
    start : datetime or None
        When Slurm would start it; None where it has not said.
    now : bool
        Whether that is as good as at once.
    refusal : Sentence or None
        Why Slurm would not take it, or why the hub would not.
    closed : bool
        Whether the queue cannot be chosen with these choices. A refusal that may be over by itself (nodes
        that are down) closes nothing: a job may wait for that.
    asked : bool
        False while the answer is still to come.
    """

    start: datetime | None = None
    now: bool = False
    refusal: Sentence | None = None
    closed: bool = False
    asked: bool = True


_UNKNOWN: Final = Forecast(asked=False)


def fitted(resolve: Resolve, raw: Mapping[str, Any], queue: Queue, most_hours: int) -> Request | None:
    """Meet choices with another queue: what it does not have is left out; None when it is not open.

    Parameters
    ----------
    most_hours : int
        The longest that the queue gives; more than that becomes that.
    """
    options = {**raw, "queue": queue.name}
    hours = str(options.get("hours", ""))
    # What is no number, or none that somebody means, `resolve` refuses: this is still what was typed.
    if hours.isascii() and hours.isdigit() and len(hours) < 10:
        options["hours"] = min(int(hours), most_hours)
    while True:
        try:
            return resolve(options)
        except OptionsError as error:
            if error.field == "queue" or error.field not in options:
                return None
            del options[error.field]


def known_forecasts(spawner: StartsJobs, resolve: Resolve, raw: Mapping[str, Any]) -> dict[str, Forecast]:
    """Say what is known already, without asking Slurm: for the page as it comes."""
    if spawner.expected_max_age <= 0:
        return {}
    found = {}
    for name, request in _requests(spawner, resolve, raw).items():
        if isinstance(request, Forecast):
            found[name] = request
            continue
        expectations = spawner.shared().expectations
        shape = shape_of(asked_for(spawner, request))
        found[name] = _told(expectations.known(shape, spawner.user.name, spawner.expected_max_age))
    return found


async def ask_forecasts(spawner: StartsJobs, resolve: Resolve, raw: Mapping[str, Any]) -> dict[str, Forecast]:
    """Ask Slurm about every queue that is open to the user, for as long as a page waits."""
    if spawner.expected_max_age <= 0:
        return {}
    requests = _requests(spawner, resolve, raw)
    told = await asyncio.gather(*(_ask(spawner, request) for request in requests.values()))
    return dict(zip(requests, told, strict=True))


async def _ask(spawner: StartsJobs, request: Request | Forecast) -> Forecast:
    if isinstance(request, Forecast):
        return request
    asked = asked_for(spawner, request)
    if spawner.shared().monitor.snapshot.problem is not None:
        return Forecast()  # Slurm is out: one more question would only wait for the same silence
    acts = ActsAsUser(spawner.acts_as_user, spawner.user.name, spawner.expected_timeout)
    answer = await spawner.shared().expectations.ask(
        shape_of(asked),
        spawner.user.name,
        lambda: acts.expected(**asked),
        max_age=spawner.expected_max_age,
        patience=PATIENCE,
    )
    return _told(answer)


def _requests(spawner: StartsJobs, resolve: Resolve, raw: Mapping[str, Any]) -> dict[str, Request | Forecast]:
    """Return what would be asked of Slurm for each queue; for one that the hub itself refuses, why."""
    office = spawner.shared()
    found: dict[str, Request | Forecast] = {}
    for queue in office.policy.queues:
        if queue.hidden:
            continue
        if queue.name == raw.get("queue"):
            found[queue.name] = _exact(resolve, raw)
            continue
        partition = office.monitor.snapshot.partitions.get(queue.partition)
        request = fitted(resolve, raw, queue, effective_hours(queue, partition))
        if request is not None:
            found[queue.name] = request
    return found


def _exact(resolve: Resolve, raw: Mapping[str, Any]) -> Request | Forecast:
    try:
        return resolve(raw)
    except OptionsError as error:
        # Whoever is still typing has not chosen a queue that is closed.
        return Forecast(refusal=error.sentence)


def _told(answer: Answer | None) -> Forecast:
    if answer is None:
        return _UNKNOWN
    expected = answer.expected
    if expected is None:
        return Forecast()
    if expected.refusal:
        if expected.perhaps_later:
            text = _("Slurm cannot plan a start at the moment; a job may wait for one.")
            return Forecast(refusal=Sentence(text, {}))
        return Forecast(refusal=explain_refusal(expected.refusal), closed=True)
    soon = expected.start is not None and expected.start <= answer.at + _NOW
    return Forecast(start=expected.start, now=soon)
