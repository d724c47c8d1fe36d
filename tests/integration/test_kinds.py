"""Servers of every kind of queue, as Slurm has them: GPU types, MIG, shards, features, QoS, reservations."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre


def message(answer: httpx.Response) -> str:
    return str(json.loads(answer.text)["message"])


def jobs_of(centre: RunningCentre, person: Person) -> set[str]:
    return set(centre.run(["squeue", "-h", "-t", "all", "-u", person.name, "-o", "%i"]).stdout.split())


def started(centre: RunningCentre, person: Person, **options: object) -> dict[str, str]:
    """Start a server and return what Slurm says of its job when that has a node."""
    before = jobs_of(centre, person)
    answer = person.start(**options)
    assert answer.status_code in (201, 202), message(answer)
    deadline = time.monotonic() + 90
    while not (new := jobs_of(centre, person) - before) and time.monotonic() < deadline:
        time.sleep(0.2)
    (job_id,) = new
    centre.wait_for_job(job_id, "RUNNING")
    shown = centre.run(["scontrol", "-o", "show", "job", job_id]).stdout
    comment = centre.run(["squeue", "-h", "-j", job_id, "-o", "%k"]).stdout.strip()
    pairs = re.findall(r"(?:^|\s)([A-Za-z:/]+)=(\S*)", shown)
    return {"TresPerNode": "", **dict(pairs), "Comment": comment, "all": shown}


def tried(centre: RunningCentre, person: Person, **options: object) -> dict[str, str]:
    """Start a server, return its job, and have it stop."""
    try:
        return started(centre, person, **options)
    finally:
        person.stop()


@contextmanager
def reservation(centre: RunningCentre, name: str, *terms: str) -> Iterator[None]:
    """Have an operator reserve nodes, and the hub know it."""
    centre.run(["scontrol", "create", "reservation", f"ReservationName={name}", *terms])
    try:
        yield
    finally:
        centre.cancel_all_jobs()
        centre.run(["scontrol", "delete", f"ReservationName={name}"])


def test_each_gpu_type_is_asked_for_by_its_name_with_cpus_and_memory(
    centre: RunningCentre, anna: Person
) -> None:
    mig = tried(centre, anna, queue="mixed")
    assert "TRES=cpu=2,mem=16000M,node=1,billing=2,gres/gpu=1,gres/gpu:1g.10gb=1" in mig["all"]
    assert (mig["NodeList"], mig["QOS"], mig["Partition"]) == ("mig01", "notebook", "mixed")
    a100 = tried(centre, anna, queue="mixed", gpu_type="a100", gpus=2, feature="milan")
    assert (a100["TresPerNode"], a100["Features"]) == ("gres:gpu:a100:2", "milan")
    assert (a100["CPUs/Task"], a100["MinMemoryNode"]) == ("16", "125G")
    half = tried(centre, anna, queue="mixed", gpu_type="3g.40gb")
    assert half["TresPerNode"] == "gres:gpu:3g.40gb:1"


def test_a_notebook_without_a_gpu_has_none_and_a_shared_one_a_shard(
    centre: RunningCentre, anna: Person
) -> None:
    none = tried(centre, anna, queue="mixed", gpus=0)
    assert (none["TresPerNode"], none["CPUs/Task"], none["MinMemoryNode"]) == ("", "2", "8000M")
    shared = tried(centre, anna, queue="jupyter")
    assert shared["TresPerNode"] == "gres:shard:1"


def test_the_queues_comment_variables_and_lines_reach_the_job(centre: RunningCentre, anna: Person) -> None:
    job = started(centre, anna, queue="mixed")
    script = centre.run(["scontrol", "write", "batch_script", job["JobId"], "-"], "a1113a01").stdout
    assert "\nexport OMP_NUM_THREADS=8\nulimit -c 0\n" in script
    anna.until("ready")
    assert job["Comment"] == "notebook a1113a01"
    environ = "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c ^OMP_NUM_THREADS=8"
    assert int(centre.run(["sh", "-c", environ], "a1113a01", check=False).stdout) > 0
    anna.stop()


def test_a_reservation_is_for_those_it_was_made_for(
    centre: RunningCentre, anna: Person, login: Login
) -> None:
    assert "none is for you now" in message(anna.start(queue="course"))
    terms = ("Users=a1113a01", "Nodes=mig01", "StartTime=now", "Duration=30")
    with reservation(centre, "course1", *terms):
        job = until_offered(centre, anna, queue="course")
        # ask_memory = false: nothing was asked for, so the partition's memory per CPU holds.
        assert (job["Reservation"], job["NodeList"]) == ("course1", "mig01")
        assert job["MinMemoryCPU"] == "4000M"
        named = tried(centre, anna, queue="mixed", reservation="course1")
        assert named["Reservation"] == "course1"
        berta = login("a1113a02")
        assert "There is no reservation “course1” for you" in message(
            berta.start(queue="mixed", reservation="course1")
        )


def until_offered(centre: RunningCentre, person: Person, **options: object) -> dict[str, str]:
    """Start a server as soon as the hub has looked at Slurm's reservations again."""
    deadline = time.monotonic() + 90
    while True:
        try:
            return tried(centre, person, **options)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)


def test_a_qos_of_another_project_is_refused_and_those_to_be_had_are_named(anna: Person) -> None:
    said = message(anna.start(queue="mixed", qos="long"))
    assert said.endswith("The QoS “long” is not one of yours for the queue “mixed”: notebook.")


def test_limits_of_the_qos_are_refused_before_the_queue(
    centre: RunningCentre, login: Login, empty: RunningCentre
) -> None:
    person = login("a1113a02")
    said = message(person.start(queue="mixed", hours=25))
    assert said.endswith("Your project or QoS allows jobs of at most 24 hours; 25 were asked for.")
    jobs = [
        centre.submit("a1113a02", "--partition=mixed", "--qos=notebook", "--gres=gpu:1g.10gb:1", "-c1")
        for _ in range(2)
    ]
    for job in jobs:
        centre.wait_for_job(job, "RUNNING")
    time.sleep(6)  # the hub lets pass on figures that are five seconds old
    said = message(person.start(queue="mixed"))
    assert said.endswith(
        "You have 2 of the 2 jobs that may run at once (QOS notebook): stop a server or a job first."
    )
    centre.run(["scancel", jobs[0]])
    centre.wait_for_job(jobs[0], "", "CANCELLED", "COMPLETING")
    # What has just ended does not count, though the last look at the queue still had it.
    job = tried(centre, person, queue="mixed")
    assert job["QOS"] == "notebook"
