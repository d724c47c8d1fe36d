"""A job that Slurm puts back into the queue, holds or takes off its node: what its user sees."""

import os
import signal
import time

import pytest

from tests.centre import RunningCentre
from tests.person import Person

pytestmark = pytest.mark.centre

USER = "a1113a01"
API = f"user/{USER}/api/status"


@pytest.fixture
def running(empty: RunningCentre, anna: Person) -> str:
    """The id of the job of a server that is ready."""
    anna.submit(queue="jupyter", hours="1")
    anna.until("ready")
    anna.get(f"user/{USER}/tree")  # passes the server's own door
    job: str = empty.run(["squeue", "-h", "-u", USER, "-o", "%i"]).stdout.strip()
    return job


def node_of(centre: RunningCentre, job: str) -> str:
    return centre.run(["squeue", "-h", "-j", job, "-o", "%B"]).stdout.strip()


def jobs(centre: RunningCentre) -> list[str]:
    return centre.run(["squeue", "-h", "-u", USER, "-o", "%i"]).stdout.split()


def requeue(centre: RunningCentre, job: str, verb: str = "requeue") -> str:
    """Put a running job back into the queue, so that it comes up on another node; return the old one."""
    node = node_of(centre, job)
    centre.run(["scontrol", "update", f"JobId={job}", "Requeue=1"])
    centre.run(["scontrol", verb, job])
    centre.wait_for_job(job, "PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT")
    centre.run(["scontrol", "update", f"JobId={job}", f"ExcNodeList={node}"])
    return node


def let_start(centre: RunningCentre, job: str) -> None:
    # Slurm itself lets a requeued job wait for two minutes.
    centre.run(["scontrol", "update", f"JobId={job}", "StartTime=now"])


def test_requeued_server_is_told_and_comes_back_on_another_node(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    old = requeue(empty, running)
    anna.until("spawn")
    page = anna.get(f"user/{USER}/tree")
    assert page.url.path == f"/hub/spawn-pending/{USER}"
    assert f"Job {running} lost its node and is back in the queue" in page.text
    assert anna.get(API).status_code in (424, 503), "the old address is nobody's"
    let_start(empty, running)
    anna.until("ready")
    anna.get(f"user/{USER}/tree")
    assert anna.get(API).status_code == 200
    assert node_of(empty, running) != old
    assert jobs(empty) == [running]
    # And once more: it is no matter of the first time.
    requeue(empty, running)
    anna.until("spawn")
    let_start(empty, running)
    anna.until("ready")
    assert anna.get(API).status_code == 200
    anna.stop()
    empty.wait_for_job(running, "CANCELLED", "COMPLETING", "")


def test_requeue_that_nobody_noticed_is_known_by_the_new_start(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    """The job is back before the next look at the queue: only start time and node have changed."""
    with empty.hanging("hub"):
        old = requeue(empty, running)
        let_start(empty, running)
        empty.wait_for_job(running, "RUNNING")
    assert node_of(empty, running) != old
    deadline = time.monotonic() + 90
    while not (anna.state() == "ready" and anna.get(API).status_code == 200):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert jobs(empty) == [running]


@pytest.mark.parametrize("back", [False, True], ids=["pending", "running again"])
def test_server_requeued_while_the_hub_was_away_comes_back(
    empty: RunningCentre, anna: Person, running: str, back: bool
) -> None:
    empty.stop("hub")
    requeue(empty, running)
    if back:
        let_start(empty, running)
        empty.wait_for_job(running, "RUNNING")
    empty.start("hub")
    if not back:
        anna.until("spawn")
        let_start(empty, running)
    anna.until("ready")
    anna.get(f"user/{USER}/tree")
    assert anna.get(API).status_code == 200
    assert jobs(empty) == [running]


def test_job_requeued_and_held_says_so_and_can_be_cancelled(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    requeue(empty, running, "requeuehold")
    anna.until("spawn")
    page = anna.get(f"hub/spawn-pending/{USER}")
    assert "Slurm holds it" in page.text
    anna.stop()
    empty.wait_for_job(running, "CANCELLED", "")
    assert jobs(empty) == []


def test_held_job_that_is_released_comes_back(empty: RunningCentre, anna: Person, running: str) -> None:
    requeue(empty, running, "requeuehold")
    anna.until("spawn")
    empty.run(["scontrol", "release", running])
    let_start(empty, running)
    anna.until("ready")
    assert anna.get(API).status_code == 200


def test_job_requeued_while_its_server_starts_gets_its_server(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "RUNNING")
    requeue(empty, job)
    anna.event_with("state", "PENDING", seconds=60)
    let_start(empty, job)
    anna.until("ready")
    anna.get(f"user/{USER}/tree")
    assert anna.get(API).status_code == 200
    assert jobs(empty) == [job]


def test_node_that_fails_under_a_server_is_told(empty: RunningCentre, anna: Person, running: str) -> None:
    node = node_of(empty, running)
    empty.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"])
    try:
        anna.until("stopped")
        assert f"The node of job {running} failed" in anna.get("hub/home").text
        assert jobs(empty) == []
    finally:
        empty.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], check=False)


def test_server_whose_job_may_be_requeued_survives_the_failure_of_its_node(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    node = node_of(empty, running)
    empty.run(["scontrol", "update", f"JobId={running}", "Requeue=1"])
    empty.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"])
    try:
        anna.until("spawn")
        empty.run(["scontrol", "update", f"JobId={running}", f"ExcNodeList={node}"])
        let_start(empty, running)
        anna.until("ready")
        anna.get(f"user/{USER}/tree")
        assert anna.get(API).status_code == 200
        assert node_of(empty, running) != node
    finally:
        empty.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], check=False)


def test_node_drained_under_a_server_changes_nothing(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    node = node_of(empty, running)
    empty.run(["scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test"])
    try:
        time.sleep(12)
        assert anna.state() == "ready"
        assert anna.get(API).status_code == 200
    finally:
        empty.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], check=False)


def test_time_limit_is_told(empty: RunningCentre, anna: Person, running: str) -> None:
    empty.run(["scontrol", "update", f"JobId={running}", "EndTime=now"])
    anna.until("stopped")
    assert f"Job {running} has reached its time limit" in anna.get("hub/home").text


def test_server_that_dies_while_its_job_lives_ends_with_its_job(
    empty: RunningCentre, anna: Person, running: str
) -> None:
    servers = [pid for pid, words in empty.processes_of(USER).items() if "launch.py" in words]
    assert len(servers) == 1
    os.kill(servers[0], signal.SIGKILL)
    anna.until("stopped")
    assert f"Job {running} failed" in anna.get("hub/home").text
    assert jobs(empty) == []
