"""The cluster gives each queue what it promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.centre import RunningCentre

pytestmark = pytest.mark.centre


@pytest.fixture(autouse=True)
def no_jobs_left(centre: RunningCentre) -> Iterator[None]:
    centre.cancel_all_jobs()
    yield
    centre.cancel_all_jobs()


def notebook(centre: RunningCentre, user: str = "a1113a01", script: str = "sleep 600") -> str:
    options = ["--partition=jupyter", "--gres=shard:1", "--cpus-per-task=2", "--nodelist=gpu02"]
    return centre.submit(user, *options, script=script)


def test_the_eleventh_notebook_of_a_node_waits_until_one_ends(centre: RunningCentre) -> None:
    first, *others = [notebook(centre) for _ in range(10)]
    for job in (first, *others):
        centre.wait_for_job(job, "RUNNING")
    eleventh = notebook(centre, "a1113a02")
    time.sleep(3)  # several rounds of the scheduler
    assert centre.job_state(eleventh) == "PENDING"
    centre.run(["scancel", first])
    centre.wait_for_job(eleventh, "RUNNING")


def test_a_job_on_an_empty_node_starts_within_two_seconds(centre: RunningCentre) -> None:
    began = time.monotonic()
    centre.wait_for_job(notebook(centre), "RUNNING")
    assert time.monotonic() - began < 2


def test_a_shared_place_has_one_gpu_and_a_whole_node_all_of_them(centre: RunningCentre) -> None:
    seen = Path("/scratch/a1113a02/seen")
    show = f'echo "$SLURMD_NODENAME $CUDA_VISIBLE_DEVICES" > {seen}'
    wanted = (
        (["--partition=jupyter", "--gres=shard:1", "--nodelist=gpu02"], "gpu02 0"),
        (["--partition=cas_v100_2", "--gres=gpu:2", "--nodelist=gpu03"], "gpu03 0,1"),
        (["--partition=amd_a100_4", "--gres=gpu:4", "--nodelist=gpu06"], "gpu06 0,1,2,3"),
        (["--partition=bigmem", "--account=proj02"], "bigmem01"),
    )
    for options, expected in wanted:
        job = centre.submit("a1113a02", *options, script=show)
        centre.wait_for_job(job, "COMPLETED", "")
        assert centre.run(["cat", str(seen)], "a1113a02").stdout.strip() == expected


def test_an_exclusive_job_has_its_node_to_itself(centre: RunningCentre) -> None:
    whole = centre.submit("a1113a02", "--partition=cas_v100_2", "--nodelist=gpu02", "--cpus-per-task=1")
    centre.wait_for_job(whole, "RUNNING")
    waiting = notebook(centre)
    time.sleep(3)
    assert centre.job_state(waiting) == "PENDING"


def test_who_has_no_account_hears_it_from_slurm(centre: RunningCentre) -> None:
    done = centre.run(["sbatch", "--wrap", "true"], "nouse01", check=False)
    assert done.returncode == 1
    assert "Invalid account or account/partition combination specified" in done.stderr


def test_a_project_that_is_not_allowed_in_a_queue_is_refused(centre: RunningCentre) -> None:
    argv = ["sbatch", "--partition=bigmem", "--account=proj01", "--wrap", "true"]
    done = centre.run(argv, "a1113a02", check=False)
    assert done.returncode == 1
    assert "Invalid account or account/partition combination specified" in done.stderr


def test_an_ended_job_is_forgotten_by_the_controller_and_known_to_accounting(centre: RunningCentre) -> None:
    job = centre.submit("a1113a01", "--gres=shard:1", script="exit 3")
    centre.wait_for_job(job, "", limit=90)
    argv = ["sacct", "-X", "-n", "-P", "-j", job, "-o", "state,exitcode,alloctres"]
    state, code, resources = centre.run(argv).stdout.strip().split("|")
    assert (state, code) == ("FAILED", "3:0")
    assert "gres/shard=1" in resources
