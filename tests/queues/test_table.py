from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.policy import QueuePolicy, parse_policy
from queues.table import QueueRow, QueueTable, build_table
from slurm.records import Job, Node, Partition
from slurm.snapshot import Snapshot

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
POLICY = parse_policy(
    """
[[queues]]
name = "jupyter"
kind = "shared"
slots_per_node = 10
gres = "shard:1"
cpus = 2
max_hours = 24
[[queues]]
name = "v100"
kind = "exclusive"
gpus_per_node = 2
price = "1900"
max_hours = 48
[[queues]]
name = "secret"
kind = "exclusive"
max_hours = 48
hidden = true
"""
)
PARTITIONS = (
    Partition("jupyter"),
    Partition("v100", exclusive=True),
    Partition("other"),
    Partition("secret"),
)


def node(name: str, *states: str, taken: int = 0, gpus_taken: int = 0, queues: str = "jupyter v100") -> Node:
    return Node(
        name,
        frozenset(states or {"IDLE"}),
        partitions=tuple(queues.split()),
        cpus=20,
        cpus_allocated=taken,
        gpus={"v100": 2},
        gpus_allocated={"v100": gpus_taken},
        shards=10,
    )


def jobs_on(name: str, count: int, partition: str = "jupyter", state: str = "RUNNING") -> list[Job]:
    return [
        Job(f"{partition}-{name}-{i}-{state}", "n", "u", "proj01", partition, state, nodes=(name,))
        for i in range(count)
    ]


def pending(job_id: str, partition: str, reason: str = "Resources") -> Job:
    return Job(job_id, "n", "u", "proj01", partition, "PENDING", reason)


def snapshot(
    nodes: Iterable[Node] = (), jobs: Iterable[Job] = (), partitions: Iterable[Partition] = PARTITIONS
) -> Snapshot:
    return Snapshot(
        jobs={job.id: job for job in jobs},
        nodes={one.name: one for one in nodes},
        partitions={partition.name: partition for partition in partitions},
        jobs_at=NOW - timedelta(seconds=4),
        nodes_at=NOW - timedelta(seconds=9),
    )


def table(found: Snapshot, policy: QueuePolicy = POLICY) -> QueueTable:
    return build_table(policy, found, NOW, user="a1113a01", accounts=frozenset({"proj01"}))


def row(found: Snapshot, name: str = "jupyter") -> QueueRow:
    return next(one for one in table(found).rows if one.queue.name == name)


def free_slots(nodes: Iterable[Node], jobs: Iterable[Job] = ()) -> int | None:
    return row(snapshot(nodes, jobs)).free_slots


def test_user_sees_the_queues_of_the_policy_in_its_order_without_hidden_ones() -> None:
    assert [one.queue.name for one in table(snapshot()).rows] == ["jupyter", "v100"]


def test_a_node_in_two_queues_counts_in_both_and_once_in_the_totals() -> None:
    found = table(
        snapshot(
            [
                node("gpu01"),
                node("gpu02", "MIXED"),
                node("gpu03", "ALLOCATED"),
                node("gpu04", "IDLE", "DRAIN"),
                node("gpu05", "DOWN", queues="v100"),
                node("hidden01", queues="secret"),
                node("foreign01", queues="other"),
            ]
        )
    )
    jupyter, v100 = found.rows
    assert (jupyter.alloc, jupyter.idle, jupyter.down, jupyter.total) == (2, 1, 1, 4)
    assert (v100.alloc, v100.idle, v100.down, v100.total) == (2, 1, 2, 5)
    totals = found.totals
    assert totals is not None
    assert (totals.alloc, totals.idle, totals.down, totals.total) == (2, 1, 2, 5)
    assert totals.gpus_by_type == {"v100": 10}


def test_gpus_are_counted_by_type_over_unlike_nodes() -> None:
    plain = Node("gpu09", frozenset({"IDLE"}), ("v100",), gpus={"": 4})
    mixed = Node("gpu10", frozenset({"IDLE"}), ("v100",), gpus={"v100": 1, "a100": 1})
    found = row(snapshot([node("gpu01"), plain, mixed]), "v100")
    assert found.gpus_by_type == {"": 4, "a100": 1, "v100": 3}
    assert (found.free_gpus, found.total_gpus) == (8, 8)


@pytest.mark.parametrize("state", ["DOWN", "DRAIN", "NOT_RESPONDING", "RESERVED", "MAINT", "PLANNED"])
def test_nobody_is_promised_a_node_that_cannot_be_had(state: str) -> None:
    found = snapshot([node("gpu01", "IDLE", state)])
    assert row(found).idle == 0
    assert row(found).free_slots == 0
    assert row(found, "v100").free_gpus == 0
    assert row(found, "v100").total_gpus == 2


def test_only_idle_nodes_have_free_gpus_on_an_exclusive_queue() -> None:
    found = row(snapshot([node("gpu01"), node("gpu02", "MIXED"), node("gpu03", "ALLOCATED")]), "v100")
    assert (found.free_gpus, found.total_gpus) == (2, 6)
    assert (found.free_slots, found.total_slots) == (None, None)


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


def test_waiting_counts_everybody_who_waits_for_the_partition() -> None:
    waiting = [
        pending("1", "jupyter"),
        pending("2", "jupyter", "JobHeldUser"),
        pending("3", "v100,jupyter"),
        pending("4", "v100"),
        *jobs_on("gpu01", 2),
        *jobs_on("gpu01", 1, state="CONFIGURING"),
    ]
    found = table(snapshot([node("gpu01", "MIXED")], waiting))
    assert [one.waiting for one in found.rows] == [3, 2]


def test_a_partition_that_is_down_has_nothing_free_and_says_so() -> None:
    closed = [Partition("jupyter", up=False), Partition("v100", up=False, exclusive=True)]
    found = table(snapshot([node("gpu01")], partitions=closed))
    assert [one.idle for one in found.rows] == [1, 1]
    assert (found.rows[0].free_slots, found.rows[0].total_slots) == (0, 10)
    assert (found.rows[1].free_gpus, found.rows[1].total_gpus) == (0, 2)
    assert all("partition is down" in str(one.why_not) for one in found.rows)


def test_a_queue_whose_partition_is_gone_stays_and_says_so() -> None:
    found = table(snapshot([node("gpu01")], partitions=[Partition("v100", exclusive=True)]))
    gone, there = found.rows
    assert str(gone.why_not) == "Slurm has no partition “jupyter”."
    assert (gone.total, gone.idle, gone.free_slots, gone.total_slots) == (None, None, None, None)
    assert (there.total, there.allowed) == (1, True)
    assert found.totals is not None
    assert found.totals.total == 1


def test_the_smaller_time_limit_is_shown() -> None:
    limited = [Partition("jupyter", max_time=timedelta(hours=8)), Partition("v100")]
    assert [one.max_hours for one in table(snapshot(partitions=limited)).rows] == [8, 48]


def test_before_slurm_ever_answered_the_table_stands_without_numbers() -> None:
    found = table(Snapshot(problem="squeue: Unable to contact slurm controller"))
    assert (found.as_of, found.age_s, found.totals) == (None, None, None)
    assert found.problem == "squeue: Unable to contact slurm controller"
    for one in found.rows:
        numbers = {one.alloc, one.idle, one.down, one.total, one.waiting, one.free_slots, one.free_gpus}
        assert numbers == {None}
        assert one.allowed
    assert [one.max_hours for one in found.rows] == [24, 48]


def test_without_the_jobs_free_slots_are_not_guessed() -> None:
    seen = snapshot([node("gpu01")])
    found = table(Snapshot(nodes=seen.nodes, partitions=seen.partitions, nodes_at=NOW))
    assert (found.rows[0].free_slots, found.rows[0].total_slots, found.rows[0].waiting) == (None, 10, None)
    assert found.rows[1].free_gpus == 2


def test_the_age_is_that_of_the_oldest_figure() -> None:
    found = table(snapshot())
    assert (found.as_of, found.age_s) == (NOW - timedelta(seconds=9), 9.0)


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    ahead = Snapshot(nodes_at=NOW + timedelta(hours=1), jobs_at=NOW + timedelta(hours=1))
    assert table(ahead).age_s == 0.0


def test_a_user_without_a_project_is_told_before_he_submits() -> None:
    found = build_table(POLICY, snapshot(), NOW, user="nouse01", accounts=frozenset())
    assert found.note is not None
    assert all(one.allowed for one in found.rows)
    assert table(snapshot()).note is None


def test_looking_changes_nothing_that_others_see() -> None:
    found = row(snapshot([node("gpu01")]))
    assert isinstance(found.gpus_by_type, MappingProxyType)


STATES = st.frozensets(
    st.sampled_from(
        [
            *("IDLE", "MIXED", "ALLOCATED", "COMPLETING", "DOWN", "DRAIN", "FAIL", "UNKNOWN", "FUTURE"),
            *("NOT_RESPONDING", "RESERVED", "MAINT", "PLANNED", "POWERED_DOWN", "POWERING_UP", "BLOCKED"),
            *("POWERING_DOWN", "REBOOT_REQUESTED", "INVALID_REG", "A_LATER_VERSIONS_WORD"),
        ]
    )
)
NODES = st.lists(
    st.builds(
        Node,
        name=st.integers(1, 12).map(lambda n: f"gpu{n:02}"),
        states=STATES,
        partitions=st.sampled_from([(), ("jupyter",), ("v100",), ("v100", "jupyter"), ("secret", "other")]),
        cpus=st.integers(0, 64),
        cpus_allocated=st.integers(0, 80),
        gpus=st.dictionaries(st.sampled_from(["", "v100", "a100"]), st.integers(0, 8)),
        gpus_allocated=st.dictionaries(st.sampled_from(["", "v100", "a100"]), st.integers(0, 8)),
    )
)
JOBS = st.lists(
    st.builds(
        Job,
        id=st.integers(1, 99).map(str),
        name=st.just("n"),
        user=st.just("u"),
        account=st.just("a"),
        partition=st.sampled_from(["jupyter", "v100", "other", "gone", "jupyter,v100"]),
        state=st.sampled_from(
            ["PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "COMPLETED", "NEW_WORD", ""]
        ),
        nodes=st.lists(st.integers(1, 14).map(lambda n: f"gpu{n:02}"), max_size=3).map(tuple),
    )
)


@given(NODES, JOBS)
def test_figures_always_add_up_whatever_slurm_says(nodes: list[Node], jobs: list[Job]) -> None:
    found = table(snapshot(nodes, jobs))
    jupyter, v100 = found.rows
    for one in found.rows:
        assert None not in (one.alloc, one.idle, one.down)
        assert (one.alloc or 0) + (one.idle or 0) + (one.down or 0) == one.total
    assert jupyter.free_slots is not None
    assert 0 <= jupyter.free_slots <= (jupyter.total_slots or 0)
    assert v100.free_gpus is not None
    assert 0 <= v100.free_gpus <= (v100.total_gpus or 0)
    shown = {one.name for one in nodes if {"jupyter", "v100"} & set(one.partitions)}
    kept = {one.name: one for one in nodes}
    assert found.totals is not None
    assert found.totals.total == sum(1 for name in shown if {"jupyter", "v100"} & set(kept[name].partitions))
    assert found.totals.total <= (jupyter.total or 0) + (v100.total or 0)


@given(st.integers(0, 20), st.integers(0, 2), st.integers(0, 12), st.integers(0, 2))
def test_one_more_notebook_never_frees_a_slot(taken: int, gpus: int, ours: int, others: int) -> None:
    nodes = [node("gpu01", "MIXED", taken=taken, gpus_taken=gpus if others else 0)]
    beside = jobs_on("gpu01", others, "other")
    before = free_slots(nodes, [*beside, *jobs_on("gpu01", ours)])
    after = free_slots(nodes, [*beside, *jobs_on("gpu01", ours + 1)])
    assert before is not None
    assert after is not None
    assert after <= before
