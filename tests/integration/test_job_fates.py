"""What becomes of a job on the cluster, and what its user sees and can do then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.centre import RunningCentre
from tests.integration.fire import look, reconfigured
from tests.person import Person

pytestmark = pytest.mark.centre

ANNA = "a1113a01"


def started(centre: RunningCentre, person: Person, **options: str) -> str:
    """Start a server and wait until it works; return its job."""
    person.submit(**{"queue": "jupyter", "hours": "1", **options})
    job = person.job_id()
    person.until("ready")
    person.get(f"user/{person.name}/tree")
    return job


def works(person: Person) -> bool:
    person.get(f"user/{person.name}/tree")  # passes the server's own door
    return person.state() == "ready" and person.get(f"user/{person.name}/api/status").status_code == 200


def home_says(person: Person, words: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while words not in (page := person.get("hub/home").text):
        assert time.monotonic() < deadline, f"{words!r} is not on the home page: {page[-6000:]}"
        time.sleep(1)


# --- on the node ---------------------------------------------------------------------------------------


def test_slow_start_is_waited_for(empty: RunningCentre, anna: Person) -> None:
    go = empty.instance.home_of(ANNA) / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.1)"
    with configured(empty, wait):
        anna.submit(queue="jupyter", hours="1")
        job = anna.job_id()
        empty.wait_for_job(job, "RUNNING")
        time.sleep(20)
        assert anna.state() == "spawn"
        go.touch()
        anna.until("ready")
        assert works(anna)
    go.unlink()


def test_server_that_cannot_reach_the_hub_says_so_in_its_log(empty: RunningCentre, anna: Person) -> None:
    nowhere = "import os; os.environ['JUPYTERHUB_API_URL'] = 'http://127.0.0.1:9/hub/api'"
    with configured(empty, nowhere):
        anna.submit(queue="jupyter", hours="1")
        job = anna.job_id()
        empty.wait_for_job(job, "RUNNING")
        deadline = time.monotonic() + 90
        while "Failed to connect to my Hub" not in anna.get(f"hub/hpchub/log/{ANNA}").text:
            assert time.monotonic() < deadline
            time.sleep(1)
        assert anna.state() == "spawn"
        anna.stop()
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


@contextmanager
def configured(centre: RunningCentre, line: str) -> Iterator[None]:
    """Have a line in Anna's own configuration of her notebook servers."""
    folder = f"{centre.instance.home_of(ANNA)}/.jupyter"
    program = 'mkdir -p "$1"; printf "%s\\n" "$2" > "$1/jupyter_server_config.py"'
    centre.run(["sh", "-c", program, "sh", folder, line], ANNA)
    try:
        yield
    finally:
        centre.run(["rm", "-r", folder], ANNA)


# --- in the queue --------------------------------------------------------------------------------------


def test_held_job_says_so_and_starts_when_it_is_released(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "PENDING")
    empty.run(["scontrol", "hold", job])
    deadline = time.monotonic() + 90
    for event in anna.progress():
        if "is held" in event["message"]:
            break
        assert time.monotonic() < deadline, event
    empty.run(["scancel", busy])
    time.sleep(3)
    assert empty.job_state(job) == "PENDING"
    empty.run(["scontrol", "release", job])
    anna.until("ready")


# --- taken away ----------------------------------------------------------------------------------------


def test_preempted_server_has_ended_and_its_user_is_told_why(empty: RunningCentre, anna: Person) -> None:
    rules = "PreemptType=preempt/partition_prio\nPreemptMode=CANCEL"
    with reconfigured(
        empty, f"{rules}\nPartitionName=urgent Nodes=gpu01,gpu02,gpu03,gpu04,gpu05 PriorityTier=9"
    ):
        job = started(empty, anna)
        options = ("--partition=urgent", "--nodes=5", "--exclusive", "--time=5", "--account=proj02")
        urgent = empty.submit("a1113a03", *options)
        empty.wait_for_job(urgent, "RUNNING")
        look(anna, times=2)
        anna.until("stopped")
        home_says(anna, f"Job {job} had to make room for one of higher priority.")
        empty.run(["scancel", urgent])
        empty.wait_for_job(urgent, "CANCELLED", "")


@contextmanager
def failing_launches(centre: RunningCentre) -> Iterator[None]:
    """Have a prolog that fails on every node, as after a bad update; Slurm drains the nodes that it meets."""
    prolog = centre.instance.run / "prolog"
    prolog.write_text("#!/bin/sh\nexit 1\n")
    prolog.chmod(0o755)
    try:
        with reconfigured(centre, f"Prolog={prolog}"):
            yield
    finally:
        for node in centre.run(["sinfo", "-h", "-N", "-t", "drain", "-o", "%N"]).stdout.split():
            centre.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False)


def test_job_whose_launch_fails_is_over_and_its_user_is_told(empty: RunningCentre, anna: Person) -> None:
    with failing_launches(empty):
        anna.submit(queue="jupyter", hours="1")
        job = anna.job_id()
        anna.until("stopped")
        assert f"Job {job}" in anna.get(f"hub/spawn-pending/{ANNA}").text
        deadline = time.monotonic() + 90
        while left := empty.run(["squeue", "-h", "-u", ANNA]).stdout:
            assert time.monotonic() < deadline, left
            time.sleep(0.5)


def test_job_whose_launch_failed_is_held_says_so_and_can_be_cancelled(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "PENDING")
    empty.run(["scontrol", "update", f"jobid={job}", "requeue=1"])
    with failing_launches(empty):
        empty.run(["scancel", busy])
        deadline = time.monotonic() + 90
        while (
            empty.run(["squeue", "-h", "-j", job, "-o", "%r"]).stdout.strip() != "launch failed requeued held"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        for event in anna.progress():
            if "is held" in event["message"]:
                break
            assert time.monotonic() < deadline, event
        anna.stop()
        assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


# --- the user's folders ----------------------------------------------------------------------------------


@contextmanager
def moved(centre: RunningCentre, folder: str) -> Iterator[None]:
    centre.run(["mv", folder, f"{folder}.aside"])
    try:
        yield
    finally:
        centre.run(["rm", "-rf", folder])
        centre.run(["mv", f"{folder}.aside", folder])


@contextmanager
def full(centre: RunningCentre, folder: str) -> Iterator[None]:
    """Have a folder on a file system on which there is no room left."""
    with moved(centre, folder):
        centre.run(["mkdir", folder])
        centre.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=3,mode=777", "tmpfs", folder])
        centre.run(["sh", "-c", f"head -c 4096 /dev/zero > {folder}/filler; touch {folder}/another"])
        try:
            yield
        finally:
            centre.run(["umount", "--lazy", folder])


@contextmanager
def unwritable(centre: RunningCentre, folder: str) -> Iterator[None]:
    with moved(centre, folder):
        centre.run(["mkdir", "-m", "555", folder])
        yield


FOLDERS = {
    "a full file system": (full, "its file system is full"),
    "a folder that is not the user's": (unwritable, "you have no right to write there"),
}


@pytest.mark.parametrize("trouble", FOLDERS)
def test_start_with_trouble_in_the_user_s_folder_names_the_folder(
    empty: RunningCentre, anna: Person, trouble: str
) -> None:
    make, words = FOLDERS[trouble]
    with make(empty, f"/scratch/{ANNA}"):
        answer = anna.submit(queue="jupyter", hours="1")
        text = anna.alert(answer) or answer.text
        assert f"/scratch/{ANNA}" in text
        assert words in text
        assert "Slurm does not answer" not in text
        assert anna.state() == "stopped"
    assert empty.run(["squeue", "-h", "-u", ANNA]).stdout == ""
    started(empty, anna)


def test_start_without_a_home_names_the_home(empty: RunningCentre, anna: Person) -> None:
    home = str(empty.instance.home_of(ANNA))
    with moved(empty, home):
        answer = anna.submit(queue="jupyter", hours="1")
        if anna.state() != "stopped":  # the site's jobs need no home
            anna.until("ready")
            anna.stop()
        else:
            assert home in (anna.alert(answer) or answer.text)
    assert anna.state() == "stopped"
