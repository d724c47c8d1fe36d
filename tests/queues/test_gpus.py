"""Free GPUs where notebooks share nodes: by type, with MIG, beside shards, and without any GPU."""

from collections.abc import Mapping

import pytest

from queues.policy import QueuePolicy, parse_policy
from queues.table import QueueRow, build_table
from slurm.hardware import parse_nodes
from slurm.records import Association, Node, Partition, Reservation
from slurm.snapshot import Snapshot
from tests.queues.cluster import NOW, snapshot

MIXED = """
[[queues]]
name = "mixed"
kind = "gpus"
max_hours = 24
cpus_per_gpu = 8
"""
TYPES = """
[[queues.gpu_types]]
name = "a100"
per_node = 4
[[queues.gpu_types]]
name = "1g.10gb"
per_node = 7
cpus_per_gpu = 1
"""
HALF = """
NodeName=gpu11 State=MIXED CPUTot=64 CPUAlloc=16 Gres=gpu:a100:4 Partitions=mixed RealMemory=1 CfgTRES=cpu=64,gres/gpu=4,gres/gpu:a100=4 AllocTRES=cpu=16,gres/gpu=1,gres/gpu:a100=1
NodeName=mig01 State=MIXED CPUTot=16 CPUAlloc=3 Gres=gpu:1g.10gb:7,gpu:3g.40gb:2 Partitions=mixed RealMemory=1 CfgTRES=cpu=16,gres/gpu=9,gres/gpu:1g.10gb=7,gres/gpu:3g.40gb=2 AllocTRES=cpu=3,gres/gpu=4,gres/gpu:1g.10gb=3,gres/gpu:3g.40gb=1
"""  # noqa: E501


def nodes(text: str) -> list[Node]:
    found, strange = parse_nodes(text.strip() + "\n")
    assert not strange
    return found


def row(
    policy: str, found: list[Node], *, up: bool = True, partitions: tuple[str, ...] = ("mixed",)
) -> QueueRow:
    shot = snapshot(found, partitions=[Partition(name, up=up) for name in partitions])
    return rows(parse_policy(policy), shot)[0]


def rows(policy: QueuePolicy, shot: Snapshot, **who: object) -> tuple[QueueRow, ...]:
    asker: Mapping[str, object] = {"user": "a1113a01", "accounts": frozenset({"proj01"}), **who}
    return build_table(policy, shot, NOW, **asker).rows  # type: ignore[arg-type]


def test_free_gpus_are_those_that_nobody_has_by_type() -> None:
    found = row(MIXED + TYPES, nodes(HALF))
    assert found.gpus_by_type == {"1g.10gb": 7, "3g.40gb": 2, "a100": 4}
    assert found.free_by_type == {"1g.10gb": 4, "a100": 3}
    assert (found.free_gpus, found.total_gpus) == (7, 11)
    assert (found.alloc, found.idle, found.down, found.total) == (2, 0, 0, 2)


def test_a_queue_that_names_no_types_counts_gpus_of_all_types() -> None:
    found = row(MIXED.replace("8", "1") + "gpus_per_node = 4", nodes(HALF))
    assert found.free_by_type == {"1g.10gb": 4, "3g.40gb": 1, "a100": 3}


def test_an_untyped_gpu_counts_like_any_other() -> None:
    text = "NodeName=n1 State=IDLE CPUTot=64 CPUAlloc=0 Gres=gpu:4 Partitions=mixed"
    found = row(MIXED + "gpus_per_node = 4", nodes(text))
    assert (found.free_by_type, found.free_gpus, found.total_gpus) == ({"": 4}, 4, 4)


def test_a_gpu_without_cpus_beside_it_is_not_free() -> None:
    text = "NodeName=n1 State=MIXED CPUTot=64 CPUAlloc=44 Gres=gpu:a100:4 Partitions=mixed"
    assert row(MIXED + TYPES, nodes(text)).free_by_type == {"a100": 2}
    full = text.replace("44", "64").replace("MIXED", "ALLOCATED")
    assert row(MIXED + TYPES, nodes(full)).free_by_type == {"a100": 0}


def test_a_gpu_that_holds_shards_cannot_be_had_whole() -> None:
    text = (
        "NodeName=gpu05 State=MIXED CPUTot=20 CPUAlloc=2 Gres=gpu:v100:2,shard:v100:10 Partitions=mixed "
        "CfgTRES=cpu=20,gres/gpu=2,gres/gpu:v100=2,gres/shard=10 AllocTRES=cpu=2,gres/shard={}"
    )
    queue = MIXED + "gpus_per_node = 2"
    free = [row(queue, nodes(text.format(shards))).free_gpus for shards in (0, 1, 5, 6, 10)]
    assert free == [2, 1, 1, 0, 0]


@pytest.mark.parametrize("state", ["DOWN", "IDLE+DRAIN", "MIXED+RESERVED", "IDLE+PLANNED", "IDLE*"])
def test_no_gpu_is_free_on_a_node_that_cannot_be_had(state: str) -> None:
    text = f"NodeName=n1 State={state} CPUTot=64 CPUAlloc=0 Gres=gpu:a100:4 Partitions=mixed"
    found = row(MIXED + TYPES, nodes(text))
    assert (found.free_gpus, found.total_gpus) == (0, 4)


def test_a_partition_that_is_down_has_no_free_gpu() -> None:
    found = row(MIXED + TYPES, nodes(HALF), up=False)
    assert (found.free_by_type, found.free_gpus, found.total_gpus) == ({"1g.10gb": 0, "a100": 0}, 0, 11)


def test_a_queue_without_gpus_counts_places_for_notebooks() -> None:
    text = """
NodeName=n1 State=MIXED CPUTot=48 CPUAlloc=9 Gres=(null) Partitions=mixed
NodeName=n2 State=DOWN CPUTot=48 CPUAlloc=0 Gres=(null) Partitions=mixed
"""
    found = row(MIXED.replace("cpus_per_gpu = 8", "cpus = 4"), nodes(text))
    assert (found.free_slots, found.total_slots) == (9, 24)
    assert (found.free_gpus, found.total_gpus, found.free_by_type) == (None, 0, {})


def test_whole_nodes_show_their_free_gpus_by_type_too() -> None:
    text = HALF.replace("State=MIXED CPUTot=64 CPUAlloc=16", "State=IDLE CPUTot=64 CPUAlloc=0")
    types = TYPES.replace("cpus_per_gpu = 1", "")
    found = row('[[queues]]\nname = "mixed"\nkind = "exclusive"\nmax_hours = 2' + types, nodes(text))
    assert found.free_by_type == {"1g.10gb": 0, "3g.40gb": 0, "a100": 4}
    assert found.free_gpus == 4


def test_before_slurm_ever_answered_nothing_is_said_of_gpus() -> None:
    found = rows(parse_policy(MIXED + TYPES), Snapshot(problem="down"))[0]
    assert (found.free_gpus, found.total_gpus, found.free_by_type, found.why_not) == (None, None, {}, None)


def test_a_queue_for_a_course_opens_to_those_whom_its_reservation_is_for() -> None:
    policy = parse_policy(MIXED + 'reservations = "required"')
    course = Reservation("course", nodes=("mig01",), users=frozenset({"a1113a01"}))
    partition = Partition("mixed", nodes=("gpu11", "mig01"))
    shot = snapshot(nodes(HALF), partitions=[partition])
    with_one = Snapshot(
        nodes=shot.nodes, partitions=shot.partitions, nodes_at=NOW, reservations={"course": course}
    )
    assert rows(policy, with_one)[0].allowed
    assert "none is for you now" in str(rows(policy, with_one, user="a1113a02")[0].why_not)
    assert "none is for you now" in str(rows(policy, shot)[0].why_not)
    assert rows(policy, Snapshot())[0].allowed


def test_a_queue_says_which_qos_it_takes_to_whom_has_none_of_them() -> None:
    policy = parse_policy(MIXED + 'qos = ["long", "vip"]')
    mine = (Association("a1113a01", "proj01", None, ("normal",), default=True),)
    shot = snapshot(nodes(HALF), partitions=[Partition("mixed", allow_qos=frozenset({"normal", "long"}))])
    assert str(rows(policy, shot, associations=mine)[0].why_not) == (
        "This queue takes only jobs with the QoS long, and you have normal."
    )
    other = (Association("a1113a01", "proj01", "other", ("normal",)),)
    assert rows(policy, shot, associations=other)[0].allowed
    assert rows(policy, shot, associations=(Association("u", "proj01", "mixed", ("long",)),))[0].allowed
