"""Servers that Slurm's limits would not let through are refused before the queue, with the numbers."""

from collections.abc import Mapping
from typing import Any

import pytest

from queues.policy import parse_policy
from slurm.records import Job, Partition
from slurm.rules import ASSOC_FORMAT, QOS_FORMAT, Rules, parse_assoc_rules, parse_qos_rules
from spawner.limits import check_limits, gpus_of
from spawner.options import OptionsError, Request, Standing, parse, resolve

POLICY = parse_policy(
    """
[[queues]]
name = "mixed"
kind = "gpus"
max_hours = 48
gpus_per_node = 8
gpu_choices = [1, 2, 4, 8]
[[queues]]
name = "jupyter"
kind = "shared"
slots_per_node = 10
gres = "shard:1"
max_hours = 24
"""
)
PARTITIONS = {"mixed": Partition("mixed"), "jupyter": Partition("jupyter")}
ANNA = Standing("a1113a01", frozenset(), frozenset({"proj01"}), "proj01")


def line(form: str, values: Mapping[str, str]) -> str:
    """Write one of sacctmgr's rows: the fields of a format, those that are not named empty."""
    names = form.removeprefix("format=").split(",")
    assert set(values) <= set(names)
    return "|".join(values.get(name, "") for name in names) + "\n"


USER = line(ASSOC_FORMAT, {"Account": "proj01", "User": "a1113a01"})


def rules(assoc: str = USER, **qos: str) -> Rules:
    found, strange = parse_qos_rules(line(QOS_FORMAT, {"Name": "normal", **qos}))
    assert not strange
    rows, strange = parse_assoc_rules(assoc)
    assert not strange
    return Rules(tuple(rows), {one.name: one for one in found})


def jobs(running: int, gpus: int = 0, waiting: int = 0) -> Mapping[str, Job]:
    states = ["RUNNING"] * running + ["PENDING"] * waiting
    found = [
        Job(str(n), "n", "a1113a01", "proj01", "mixed", state, qos="normal", gpus=gpus)
        for n, state in enumerate(states)
    ]
    return {job.id: job for job in found}


def ask(**raw: Any) -> Request:
    return resolve(parse({"queue": "mixed", **raw}, POLICY), POLICY, PARTITIONS, ANNA)


def check(found: Rules | None, held: Mapping[str, Job], *, wait: bool = False, **raw: Any) -> str:
    try:
        check_limits(ask(**raw), found, held, PARTITIONS, ANNA, wait=wait)
    except OptionsError as error:
        return str(error)
    return ""


TWO_JOBS = rules(MaxJobsPU="2")
FIVE_WAITING = rules(MaxSubmitPU="5")
FOUR_GPUS = rules(MaxTRESPU="gres/gpu=4")
FOUR_PER_JOB = rules(MaxTRESPerJob="gres/gpu=4")
ONE_DAY = rules(MaxWall="1-00:00:00")


def test_a_third_server_is_refused_where_two_may_run() -> None:
    assert check(TWO_JOBS, jobs(1)) == ""
    assert check(TWO_JOBS, jobs(2)) == (
        "queue: You have 2 of the 2 jobs that may run at once (QOS normal): stop a server or a job first."
    )


def test_gpus_are_counted_with_those_that_run() -> None:
    assert check(FOUR_GPUS, jobs(1, gpus=2), gpus=2) == ""
    assert check(FOUR_GPUS, jobs(1, gpus=3), gpus=2) == (
        "gpus: You have 3 of the 4 GPUs that you may have at once (QOS normal), and this asks for 2: stop a "
        "server or a job first, or ask for fewer."
    )
    assert check(FOUR_GPUS, jobs(1, gpus=4), queue="jupyter") == ""


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("limits", [FOUR_GPUS, FOUR_PER_JOB])
def test_what_could_never_run_is_refused_even_where_the_site_lets_people_wait(
    limits: Rules,
    wait: bool,
) -> None:
    assert check(limits, jobs(0), wait=wait, gpus=8) == (
        "gpus: This asks for 8 GPUs, and Slurm never gives more than 4 (QOS normal)."
    )


def test_where_the_site_lets_people_wait_only_what_slurm_would_not_take_is_refused() -> None:
    assert check(TWO_JOBS, jobs(2), wait=True) == ""
    assert check(FOUR_GPUS, jobs(1, gpus=4), wait=True, gpus=4) == ""
    assert check(FIVE_WAITING, jobs(1, waiting=4), wait=True) == (
        "queue: You have 5 of the 5 jobs that may run or wait at once (QOS normal): stop a server or a job "
        "first."
    )


def test_a_longer_server_than_the_qos_allows_is_refused() -> None:
    assert check(ONE_DAY, {}, hours=24) == ""
    assert check(ONE_DAY, {}, hours=25) == (
        "hours: Your project or QoS allows jobs of at most 24 hours; 25 were asked for."
    )


def test_an_accounts_limit_names_the_account() -> None:
    assoc = line(ASSOC_FORMAT, {"Account": "proj01", "GrpSubmit": "3"}) + USER
    assert check(rules(assoc=assoc), jobs(2)) == ""
    said = check(rules(assoc=assoc), jobs(3))
    assert said == (
        "queue: There are 3 of the 3 jobs that all of you may have together (account proj01): one of them "
        "has to end first."
    )


def test_nobody_is_refused_while_the_rules_are_not_known() -> None:
    assert check(None, jobs(99, gpus=99), gpus=8) == ""
    assert check(Rules(enforced=False), jobs(99), gpus=8) == ""


def test_a_shard_counts_as_no_gpu() -> None:
    assert [gpus_of(ask(gpus=4)), gpus_of(ask(queue="jupyter"))] == [4, 0]
