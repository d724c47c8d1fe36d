"""What an action is at, by what its journal and Slurm say."""

from datetime import UTC, datetime

import pytest

from services.environments.state import now
from services.environments.told import Past
from slurm.records import Job

AT = 1795254860.0


def past(**more: object) -> Past:
    known = {"id": "0123456789abcdef", "verb": "reset", "environment": "notebook", **more}
    return Past(**known)  # type: ignore[arg-type]


def job(state: str, reason: str = "None") -> Job:
    submitted = datetime.fromtimestamp(AT, UTC)
    return Job("7", "x", "anna", "", "jupyter", state, reason, submitted=submitted)


BEGUN = {"began": AT, "job": "7"}


@pytest.mark.parametrize(
    ("known", "shown", "looked_at", "state"),
    [
        (past(), job("PENDING", "Resources"), AT, "waiting"),
        (past(), job("RUNNING"), AT, "running"),
        (past(**BEGUN), job("RUNNING"), AT, "running"),
        # The journal has begun, and the last look at Slurm was before.
        (past(**BEGUN), job("PENDING"), AT, "running"),
        (past(**BEGUN), None, AT + 1, "running"),
        (past(**BEGUN), None, None, "running"),
        (past(**BEGUN), job("SUSPENDED"), AT + 100, "running"),
        (past(**BEGUN, result="interrupted"), job("RUNNING"), AT + 100, "running"),
        (past(**BEGUN), None, AT + 100, "interrupted"),
        (past(**BEGUN), job("TIMEOUT"), AT + 100, "interrupted"),
        (past(**BEGUN), job("COMPLETED"), AT + 100, "interrupted"),
        (past(**BEGUN, ended=AT + 9, result="done"), job("RUNNING"), AT + 100, "done"),
        (past(**BEGUN, ended=AT + 9, result="failed"), None, AT + 100, "failed"),
        (past(**BEGUN, ended=AT + 9, result="cancelled"), job("CANCELLED"), AT + 100, "cancelled"),
        # Slurm tells jobs to end for other reasons, too, and the action cannot tell them apart.
        (past(**BEGUN, ended=AT + 9, result="cancelled"), job("TIMEOUT"), AT + 100, "interrupted"),
        (past(**BEGUN, ended=AT + 9, result="cancelled"), job("PREEMPTED"), AT + 100, "interrupted"),
        (past(**BEGUN, ended=AT + 9, result="done"), job("TIMEOUT"), AT + 100, "done"),
        # Somebody has put the job back into the queue.
        (past(**BEGUN), job("PENDING"), AT + 100, "interrupted"),
        (past(), job("CANCELLED"), AT, "cancelled"),
        (past(), job("FAILED"), AT, "failed"),
        # In a terminal: there is no job to ask for.
        (past(began=AT), None, AT + 100, "running"),
        (past(began=AT, result="interrupted"), None, AT + 100, "interrupted"),
    ],
)
def test_state(known: Past, shown: Job | None, looked_at: float | None, state: str) -> None:
    assert now(known, shown, looked_at).state == state


def test_who_waits_reads_why() -> None:
    assert "busy" in str(now(past(), job("PENDING", "Resources"), AT).reason)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("TIMEOUT", "time limit"),
        ("NODE_FAIL", "not yours"),
        ("OUT_OF_MEMORY", "memory"),
        ("COMPLETED", "word"),
    ],
)
def test_an_interruption_says_what_happened(state: str, words: str) -> None:
    trouble = now(past(**BEGUN), job(state), AT + 100).trouble
    assert trouble is not None
    assert words in str(trouble.sentence)
