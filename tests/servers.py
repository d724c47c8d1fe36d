"""Starts servers of a real centre from the form, and reads what their jobs wrote."""

from __future__ import annotations

from tests.centre import RunningCentre
from tests.person import Person

__all__ = ["log", "started"]


def started(centre: RunningCentre, person: Person, **options: str) -> str:
    """Start a server from the form, wait until it is ready, and return its job's id."""
    answer = person.submit(queue="jupyter", hours="1", **options)
    assert not person.alert(answer), person.alert(answer)
    job = person.job_id()
    try:
        person.until("ready")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log(centre, person.name, job)}") from None
    return job


def log(centre: RunningCentre, user: str, job: str) -> str:
    return (centre.instance.scratch / user / "log" / f"{job}.log").read_text(errors="replace")
