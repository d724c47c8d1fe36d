"""What the waiting page is told, and what a user reads when a job ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmRefused, SlurmUnavailable
from slurm.monitor import JobView
from slurm.records import Job, Partition
from slurm.states import JobPhase
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
    told = event(JobView(JobPhase.WAITING, held, 1.0), ahead=0)
    assert "is held" in told["message"]
    assert told["ahead"] is None


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


@pytest.mark.parametrize(
    ("before", "words"),
    [(0, "it is the next"), (1, "1 before you"), (42, "42 before you")],
)
def test_class_in_line_sees_how_many_are_submitted_first(before: int, words: str) -> None:
    told = event(None, in_line=before)
    assert words in told["message"]
    assert (told["phase"], told["ahead"], "job_id" in told) == ("line", before, False)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("REQUEUE_HOLD", "job requeued in held state"),
        ("SPECIAL_EXIT", "Special exit"),
        ("RESV_DEL_HOLD", "Reservation deleted"),
        ("PENDING", "JobHeldUser"),
        ("PENDING", "launch failed requeued held"),
    ],
)
def test_job_that_lost_its_node_and_is_held_says_what_to_do(state: str, reason: str) -> None:
    held = event(JobView(JobPhase.WAITING, job(state, reason=reason), 1.0), requeued=True)["message"]
    assert "Slurm holds it" in held
    assert "cancel" in held


def test_job_that_lost_its_node_comes_back_by_itself_and_says_so() -> None:
    back = event(JobView(JobPhase.WAITING, job("PENDING", reason="BeginTime"), 1.0), requeued=True)
    assert back["message"].startswith("Job 7 lost its node and is back in the queue: waiting for its start")
    assert "starts again by itself" in back["message"]


@pytest.mark.parametrize("state", ["SUSPENDED", "STOPPED"])
def test_paused_job_is_called_paused_and_not_slow(state: str) -> None:
    paused = job(state, nodes=("gpu03",), started=NOW)
    later = NOW + timedelta(hours=1)
    assert (
        "is paused" in event(JobView(JobPhase.RUNNING, paused, 1.0), boot_timeout=600, now=later)["message"]
    )


@pytest.mark.parametrize(("seconds", "slow"), [(5, False), (59, False), (61, True)])
def test_slow_start_says_how_long_it_may_take(seconds: int, slow: bool) -> None:
    view = JobView(JobPhase.RUNNING, job("RUNNING", started=NOW), 1.0)
    told = event(view, boot_timeout=600, now=NOW + timedelta(seconds=seconds))["message"]
    assert ("up to 10 minutes" in told) is slow
    assert "gpu03" in told


def test_silence_of_slurm_is_not_called_an_end() -> None:
    told = event(JobView(JobPhase.UNKNOWN, job("PENDING"), 60.0))
    assert "Slurm does not answer" in told["message"]
    assert "keeps its place" in told["message"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (job("CANCELLED"), "was cancelled"),
        (job("CANCELLED by 0"), "was cancelled"),
        (job("CANCELLED by 0", nodes=("gpu03",)), "Job 7 was cancelled, by an operator"),
        (job("CANCELLED by 0", nodes=()), "was cancelled while it waited"),
        (job("FAILED", exit_code="127:0"), "failed (exit code 127:0)"),
        (job("TIMEOUT"), "time limit"),
        (job("OUT_OF_MEMORY"), "more memory"),
        (job("OUT_OF_MEMORY", memory_mb=8192), "more memory than the 8 GiB that it had"),
        (job("OUT_OF_MEMORY", memory_mb=2560), "2.5 GiB"),
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


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("missing", "it is not there"),
        ("full", "its file system is full"),
        ("quota", "your quota is used up"),
        ("denied", "no right to write"),
        ("read-only", "read-only"),
        ("not a folder", "a file stands where"),
        ("Structure needs cleaning", "Structure needs cleaning."),
    ],
)
def test_trouble_with_a_folder_names_it_and_is_no_outage(reason: str, words: str) -> None:
    error = submission_failure("en", FolderError("/scratch/u/<log>", reason))
    assert error.jupyterhub_message.startswith("Your folder /scratch/u/<log> cannot be used: ")
    assert words in error.jupyterhub_message
    assert "Slurm" not in error.jupyterhub_message
    assert "&lt;log&gt;" in error.jupyterhub_html_message
    assert error.status_code == 409


def test_refusal_is_in_slurms_own_words_and_an_outage_is_no_refusal() -> None:
    refused = submission_failure("en", SlurmRefused("sbatch", 1, "Invalid account or partition"))
    assert refused.jupyterhub_message == "Slurm refused the job: Invalid account or partition"
    assert refused.status_code == 400
    wrong = submission_failure("en", HelperRefusedError("hpchub-as-user", None, "the hub may not set 'X'"))
    assert "tell the administrators: the hub may not set 'X'" in wrong.jupyterhub_message
    silent = submission_failure("en", SlurmUnavailable("sbatch", 1, "connect failure"))
    assert "does not answer" in silent.jupyterhub_message
    assert silent.status_code == 503
