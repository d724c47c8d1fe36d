"""What happens to users while Slurm, or the hub, is away."""

import threading
import time
from contextlib import suppress

import httpx
import pytest

from tests.centre import RunningCentre
from tests.person import Person

pytestmark = pytest.mark.centre


def test_server_and_form_survive_controller_outage(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    anna.until("ready")
    anna.get("user/a1113a01/tree")  # passes the server's own door
    assert anna.get("hub/spawn/a1113a01/second").status_code == 200
    with empty.without("slurmctld"):
        deadline = time.monotonic() + 60
        while "Slurm does not answer" not in (form := anna.get("hub/spawn/a1113a01/second")).text:
            assert form.status_code == 200
            assert time.monotonic() < deadline
            time.sleep(1)
        assert "as of" in form.text
        assert 'data-cell="total" data-label="Total">5<' in form.text
        assert anna.get("user/a1113a01/api/status").status_code == 200
        refused = anna.start("second", queue="jupyter", hours=1)
        assert (refused.status_code, "does not answer" in refused.text) == (503, True)
        time.sleep(12)
        assert anna.state() == "ready"
    assert anna.state() == "ready"
    assert anna.get("user/a1113a01/api/status").status_code == 200


def test_stop_during_an_outage_is_made_good_afterwards(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    with empty.without("slurmctld"):
        anna.stop(wait=False)
        anna.until("stopped")
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


def test_stop_during_an_outage_is_made_good_by_the_next_hub(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    with empty.without("slurmctld"):
        anna.stop(wait=False)
        anna.until("stopped")
        empty.kill("hub")
        until_hub_answers(anna)
        anna.get("hub/spawn")
    assert empty.job_state(job) in ("RUNNING", "COMPLETING", "CANCELLED", "")
    assert empty.wait_for_job(job, "CANCELLED", "", limit=90) in ("CANCELLED", "")


def until_hub_answers(person: Person) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if person.get("hub/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.parametrize("waiting", [False, True], ids=["running", "pending"])
def test_killed_hub_finds_the_job_again(
    empty: RunningCentre, anna: Person, request: pytest.FixtureRequest, waiting: bool
) -> None:
    busy = request.getfixturevalue("busy") if waiting else None
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    if busy:
        empty.wait_for_job(job, "PENDING")
    else:
        anna.until("ready")
    empty.kill("hub")
    empty.up()
    if busy:
        assert anna.state() == "spawn"
        assert anna.job_id() == job
        empty.run(["scancel", busy])
    anna.until("ready")
    assert anna.get("user/a1113a01/tree").status_code == 200
    jobs = empty.run(["squeue", "-h", "-u", "a1113a01", "-o", "%i"]).stdout.split()
    assert jobs == [job]
    anna.stop()
    empty.wait_for_job(job, "CANCELLED", "COMPLETING", "")


def test_hub_killed_while_sbatch_runs_finds_the_job_by_its_name(empty: RunningCentre, anna: Person) -> None:
    with empty.hanging("slurmctld"):
        starting = threading.Thread(target=start_and_lose_the_hub, args=(anna,))
        starting.start()
        deadline = time.monotonic() + 90
        while not any("sbatch" in words for words in empty.processes_of("a1113a01").values()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        empty.kill("hub")
    starting.join()
    empty.up()
    anna.until("ready")
    assert "is found by its name" in empty.log("hub")
    jobs = empty.run(["squeue", "-h", "-u", "a1113a01", "-o", "%i"]).stdout.split()
    assert len(jobs) == 1


def start_and_lose_the_hub(person: Person) -> None:
    # Whether the broken connection or the proxy's page ends it is of no interest.
    with suppress(httpx.TransportError):
        person.start(queue="jupyter", hours=1)


def test_job_that_starts_while_the_hub_is_away_gets_its_user(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "PENDING")
    empty.stop("hub")
    empty.run(["scancel", busy])
    empty.wait_for_job(job, "RUNNING")
    time.sleep(4)
    empty.start("hub")
    anna.until("ready")
    anna.stop()


def test_waiting_job_found_again_can_be_cancelled(empty: RunningCentre, anna: Person, busy: str) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.kill("hub")
    empty.up()
    assert anna.state() == "spawn"
    anna.stop()
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


def test_server_that_ended_while_the_hub_was_away_is_known_to_have_ended(
    empty: RunningCentre, anna: Person
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    empty.stop("hub")
    empty.run(["scancel", job])
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")
    empty.start("hub")
    anna.until("stopped")
    assert anna.get("hub/home").status_code == 200
