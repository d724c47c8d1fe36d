"""People who are logged in, and a cluster that every test finds empty."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person


@pytest.fixture
def empty(centre: RunningCentre, login: Login) -> Iterator[RunningCentre]:
    """Give a centre without jobs, and leave it so."""
    centre.cancel_all_jobs()
    yield centre
    centre.up()
    centre.cancel_all_jobs()


@pytest.fixture
def anna(empty: RunningCentre, login: Login) -> Iterator[Person]:
    """A user of the project proj01, without a server."""
    person = login("a1113a01")
    person.until("stopped", seconds=40)
    yield person
    empty.up()
    for name in ("", "second"):
        if person.state(name) != "stopped":
            person.stop(name)


@pytest.fixture
def busy(empty: RunningCentre) -> str:
    """Have all nodes of the V100 queues taken by somebody else, so that whoever comes now waits."""
    options = ("--partition=cas_v100_2", "--nodes=5", "--exclusive", "--time=30", "--account=proj02")
    job = empty.submit("a1113a03", *options)
    empty.wait_for_job(job, "RUNNING")
    return job


def job_of(person: Person, name: str = "") -> str:
    """Return the id of the job behind a server, as the waiting page shows it."""
    return next(event["job_id"] for event in person.progress(name) if event.get("job_id"))


def event_with(person: Person, field: str, value: object, seconds: float = 30) -> dict[str, Any]:
    """Follow the progress of a start until an event says something; show the last one when none does."""
    deadline = time.monotonic() + seconds
    event: dict[str, Any] = {}
    for event in person.progress():
        if event.get(field) == value:
            return event
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"no event with {field}={value!r}; the last was {event}")
