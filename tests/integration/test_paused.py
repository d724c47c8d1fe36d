"""A job that Slurm pauses: its server is kept, by a hub that was started anew as well."""

import time
from collections.abc import Iterator

import pytest

from tests.centre import RunningCentre
from tests.integration.fire import hub_with
from tests.integration.test_outages import until_hub_answers
from tests.person import Person

pytestmark = pytest.mark.centre

USER = "a1113a01"
API = f"user/{USER}/api/status"


@pytest.fixture(scope="module", autouse=True)
def impatient(centre: RunningCentre) -> Iterator[None]:
    """Have a hub whose check at its start gives up a server after three seconds."""
    with hub_with(centre, "c = get_config()\nc.SlurmGPUSpawner.http_timeout = 3\n"):
        yield


@pytest.fixture
def running(empty: RunningCentre, anna: Person) -> Iterator[str]:
    """The id of the job of a server that is ready."""
    anna.submit(queue="jupyter", hours="1")
    anna.until("ready")
    anna.get(f"user/{USER}/tree")  # passes the server's own door
    job: str = empty.run(["squeue", "-h", "-u", USER, "-o", "%i"]).stdout.strip()
    yield job
    empty.run(["scontrol", "resume", job], check=False)


def jobs(centre: RunningCentre) -> list[str]:
    return centre.run(["squeue", "-h", "-u", USER, "-o", "%i"]).stdout.split()


def test_paused_server_is_kept_and_goes_on(empty: RunningCentre, anna: Person, running: str) -> None:
    empty.run(["scontrol", "suspend", running])
    time.sleep(12)  # and the hub has looked at it
    assert anna.state() == "ready"
    empty.run(["scontrol", "resume", running])
    assert anna.get(API).status_code == 200
    assert jobs(empty) == [running]


def test_paused_server_can_be_stopped(empty: RunningCentre, anna: Person, running: str) -> None:
    empty.run(["scontrol", "suspend", running])
    anna.stop()
    empty.wait_for_job(running, "CANCELLED", "COMPLETING", "")


def test_paused_server_survives_a_restart_of_the_hub(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    empty.run(["scontrol", "suspend", running])
    for _time in range(2):
        empty.kill("hub")
        until_hub_answers(anna)
        anna.until("ready")
        time.sleep(8)
        assert anna.state() == "ready"
        assert empty.job_state(running) == "SUSPENDED"
    empty.run(["scontrol", "resume", running])
    assert anna.get(API).status_code == 200
    anna.stop()
    empty.wait_for_job(running, "CANCELLED", "COMPLETING", "")


def test_new_server_after_a_paused_one_was_stopped_stays_when_the_hub_had_been_restarted(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    """The restarted hub still asks the paused one, every few seconds, whether it answers."""
    empty.run(["scontrol", "suspend", running])
    empty.kill("hub")
    until_hub_answers(anna)
    anna.until("ready")
    # Then it is asked but every quarter of a minute, and does not see that there was no server for a moment.
    time.sleep(23)
    anna.stop()
    anna.start(queue="jupyter", hours="1")
    anna.until("ready")
    (new,) = set(jobs(empty)) - {running}
    time.sleep(45)
    assert anna.state() == "ready"
    assert empty.job_state(new) == "RUNNING"


def test_paused_server_that_is_cancelled_after_a_restart_is_known_to_have_ended(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    empty.run(["scontrol", "suspend", running])
    empty.kill("hub")
    until_hub_answers(anna)
    anna.until("ready")
    empty.run(["scancel", running])
    anna.until("stopped")
    assert f"Job {running} was cancelled" in anna.get("hub/home").text
