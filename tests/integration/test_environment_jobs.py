"""An action's job ends from outside: what its user reads, and that nothing is half or twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.centre import RunningCentre
from tests.integration.fire import reconfigured
from tests.integration.test_environments import User, forget, hide
from tests.person import Login

pytestmark = pytest.mark.centre

BEN = "a1113a02"
ROOT = f"/scratch/{BEN}/.conda"


@pytest.fixture(scope="module")
def ben(centre: RunningCentre, login: Login) -> Iterator[User]:
    """Somebody with an environment."""
    centre.up()
    centre.cancel_all_jobs()
    user = User(login(BEN))
    forget(centre, BEN)
    user.until(user.begin("bootstrap"), "done")
    yield user
    centre.cancel_all_jobs()
    hide(centre, BEN)


class Begun:
    """An action that works and will not get on: the channel takes its connection and says nothing."""

    def __init__(self, user: User, centre: RunningCentre) -> None:
        self.user, self.centre = user, centre
        self.id = user.begin("install", specs=["tabulate"])
        deadline = time.monotonic() + 90
        while (found := user.state(self.id))["step"] != "solve":
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        self.job, self.node = str(found["job"]), str(found["host"])

    def ended(self, *states: str) -> dict[str, Any]:
        """Wait for the end, and check that list and page say the same."""
        found = self.user.until(self.id, *states)
        problem = found["problem"]
        listed = next(one for one in self.user.overview()["actions"] if one["id"] == self.id)
        assert (listed["state"], listed["problem"]) == (found["state"], problem)
        page = self.user.http.get(f"services/environments/actions/{self.id}").text
        assert (problem["message"] if problem else found["state_text"]) in page
        return found

    def ended_by_slurm(self, why: str) -> None:
        """Wait for the end; the action takes it for a cancellation, until Slurm has told more."""
        deadline = time.monotonic() + 90
        while (found := self.user.state(self.id))["state"] != "interrupted":
            assert found["state"] in ("running", "cancelled"), found
            assert time.monotonic() < deadline, found
            time.sleep(0.5)
        assert why in self.ended("interrupted")["problem"]["message"]

    def in_a_terminal(self) -> str:
        """Return what `hpchub env history` says became of it."""
        about = json.loads(self.centre.run(["hpchub", "env", "history", "--json"], BEN).stdout)
        return str(next(one["result"] for one in about["actions"] if one["id"] == self.id))


@pytest.fixture
def begun(ben: User, centre: RunningCentre) -> Iterator[Begun]:
    """Give one; the environment is as it was afterwards, and the next action cleans up and works."""
    before = link(centre)
    with centre.hanging("channel"):
        yield Begun(ben, centre)
    assert link(centre) == before
    assert ben.environment()["server"]
    ben.until(ben.begin("snapshot", label="afterwards"), "done")
    states = centre.run(["ls", "-A", f"{ROOT}/generations"], BEN).stdout.split()
    assert sorted(states) == sorted(f"notebook-{one['id']}" for one in ben.environment()["generations"])


def link(centre: RunningCentre) -> str:
    return centre.run(["readlink", f"{ROOT}/envs/notebook"], BEN).stdout


def test_an_operator_cancels_it(begun: Begun, centre: RunningCentre) -> None:
    centre.run(["scancel", begun.job])
    assert begun.ended("cancelled")["problem"] is None
    assert begun.in_a_terminal() == "cancelled"


def test_it_is_killed_without_a_warning(begun: Begun, centre: RunningCentre) -> None:
    centre.run(["scancel", "--signal=KILL", "--batch", begun.job])
    assert "as it was" in begun.ended("interrupted")["problem"]["message"]


def test_it_reaches_the_time_limit(begun: Begun, centre: RunningCentre) -> None:
    centre.run(["scontrol", "update", f"JobId={begun.job}", "EndTime=now"])
    begun.ended_by_slurm("reached the time limit")


def test_it_has_to_make_room(begun: Begun, centre: RunningCentre) -> None:
    rules = "PreemptType=preempt/partition_prio\nPreemptMode=CANCEL"
    nodes = "gpu01,gpu02,gpu03,gpu04,gpu05"
    with reconfigured(centre, f"{rules}\nPartitionName=urgent Nodes={nodes} PriorityTier=9"):
        options = ("--partition=urgent", "--nodes=5", "--exclusive", "--time=5", "--account=proj02")
        urgent = centre.submit("a1113a03", *options)
        centre.wait_for_job(urgent, "RUNNING")
        begun.ended_by_slurm("had to make room")
        centre.run(["scancel", urgent])
        centre.wait_for_job(urgent, "CANCELLED", "")


def test_its_node_fails(begun: Begun, centre: RunningCentre) -> None:
    node = f"NodeName={begun.node}"
    centre.run(["scontrol", "update", node, "State=DOWN", "Reason=power"])
    try:
        begun.ended_by_slurm("the fault is not yours")
    finally:
        # It may be back by itself.
        centre.run(["scontrol", "update", node, "State=RESUME"], check=False)


def test_an_operator_puts_it_back_into_the_queue(begun: Begun, centre: RunningCentre) -> None:
    assert centre.run(["scontrol", "requeue", begun.job], check=False).returncode
    # Even one who insists does not have it run twice.
    centre.run(["scontrol", "update", f"JobId={begun.job}", "Requeue=1"])
    centre.run(["scontrol", "requeue", begun.job])
    begun.ended("cancelled")
    centre.wait_for_job(begun.job, "PENDING")
    centre.run(["scontrol", "update", f"JobId={begun.job}", "StartTime=now"])
    centre.wait_for_job(begun.job, "FAILED", "")
    assert begun.ended("cancelled")
    log = centre.run(["cat", f"/scratch/{BEN}/log/{begun.job}.log"], BEN).stdout
    assert "This very action was begun before" in log
