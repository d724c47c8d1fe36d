from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm.records import Job, Node
from tests.queues.cluster import jobs_on, node, row, snapshot


def free_slots(nodes: Iterable[Node], jobs: Iterable[Job] = ()) -> int | None:
    return row(snapshot(nodes, jobs)).free_slots


def test_a_shared_node_has_the_slots_that_its_notebooks_leave() -> None:
    found = row(snapshot([node("gpu01", "MIXED", taken=6), node("gpu02")], jobs_on("gpu01", 3)))
    assert (found.free_slots, found.total_slots) == (17, 20)
    assert found.free_gpus is None


@pytest.mark.parametrize("state", ["CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING"])
def test_a_job_that_starts_pauses_or_ends_still_has_its_slot(state: str) -> None:
    assert free_slots([node("gpu01", "MIXED", taken=2)], jobs_on("gpu01", 1, state=state)) == 9


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "PENDING"])
def test_a_job_that_ended_or_waits_has_none(state: str) -> None:
    assert free_slots([node("gpu01")], jobs_on("gpu01", 1, state=state)) == 10


def test_a_full_node_that_slurm_calls_allocated_has_none_and_never_less() -> None:
    full = node("gpu01", "ALLOCATED", taken=20)
    assert free_slots([full], jobs_on("gpu01", 10)) == 0
    assert free_slots([full, node("gpu02")], jobs_on("gpu01", 12)) == 10


def test_notebooks_that_share_cpus_do_not_hide_free_slots() -> None:
    # OverSubscribe=FORCE:10 with one notebook's CPUs for all: 3 of 10 run, Slurm shows 2 CPUs taken.
    assert free_slots([node("gpu01", "MIXED", taken=2)], jobs_on("gpu01", 3)) == 7


def test_a_node_held_by_an_exclusive_job_of_another_queue_has_no_slots() -> None:
    held = node("gpu01", "MIXED", taken=1)
    assert free_slots([held, node("gpu02")], jobs_on("gpu01", 1, "v100")) == 10
    assert free_slots([held], jobs_on("gpu01", 1, "v100", "COMPLETING")) == 0


def test_a_job_beside_ours_takes_the_slots_whose_cpus_it_has() -> None:
    beside = [*jobs_on("gpu01", 2), *jobs_on("gpu01", 1, "other")]
    assert free_slots([node("gpu01", "MIXED", taken=4 + 8)], beside) == 4
    # A small one takes CPUs of slots nobody could have used.
    assert free_slots([node("gpu01", "MIXED", taken=4 + 1)], beside) == 7
    assert free_slots([node("gpu01", "MIXED", taken=20)], beside) == 0


def test_a_job_beside_ours_takes_the_slots_whose_gpu_it_has() -> None:
    beside = [*jobs_on("gpu01", 2), *jobs_on("gpu01", 1, "other")]
    assert free_slots([node("gpu01", "MIXED", taken=4 + 1, gpus_taken=1)], beside) == 3
    assert free_slots([node("gpu01", "MIXED", taken=4 + 1, gpus_taken=2)], beside) == 0


def test_jobs_that_slurm_does_not_show_us_are_seen_by_their_cpus() -> None:
    assert free_slots([node("gpu01", "ALLOCATED", taken=20)]) == 0
    assert free_slots([node("gpu01", "MIXED", taken=10)], jobs_on("gpu01", 1)) == 5


@given(st.integers(0, 20), st.integers(0, 2), st.integers(0, 12), st.integers(0, 2))
def test_one_more_notebook_never_frees_a_slot(taken: int, gpus: int, ours: int, others: int) -> None:
    nodes = [node("gpu01", "MIXED", taken=taken, gpus_taken=gpus if others else 0)]
    beside = jobs_on("gpu01", others, "other")
    before = free_slots(nodes, [*beside, *jobs_on("gpu01", ours)])
    after = free_slots(nodes, [*beside, *jobs_on("gpu01", ours + 1)])
    assert before is not None
    assert after is not None
    assert after <= before
