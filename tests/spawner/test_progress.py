"""What the waiting page is told, and what a user reads when a job ended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from slurm.errors import SlurmRefused, SlurmUnavailable
from slurm.monitor import JobView
from slurm.records import Job, Partition
from slurm.states import JobPhase
from spawner.acting import HelperRefusedError
from spawner.endings import explain_end, failure, submission_failure
from spawner.progress import describe
from tests.spawner.scripted import job

NOW = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)
NODES = tuple(f"gpu{number:02}" for number in range(1, 6))


def event(view: JobView | None, lang: str = "en", **more: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"ahead": None, "partition": Partition("jupyter", nodes=NODES), "asked_at": NOW}
    return describe(lang, "7" if view else "", "jupyter", view, **{**words, **more})


def test_before_sbatch_has_answered_there_is_no_job_yet() -> None:
    assert event(None)["phase"] == "submitting"
    assert "job_id" not in event(None)


def test_waiting_says_why_and_for_how_many_and_until_when() -> None:
    waiting = job("PENDING", reason="Resources", submitted=NOW, started=NOW)
    told = event(JobView(JobPhase.WAITING, waiting, 1.0), ahead=3)
    assert told["message"] == "Job 7 waits: waiting for nodes: all 5 are busy"
    assert (told["state"], told["ahead"], told["expected_start"]) == ("PENDING", 3, NOW.isoformat())
    # Nobody knows how long: the page shows a bar without a measure.
    assert "progress" not in told


def test_held_job_is_called_held() -> None:
    held = job("PENDING", reason="JobHeldAdmin")
    assert "is held" in event(JobView(JobPhase.WAITING, held, 1.0))["message"]


def test_running_names_the_node() -> None:
    told = event(JobView(JobPhase.RUNNING, job("RUNNING"), 1.0))
    assert told["message"] == "Job 7 runs on gpu03; the notebook server is starting."
    assert told["progress"] == 60
    assert told["expected_start"] is None


def test_page_that_waits_through_an_outage_says_so_and_keeps_the_last_state() -> None:
    waiting = job("PENDING", reason="Resources")
    told = event(JobView(JobPhase.WAITING, waiting, 60.0), silent=True)
    assert "Slurm does not answer" in told["message"]
    assert (told["phase"], told["state"]) == ("waiting", "PENDING")


def test_silence_of_slurm_is_not_called_an_end() -> None:
    told = event(JobView(JobPhase.UNKNOWN, job("PENDING"), 60.0))
    assert "Slurm does not answer" in told["message"]
    assert "keeps its place" in told["message"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (job("CANCELLED"), "was cancelled"),
        (job("CANCELLED by 0"), "was cancelled"),
        (job("FAILED", exit_code="127:0"), "failed (exit code 127:0)"),
        (job("TIMEOUT"), "time limit"),
        (job("OUT_OF_MEMORY"), "more memory"),
        (job("NODE_FAIL"), "not yours"),
        (job("PREEMPTED"), "make room"),
        (job("SOMETHING_NEW"), "no longer in the queue"),
        (None, "no longer in the queue"),
    ],
)
def test_end_is_told_in_words(record: Job | None, words: str) -> None:
    assert words in str(explain_end("7", record))


def test_log_is_shown_as_text_and_never_as_markup() -> None:
    error = failure("en", explain_end("7", None), reason="x", log=["<script>alert(1)</script>"])
    assert "<script>" not in error.jupyterhub_html_message
    assert "&lt;script&gt;" in error.jupyterhub_html_message


def test_refusal_is_in_slurms_own_words_and_an_outage_is_no_refusal() -> None:
    refused = submission_failure("en", SlurmRefused("sbatch", 1, "Invalid account or partition"))
    assert refused.jupyterhub_message == "Slurm refused the job: Invalid account or partition"
    assert refused.status_code == 400
    wrong = submission_failure("en", HelperRefusedError("hpchub-as-user", None, "the hub may not set 'X'"))
    assert "tell the administrators: the hub may not set 'X'" in wrong.jupyterhub_message
    silent = submission_failure("en", SlurmUnavailable("sbatch", 1, "connect failure"))
    assert "does not answer" in silent.jupyterhub_message
    assert silent.status_code == 503
