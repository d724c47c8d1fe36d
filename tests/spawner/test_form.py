"""What the spawn form shows first, and what it says when Slurm is slow."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queues.policy import parse_policy
from queues.table import QueueTable, build_table
from slurm.records import Job, Partition
from slurm.snapshot import Snapshot
from spawner import form
from spawner.form import first_choices
from spawner.options import Options, Standing
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
POLICY = parse_policy(
    """
    [[queues]]
    name = "staff"
    kind = "exclusive"
    max_hours = 4
    allowed_groups = ["hpcadmins"]

    [[queues]]
    name = "jupyter"
    kind = "shared"
    slots_per_node = 10
    max_hours = 24
    default_hours = 8

    [[queues]]
    name = "cas_v100_2"
    kind = "exclusive"
    price = "1000"
    max_hours = 48
    """
)
MEMBER = Standing("a1113a01", frozenset(), frozenset({"proj01"}), "proj01")


def table(**limits: timedelta) -> QueueTable:
    partitions = {one.name: Partition(one.name, max_time=limits.get(one.name)) for one in POLICY.queues}
    snapshot = Snapshot(partitions=partitions, nodes_at=NOW, jobs_at=NOW)
    return build_table(POLICY, snapshot, NOW, user="a1113a01", accounts=MEMBER.accounts)


def chosen(options: dict[str, Any], **limits: timedelta) -> dict[str, Any]:
    return first_choices(table(**limits), MEMBER, options)


def test_first_queue_that_the_user_may_use_is_chosen_with_its_usual_hours() -> None:
    first = chosen({})
    assert (first["queue"], first["hours"], first["account"]) == ("jupyter", 8, "proj01")


def test_last_options_are_offered_again() -> None:
    first = chosen({"queue": "cas_v100_2", "hours": 30, "interface": "lab"})
    assert (first["queue"], first["hours"], first["interface"]) == ("cas_v100_2", 30, "lab")


def test_queue_that_was_closed_since_is_not_offered_with_its_hours() -> None:
    first = chosen({"queue": "staff", "hours": 4})
    assert (first["queue"], first["hours"]) == ("jupyter", 8)


def test_usual_hours_never_exceed_what_slurm_allows() -> None:
    assert chosen({}, jupyter=timedelta(hours=2))["hours"] == 2


def test_what_a_link_says_beyond_the_options_is_not_shown() -> None:
    assert set(chosen({"queue": "jupyter", "onload": "x"})) == set(Options.model_fields)


@pytest.mark.parametrize("nonsense", [["jupyter"], {"a": 1}, True, None, 1.5, "x" * 65])
def test_what_fits_into_no_field_is_not_shown(nonsense: object) -> None:
    first = chosen({"queue": nonsense, "gpu_type": nonsense, "hours": nonsense})
    assert (first["queue"], first["gpu_type"], first["hours"]) == ("jupyter", None, 8)


def test_choices_of_a_queue_that_is_closed_do_not_go_to_another() -> None:
    first = chosen({"queue": "staff", "gpus": 2, "feature": "nvme", "interface": "lab"})
    assert (first["gpus"], first["feature"], first["interface"]) == (None, None, "lab")


class SlowSlurm(ScriptedSlurm):
    async def jobs(self) -> dict[str, Job]:
        await asyncio.sleep(0.3)
        return await super().jobs()


async def test_page_that_comes_without_slurms_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "PATIENCE", 0.05)
    monitor = monitor_of(SlowSlurm(job()))
    assert (await form.fresh_figures(monitor)).problem == "no answer within 0 seconds"
    await monitor.look_jobs(0)
    monkeypatch.setattr(form, "PATIENCE", 5)
    assert (await form.fresh_figures(monitor)).problem is None
    await monitor.close()
