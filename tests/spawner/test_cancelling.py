"""A cancellation succeeds when the job is over, whoever ended it, and fails when Slurm did not hear it."""

import pytest

from slurm.errors import SlurmError, classify
from spawner.cancelling import cancel
from spawner.turns import Turns


class Helper:
    def __init__(self, error: SlurmError | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, str]] = []

    async def cancel(self, job_id: str, name: str) -> None:
        self.calls.append((job_id, name))
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    "words",
    [
        "scancel: error: Kill job error on job id 56: Invalid job id specified",
        "scancel: error: Kill job error on job id 56: Job/step already completing or completed",
    ],
)
async def test_job_that_is_over_counts_as_cancelled(words: str) -> None:
    helper, turns = Helper(classify("scancel", 1, "", words)), Turns(1)
    await cancel(turns, helper, "u", "56", "hpchub/u/default/1")
    assert helper.calls == [("56", "hpchub/u/default/1")]
    assert turns.held == 0


@pytest.mark.parametrize(
    "words",
    [
        "scancel: error: Kill job error on job id 56: Unable to contact slurm controller (connect failure)",
        "scancel: error: Kill job error on job id 56: Access/permission denied",
        "sudo: a password is required",
    ],
)
async def test_job_that_may_live_is_not_called_cancelled(words: str) -> None:
    turns = Turns(1)
    with pytest.raises(SlurmError):
        await cancel(turns, Helper(classify("scancel", 1, "", words)), "u", "56", "hpchub/u/default/1")
    assert turns.held == 0
