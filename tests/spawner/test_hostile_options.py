"""Hostile options, from what was sent to what sbatch is told: nothing changes but its own field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queues.policy import QueuePolicy, parse_policy
from queues.surroundings import fill_comment
from slurm.records import Partition
from spawner.as_user import sbatch_arguments
from spawner.options import Options, OptionsError, Request, Standing, from_form, parse, resolve
from spawner.script import DEFAULT_TEMPLATE, compose_prologue, render_script
from tests.spawner.hostile import HOSTILE, SHORT

POLICY: QueuePolicy = parse_policy(
    """
    [[queues]]
    name = "mixed"
    kind = "gpus"
    max_hours = 24
    default_hours = 2
    cpus = 2
    gpu_choices = [1, 2]
    reservations = true
    qos = ["normal", "long"]
    comment = "{username} {queue} {account} {interface} {hours} {gpus}"
    prologue = "module load cuda"

    [queues.environment]
    SITE = "a b"

    [[queues.gpu_types]]
    name = "a100"
    per_node = 4

    [[queues.gpu_types]]
    name = "v100"
    per_node = 2

    [[queues.features]]
    name = "milan"
    """
)
PARTITIONS = {"mixed": Partition("mixed")}
ASKER = Standing("a1113a01", frozenset(), frozenset({"proj01"}), "proj01")
FIELDS = tuple(Options.model_fields)
RIGHT: dict[str, Any] = {
    "queue": "mixed",
    "interface": "lab",
    "hours": 3,
    "gpus": 2,
    "account": "proj01",
    "gpu_type": "a100",
    "feature": "milan",
    "qos": "long",
}
# Which of sbatch's options each field may change; the comment repeats several.
MAY_CHANGE: dict[str, set[str]] = {
    "queue": {"--partition", "--comment"},
    "interface": {"--comment"},
    "hours": {"--time", "--comment"},
    "gpus": {"--gres", "--comment", "--cpus-per-task", "--mem"},
    "account": {"--account", "--comment"},
    "gpu_type": {"--gres", "--cpus-per-task", "--mem"},
    "feature": {"--constraint"},
    "qos": {"--qos"},
    "reservation": {"--reservation"},
    "environment": set(),
}


def arguments(request: Request) -> list[str]:
    """Say what sbatch would be told, by the helper's own words."""
    values = {
        "username": ASKER.user,
        "queue": request.queue.name,
        "account": request.account or "",
        "interface": request.interface,
        "hours": request.hours,
        "gpus": request.gpus or 0,
    }
    return sbatch_arguments(
        {
            "partition": request.queue.partition,
            "account": request.account,
            "minutes": request.hours * 60,
            "cpus": request.cpus,
            "memory_mb": request.memory_mb,
            "gres": request.gres,
            "exclusive": request.exclusive,
            "comment": fill_comment(request.queue.comment or "", values),
            "constraint": request.feature,
            "qos": request.qos,
            "reservation": request.reservation,
        }
    )


def script(request: Request) -> str:
    queue = request.queue
    return render_script(
        Path(DEFAULT_TEMPLATE),
        user=ASKER.user,
        queue=queue.name,
        command=["/usr/bin/python3", "/opt/launch.py"],
        umask="0077",
        prologue=compose_prologue("", queue.environment, queue.prologue),
    )


def ask(raw: dict[str, Any]) -> Request:
    return resolve(parse(raw, POLICY), POLICY, PARTITIONS, ASKER, {})  # no reservations


BASE_ARGUMENTS, BASE_SCRIPT = set(arguments(ask(RIGHT))), script(ask(RIGHT))


def answer(raw: dict[str, Any]) -> Request | OptionsError:
    try:
        return ask(raw)
    except OptionsError as refusal:
        return refusal


def check(field: str, raw: dict[str, Any]) -> bool:
    """Say whether it was let through; if it was, everything but its own field is as before."""
    request = answer(raw)
    if isinstance(request, OptionsError):
        # The sentence can be said, in spite of what may stand in it.
        assert request.sentence.msgid % dict(request.sentence.params)
        assert len(str(request)) < 1000
        return False
    assert script(request) == BASE_SCRIPT
    changed = {word.partition("=")[0] for word in BASE_ARGUMENTS ^ set(arguments(request))}
    assert changed <= MAY_CHANGE[field]
    return True


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_value_by_rest_changes_nothing_but_its_field(field: str) -> None:
    for value in HOSTILE:
        assert not check(field, {**RIGHT, field: value}), (field, str(value)[:40])


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_value_by_form_or_link_changes_nothing_but_its_field(field: str) -> None:
    right = {name: [str(value)] for name, value in RIGHT.items()}
    for text in [*SHORT, "x" * 65, "9" * 5000, "x" * 10_000_000]:
        assert not check(field, dict(from_form({**right, field: [text]}))), (field, text[:40])


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_comes_twice_is_refused(field: str) -> None:
    with pytest.raises(OptionsError, match=field):
        from_form({field: ["mixed", "--uid=0"]})


@pytest.mark.parametrize("name", [*SHORT, "script", "variables", "name", "cmd", "prologue", "uid", "Queue"])
def test_hostile_name_of_a_field_is_refused(name: str) -> None:
    for value in ("x", ["x"], {"a": 1}, None):
        with pytest.raises(OptionsError):
            ask({**RIGHT, name: value})


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(FIELDS), st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans()))
def test_any_value_changes_nothing_but_its_field(field: str, value: object) -> None:
    check(field, {**RIGHT, field: value})


def test_no_line_of_the_script_is_one_of_sbatchs(tmp_path: Path) -> None:
    # A prologue is shell, which sbatch does not read: it stops at the first line that is a command.
    odd = render_script(
        DEFAULT_TEMPLATE,
        user="a b\n#SBATCH --uid=0",
        queue="$(reboot)\n#SBATCH --uid=0",
        command=["/x y", "'; reboot; '", "#SBATCH --uid=0"],
        umask="0077",
        prologue="#SBATCH --uid=0",
    )
    before_first_command = odd[: odd.index("\nset -eu")]
    assert "#SBATCH" not in before_first_command
