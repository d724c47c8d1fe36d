from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.table import build_table
from slurm.records import Job, Node, Partition
from slurm.snapshot import Snapshot
from tests.queues.cluster import NOW, POLICY, jobs_on, node, pending, row, snapshot, table


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
