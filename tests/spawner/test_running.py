"""What a server's card says, from literal records of jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slurm.monitor import JobView, Snapshot
from slurm.states import JobPhase, phase
from spawner.running import Facts, facts
from spawner.ticket import Ticket
from tests.spawner.scripted import job

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NAME = "hpchub/u/default/1"


def card(state: str = "RUNNING", *, ready: bool = True, left: int | None = 60, **more: Any) -> Facts:
    """Give the facts of a job in a state, with so many minutes left."""
    words: dict[str, Any] = {
        "nodes": () if state == "PENDING" else ("gpu03",),
        "started": NOW - timedelta(hours=1),
        "ends": None if left is None else NOW + timedelta(minutes=left),
        "submitted": NOW - timedelta(hours=2),
        "cpus": 4,
        "memory_mb": 8192,
        "gpus": 2,
        **more,
    }
    view = JobView(phase(state), job(state, **words), 1.0)
    return facts(view, Ticket(name=NAME), NOW, ready=ready, snapshot=Snapshot(jobs_at=NOW))


def test_running_server_tells_its_node_what_it_has_and_until_when() -> None:
    told = card()
    assert (told.state, told.node, told.gpus, told.cpus, told.memory_mb) == ("running", "gpu03", 2, 4, 8192)
    assert told.time_left == timedelta(hours=1)
    assert not told.near_end


@pytest.mark.parametrize(("left", "warned"), [(16, False), (15, False), (14, True), (0, True), (-3, True)])
def test_near_the_end_it_warns(left: int, warned: bool) -> None:
    assert card(left=left).near_end is warned


def test_time_that_is_over_is_no_time_and_not_less_than_none() -> None:
    assert card(left=-3).time_left == timedelta(0)


def test_job_without_limit_has_no_end_and_no_warning() -> None:
    told = card(left=None)
    assert (told.ends, told.time_left, told.near_end) == (None, None, False)


def test_paused_job_s_clock_stands_still() -> None:
    told = card("SUSPENDED", left=5)
    assert (told.state, told.node, told.time_left, told.near_end) == ("paused", "gpu03", None, False)
    assert "paused" in str(told.sentence)


def test_job_that_waits_has_no_start_and_no_end_though_slurm_expects_some() -> None:
    told = card("PENDING", ready=False)
    assert (told.state, told.node, told.started, told.ends) == ("waiting", "", None, None)
    assert told.submitted == NOW - timedelta(hours=2)


def test_server_whose_job_lost_its_node_is_not_called_new() -> None:
    assert card("PENDING").state == "requeued"
    assert card("REQUEUED").state == "requeued"
    # Also once its old address is forgotten.
    view = JobView(JobPhase.WAITING, job("PENDING"), 1.0)
    assert facts(view, Ticket(name=NAME, requeues=1), NOW).state == "requeued"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("PENDING", "JobHeldAdmin"),
        ("PENDING", "job requeued in held state"),
        ("PENDING", "launch failed requeued held"),
        ("REQUEUE_HOLD", "None"),
        ("SPECIAL_EXIT", "None"),
    ],
)
def test_held_job_is_called_held_and_can_be_stopped(state: str, reason: str) -> None:
    told = card(state, reason=reason)
    assert told.state == "held"
    assert "you can stop it" in str(told.sentence)


def test_job_that_runs_before_its_server_is_there_is_starting() -> None:
    assert card(ready=False).state == "starting"
    assert card("CONFIGURING", ready=False).state == "starting"


def test_without_a_job_id_it_is_being_submitted() -> None:
    assert facts(None, Ticket(name=NAME), NOW).state == "submitting"


def test_silence_of_slurm_keeps_the_last_figures_and_tells_their_age() -> None:
    heard = NOW - timedelta(minutes=7)
    view = JobView(JobPhase.RUNNING, job(ends=NOW + timedelta(hours=1)), 420.0)
    silent = Snapshot(jobs_at=heard, jobs_problem="down")
    told = facts(view, Ticket(name=NAME), NOW, ready=True, snapshot=silent)
    assert (told.state, told.silent, told.age_s(NOW)) == ("running", True, 420.0)
    assert told.time_left == timedelta(hours=1)


def test_job_that_one_look_did_not_show_is_unknown_with_its_last_figures() -> None:
    view = JobView(JobPhase.UNKNOWN, job(ends=NOW + timedelta(hours=1)), 31.0)
    told = facts(view, Ticket(name=NAME), NOW, ready=True)
    assert (told.state, told.node, told.time_left) == ("unknown", "gpu03", timedelta(hours=1))


def test_somebody_else_s_job_with_our_number_tells_nothing_of_it() -> None:
    """Slurm that lost its state counts from 1 again."""
    view = JobView(JobPhase.RUNNING, job(name="train.sh", user="v", ends=NOW, gpus=4), 1.0)
    told = facts(view, Ticket(name=NAME), NOW, job_id="7", ready=True)
    assert (told.job_id, told.state, told.node, told.gpus, told.ends) == ("7", "unknown", "", 0, None)


def test_every_state_has_a_sentence() -> None:
    words = ["submitting", "waiting", "requeued", "held", "starting", "running", "paused", "ending", "ended"]
    assert len({str(Facts("7", "q", word).sentence) for word in [*words, "unknown"]}) == 10
