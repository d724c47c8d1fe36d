"""Slurm's daemons and commands on a bad day: what a user with a running server sees, and what Slurm has."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.centre import RunningCentre
from tests.integration.fire import look, lost_state, replaced, telling, wrong_configuration
from tests.person import Login, Person

pytestmark = pytest.mark.centre

Fault = Callable[[RunningCentre], AbstractContextManager[object]]


@pytest.fixture
def job(empty: RunningCentre, anna: Person) -> str:
    """Give the job of a server of Anna's that runs."""
    return running_server(empty, anna)


@pytest.fixture(scope="module")
def lasting(centre: RunningCentre, login: Login) -> Iterator[Person]:
    """Somebody whose one server is to outlive one fault after the other."""
    centre.cancel_all_jobs()
    person = login("a1113a01")
    yield person
    centre.up()
    if person.state() != "stopped":
        person.stop()


def running_server(centre: RunningCentre, person: Person) -> str:
    if person.state() != "ready":
        person.submit(queue="jupyter", hours="1")
        person.until("ready")
    person.get("user/a1113a01/tree")  # passes the server's own door
    (job,) = jobs_of(centre, person.name)
    return job


def jobs_of(centre: RunningCentre, user: str = "a1113a01") -> list[str]:
    return centre.run(["squeue", "-h", "-u", user, "-o", "%i"]).stdout.split()


def works(person: Person) -> bool:
    return person.state() == "ready" and person.get("user/a1113a01/api/status").status_code == 200


AWAY: dict[str, Fault] = {
    "the controller is stopped": lambda centre: centre.without("slurmctld"),
    "the controller hangs": lambda centre: centre.hanging("slurmctld"),
    "munge is stopped": lambda centre: centre.without("munge"),
    "slurm.conf is wrong": wrong_configuration,
    "squeue prints nothing": lambda centre: telling(centre, "exit 0"),
    "squeue prints garbage": lambda centre: telling(centre, "head -c 3000 /dev/urandom; exit 0"),
    "squeue prints half of its answer": lambda centre: telling(centre, '"$REAL" "$@" | head -c 60; exit 0'),
    "squeue has an unknown error": lambda centre: telling(
        centre, 'echo "slurm_load_jobs error: Flux capacitor is empty" >&2; exit 1'
    ),
    "squeue says that no such job exists": lambda centre: telling(
        centre, 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1'
    ),
    "squeue cannot be run": lambda centre: telling(centre, "exit 127"),
}


def until_silent(person: Person) -> str:
    """Have the hub look twice, and more often if it took its time, until the page says that Slurm is out."""
    deadline = time.monotonic() + 60
    page = look(person, times=2)
    while "Slurm does not answer" not in page:
        assert time.monotonic() < deadline, page
        page = look(person)
    return page


@pytest.mark.parametrize("fault", AWAY)
def test_server_outlives_it_and_the_page_says_that_figures_are_old(
    centre: RunningCentre, lasting: Person, fault: str
) -> None:
    job = running_server(centre, lasting)
    look(lasting)
    with AWAY[fault](centre):
        page = until_silent(lasting)
        assert re.search(r'data-cell="total" data-label="Total">\s*5\s*<', page), "the last figures stay"
        assert works(lasting)
    assert jobs_of(centre) == [job]
    deadline = time.monotonic() + 90
    while "Slurm does not answer" in look(lasting):
        assert time.monotonic() < deadline, "the hub hears Slurm again"
    assert works(lasting)


STRANGE: dict[str, str] = {
    "a warning before the answer": 'echo "squeue: warning: the moon is full"; exec "$REAL" "$@"',
    "a warning beside the answer": 'echo "sudo: unable to resolve host login1" >&2; exec "$REAL" "$@"',
    "a state that nobody knows": '"$REAL" "$@" | sed s/RUNNING/LEVITATING/; exit 0',
    "an answer after four seconds": 'sleep 4; exec "$REAL" "$@"',
}


@pytest.mark.parametrize("oddity", STRANGE)
def test_server_outlives_an_odd_answer(centre: RunningCentre, lasting: Person, oddity: str) -> None:
    job = running_server(centre, lasting)
    with telling(centre, STRANGE[oddity]):
        look(lasting, times=2)
        assert works(lasting)
        assert jobs_of(centre) == [job]
    look(lasting)
    assert works(lasting)


def until_saved(centre: RunningCentre, job: str) -> None:
    """Wait until slurmctld has written down that the job runs: what it has not, is lost with it."""
    asked = time.time()
    centre.run(["scontrol", "update", f"jobid={job}", "comment=saved"])
    deadline = time.monotonic() + 90
    while (centre.instance.data / "slurmctld" / "job_state").stat().st_mtime <= asked:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_controller_that_is_killed_comes_back_with_all_jobs(
    empty: RunningCentre, anna: Person, job: str
) -> None:
    until_saved(empty, job)
    empty.kill("slurmctld")
    look(anna, times=2)
    assert works(anna)
    empty.up()
    assert jobs_of(empty) == [job]
    anna.stop()
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


def test_controller_that_lost_its_state_has_ended_the_server_and_the_user_is_told(
    empty: RunningCentre, anna: Person, job: str
) -> None:
    with lost_state(empty):
        # Slurm counts from one again: somebody else gets our job's number.
        look(anna, times=3)
        anna.until("stopped")
        assert f"Job {job}" in anna.get("hub/home").text
        assert jobs_of(empty) == []
        anna.submit(queue="jupyter", hours="1")
        anna.until("ready")
        anna.stop()
    assert anna.state() == "stopped"


def test_form_and_start_work_without_the_accounting_database(empty: RunningCentre, anna: Person) -> None:
    with empty.without("slurmdbd"):
        assert "Slurm does not answer" not in look(anna)
        anna.submit(queue="jupyter", hours="1")
        job = anna.job_id()
        anna.until("ready")
        assert jobs_of(empty) == [job]
        anna.stop()
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


@pytest.mark.parametrize("fault", ["the controller is stopped", "munge is stopped", "slurm.conf is wrong"])
def test_start_during_an_outage_says_so_and_leaves_no_job(
    empty: RunningCentre, anna: Person, fault: str
) -> None:
    with AWAY[fault](empty):
        answer = anna.start(queue="jupyter", hours=1)
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["message"]
        assert anna.state() == "stopped"
    assert jobs_of(empty) == []


SILENT_SUCCESS: dict[str, str] = {
    "its answer gets lost": "echo sbatch: error: Batch job submission failed: Socket timed out >&2; exit 1",
    "it says something else": "echo Submitted, have a nice day; exit 0",
}


@pytest.mark.parametrize("ending", SILENT_SUCCESS)
def test_job_whose_submission_seemed_to_fail_is_cancelled(
    empty: RunningCentre, anna: Person, ending: str
) -> None:
    with replaced(empty, "/usr/bin/sbatch", f'"$REAL" "$@" >/dev/null\n{SILENT_SUCCESS[ending]}', anna.name):
        answer = anna.start(queue="jupyter", hours=1)
        assert answer.status_code == 503
    job = jobs_of(empty)
    assert len(job) == 1, "Slurm took it"
    assert empty.wait_for_job(job[0], "CANCELLED", "") in ("CANCELLED", "")
    assert anna.state() == "stopped"
