"""The doctor says what a policy file offers that Slurm does not have."""

from hpchub.findings import Finding, Level
from queues.checks import checks, compare
from queues.policy import parse_policy
from slurm.records import Node, Partition

NODES = [
    Node("gpu01", frozenset({"IDLE"}), ("mixed",), gpus={"v100": 2}, features=frozenset({"skylake"})),
    Node("mig01", frozenset({"IDLE"}), ("mixed",), gpus={"1g.10gb": 7}, features=frozenset({"milan"})),
]
GOOD = """
[[queues]]
name = "mixed"
kind = "gpus"
max_hours = 24
qos = ["notebook"]
[[queues.gpu_types]]
name = "v100"
per_node = 2
[[queues.features]]
name = "milan"
"""


def found(text: str, qos: frozenset[str] | None = frozenset({"notebook", "normal"})) -> list[Finding]:
    partition = Partition("mixed", allow_qos=frozenset({"notebook"}))
    return list(compare(parse_policy(text), {"mixed": partition}, NODES, qos))


def faults(text: str) -> list[tuple[str, str]]:
    return [(one.seen, one.do) for one in found(text) if one.level is Level.FAULT]


def test_a_queue_that_slurm_can_serve_is_in_order() -> None:
    assert found(GOOD) == [Finding("queues", "mixed", Level.OK, "partition mixed, 2 nodes")]
    assert [one.level for one in found(GOOD, None)] == [Level.OK]


def test_everything_that_slurm_does_not_have_is_named_with_what_it_has() -> None:
    assert faults(GOOD.replace('"mixed"', '"mixt"')) == [
        ("Slurm has no partition mixt", "write one of mixed")
    ]
    assert faults(GOOD.replace("v100", "h100")) == [
        (
            "no node has GPUs of the type h100",
            "write one of its nodes' types (1g.10gb, v100), or leave it out",
        )
    ]
    assert faults(GOOD.replace("per_node = 2", "per_node = 4")) == [
        ("per_node of v100 is 4, and a node has 2 of them at most", "write per_node = 2")
    ]
    assert faults(GOOD.replace("milan", "rome")) == [
        ("no node has the feature rome", "write one of its nodes' features (milan, skylake), or leave it out")
    ]
    assert faults(GOOD.replace("notebook", "gold")) == [
        ("Slurm has no QoS gold", "write one of its QoS (normal, notebook), or leave it out")
    ]
    assert faults(GOOD.replace("notebook", "normal")) == [
        ("its partition does not take the QoS normal", "write one that it takes (notebook), or leave it out")
    ]
    text = '[[queues]]\nname = "mixed"\nkind = "exclusive"\nmax_hours = 2\ngpus_per_node = 8'
    assert faults(text) == [("gpus_per_node is 8, and a node has 7 GPUs at most", "write gpus_per_node = 7")]


def test_a_policy_file_with_faults_is_told_line_by_line(tmp_path: object) -> None:
    from pathlib import Path

    from hpchub.configuration import load

    folder = Path(str(tmp_path))
    (folder / "queues.toml").write_text(GOOD.replace("24", "0") + "colour = 1\n")
    queues_file = f"c.SlurmGPUSpawner.queues_file = '{folder}/queues.toml'\n"
    (folder / "hub.py").write_text(queues_file)
    assert list(checks(load(folder / "hub.py"))) == [], "this hub has another spawner"
    spawner_class = "c.JupyterHub.spawner_class = 'spawner.SlurmGPUSpawner'\n"
    (folder / "hub.py").write_text(spawner_class + queues_file)
    said = list(checks(load(folder / "hub.py")))
    assert [one.level for one in said] == [Level.FAULT, Level.FAULT]
    assert "max_hours: 0 will not do" in said[0].seen
