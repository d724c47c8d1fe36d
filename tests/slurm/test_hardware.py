from datetime import timedelta
from pathlib import Path

import pytest

from slurm.errors import SlurmNotUnderstood
from slurm.gres import parse_gres, parse_tres
from slurm.hardware import parse_nodes, parse_partitions
from slurm.records import Node, Partition
from slurm.states import NodeUse, node_use

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def nodes() -> dict[str, Node]:
    found, strange = parse_nodes((DATA / "nodes.txt").read_text())
    assert strange == []
    return {node.name: node for node in found}


def test_a_real_answer_is_read_whole(nodes: dict[str, Node]) -> None:
    assert nodes["gpu03"] == Node(
        name="gpu03",
        states=frozenset({"ALLOCATED"}),
        partitions=("jupyter", "cas_v100_2"),
        cpus=20,
        cpus_allocated=20,
        memory_mb=384000,
        gpus={"v100": 2},
        gpus_allocated={"v100": 2},
        shards=10,
        shards_allocated=0,
    )
    assert nodes["bigmem01"].gpus == nodes["bigmem01"].gpus_allocated == {}


def test_every_node_is_in_its_column(nodes: dict[str, Node]) -> None:
    columns = {use: sorted(n.name for n in nodes.values() if node_use(n) is use) for use in NodeUse}
    assert columns == {
        NodeUse.ALLOC: ["bigmem01", "gpu02", "gpu03", "gpu04", "gpu07"],
        NodeUse.IDLE: ["gpu05", "gpu06", "gpu10"],
        NodeUse.DOWN: ["gpu01", "gpu08", "gpu09", "gpu11"],
    }


def test_shards_are_counted_where_gresused_counts_too_few(nodes: dict[str, Node]) -> None:
    """On gpu02 two notebooks run, and GresUsed says shard:v100:1."""
    assert nodes["gpu02"].shards_allocated == 2


def test_an_operators_reason_does_not_pass_for_hardware(nodes: dict[str, Node]) -> None:
    assert nodes["gpu01"].reason == "fan | broken Gres=gpu:h200:9 soon"
    assert nodes["gpu01"].gpus == {"v100": 2}
    (node,), _ = parse_nodes(
        "NodeName=n1 State=DOWN Reason=lost its Gres=gpu:9 and Partitions=a [root@now]\n"
    )
    assert (node.gpus, node.partitions) == ({}, ())


@pytest.mark.parametrize(
    ("gres", "used", "cfg", "alloc", "have", "allocated"),
    [
        ("gpu:4", "gpu:3(IDX:0-2)", "cpu=8,gres/gpu=4", "cpu=6,gres/gpu=3", {"": 4}, {"": 3}),
        (
            "gpu:v100:2",
            "",
            "gres/gpu=2,gres/gpu:v100=2",
            "gres/gpu=1,gres/gpu:v100=1",
            {"v100": 2},
            {"v100": 1},
        ),
        ("gpu:v100:2", "", "gres/gpu=2", "gres/gpu=2", {"v100": 2}, {"v100": 2}),
        ("gpu:v100:2", "gpu:v100:1(IDX:0)", "cpu=8", "cpu=4", {"v100": 2}, {"v100": 1}),
        ("gpu:v100:2", "", "cpu=8", "cpu=4", {"v100": 2}, {"v100": 0}),
        (
            "gpu:a100:2,gpu:h200:4(S:0-1)",
            "gpu:a100:0(IDX:N/A),gpu:h200:2(IDX:0,3)",
            "gres/gpu=6",
            "gres/gpu=2",
            {"a100": 2, "h200": 4},
            {"a100": 0, "h200": 2},
        ),
        ("gpu:1g.10gb:28", "gpu:1g.10gb:5(IDX:0-4)", "", "", {"1g.10gb": 28}, {"1g.10gb": 5}),
        ("gpu:4(S:0-1)", "gpu:(null):2(IDX:0-1)", "", "", {"": 4}, {"": 0}),
        (
            "gpu:1g.10gb:14(S:0),gpu:2g.20gb:4(S:1)",
            "gpu:1g.10gb:5(IDX:0-4),gpu:2g.20gb:0(IDX:N/A)",
            "gres/gpu=18,gres/gpu:1g.10gb=14,gres/gpu:2g.20gb=4",
            "gres/gpu=5,gres/gpu:1g.10gb=5",
            {"1g.10gb": 14, "2g.20gb": 4},
            {"1g.10gb": 5, "2g.20gb": 0},
        ),
        ("(null)", "gpu:0,shard:0", "cpu=8", "", {}, {}),
    ],
)
def test_gpus_are_counted_by_type_and_never_twice(
    gres: str, used: str, cfg: str, alloc: str, have: dict[str, int], allocated: dict[str, int]
) -> None:
    line = f"NodeName=n1 CPUTot=8 Gres={gres} GresUsed={used} State=MIXED CfgTRES={cfg} AllocTRES={alloc} \n"
    (node,), _ = parse_nodes(line)
    assert (dict(node.gpus), dict(node.gpus_allocated)) == (have, allocated)


def test_a_node_without_details_is_read_all_the_same() -> None:
    (node,), _ = parse_nodes(
        "NodeName=n1 State=IDLE* Gres=gpu:2 Partitions=a Reason=Not responding [slurm@2026-01-01]\n"
    )
    assert (node.states, node.gpus_allocated, node.reason) == (
        {"IDLE", "NOT_RESPONDING"},
        {"": 0},
        "Not responding",
    )


def test_a_comment_after_the_reason_is_not_part_of_it() -> None:
    (node,), _ = parse_nodes("NodeName=n1 State=DOWN Reason=a [b] c [root@now] Comment=x Extra=y\n")
    assert node.reason == "a [b] c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu:v100:2(S:0-1),shard:10", {"gpu": {"v100": 2}, "shard": {"": 10}}),
        ("gpu:h200:4,shard:h200:40", {"gpu": {"h200": 4}, "shard": {"h200": 40}}),
        ("gpu:tesla:2(IDX:0,2),shard:10(5/5,0/5)", {"gpu": {"tesla": 2}, "shard": {"": 10}}),
        ("gpu", {"gpu": {"": 1}}),
        ("gpu:no_consume:4,lustre:2K", {"gpu": {"": 4}, "lustre": {"": 2048}}),
        ("(null)", {}),
        ("", {}),
    ],
)
def test_gres_is_read_in_all_its_forms(text: str, expected: dict[str, dict[str, int]]) -> None:
    assert parse_gres(text) == expected


@pytest.mark.parametrize("text", ["gpu:many", "gpu:v100:2(S:0-1"])
def test_gres_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"count|brackets"):
        parse_gres(text)


def test_tres_keeps_the_total_apart_from_the_types() -> None:
    text = "cpu=2,mem=4G,billing=2,gres/gpu=2,gres/gpu:v100=2,gres/shard=1"
    assert parse_tres(text) == {"gpu": {"": 2, "v100": 2}, "shard": {"": 1}}
    assert parse_tres("") == {}


def test_partitions_say_who_may_use_them_and_how_long() -> None:
    found, strange = parse_partitions((DATA / "partitions.txt").read_text())
    assert strange == []
    assert [p.name for p in found] == ["jupyter", "cas_v100_2", "amd_a100_4", "bigmem"]
    assert found[3] == Partition(
        name="bigmem",
        up=True,
        nodes=("bigmem01",),
        max_time=timedelta(days=2),
        default_time=timedelta(hours=1),
        allow_accounts=frozenset({"proj02"}),
        exclusive=True,
    )
    assert (found[0].exclusive, found[0].nodes) == (False, ("gpu01", "gpu02", "gpu03", "gpu04", "gpu05"))


def test_a_partition_that_is_closed_unlimited_and_choosy() -> None:
    (partition,), _ = parse_partitions(
        "PartitionName=p AllowGroups=g1,g2 DenyAccounts=bad,worse AllowQos=high DefaultTime=NONE "
        "MaxTime=UNLIMITED Nodes=(null) OverSubscribe=FORCE:10 State=DOWN TotalCPUs=0\n"
    )
    assert partition == Partition(
        name="p",
        up=False,
        allow_groups=frozenset({"g1", "g2"}),
        allow_accounts=None,
        allow_qos=frozenset({"high"}),
        deny_accounts=frozenset({"bad", "worse"}),
    )


def test_a_centre_without_nodes_is_an_answer() -> None:
    assert parse_nodes("No nodes in the system\n") == ([], [])


@pytest.mark.parametrize("text", ["", "\n", "NodeName=n1 State=IDLE\nNodeName=n2 Sta"])
def test_an_empty_or_cut_answer_is_no_centre_without_nodes(text: str) -> None:
    with pytest.raises(SlurmNotUnderstood, match=r"said nothing|ended amid"):
        parse_nodes(text)


def test_features_are_those_that_are_switched_on() -> None:
    texts = {
        "AvailableFeatures=fast,nvlink ActiveFeatures=fast": {"fast"},
        "AvailableFeatures=(null) ActiveFeatures=(null)": set(),
        "Features=fast,nvlink": {"fast", "nvlink"},  # Slurm 16
        "": set(),
    }
    for text, features in texts.items():
        (node,), _ = parse_nodes(f"NodeName=n1 {text} State=IDLE\n")
        assert node.features == features


@pytest.mark.parametrize(
    ("text", "qos"), [("QoS=short", "short"), ("QoS=N/A", ""), ("QoS=(null)", ""), ("", "")]
)
def test_a_partition_may_have_a_qos_of_its_own(text: str, qos: str) -> None:
    (partition,), _ = parse_partitions(f"PartitionName=p {text} State=UP\n")
    assert partition.qos == qos


def test_one_strange_line_hides_one_node_and_only_strange_lines_are_an_error() -> None:
    found, strange = parse_nodes(
        "NodeName=n1 State=IDLE\nNodeName=n2 State=IDLE Gres=gpu:x\nNodeName=n3 State=IDLE\n"
    )
    assert ([node.name for node in found], len(strange)) == (["n1", "n3"], 1)
    with pytest.raises(SlurmNotUnderstood, match="welcome"):
        parse_nodes("welcome to the login node\n")
