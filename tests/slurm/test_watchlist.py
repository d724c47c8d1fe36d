"""When may a job be called ended? A story is a row of looks: a state, '-' for absent, '!' for no answer."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from slurm.records import Job
from slurm.states import JobPhase
from slurm.watchlist import Watchlist
from tests.slurm.virtual import job

STORIES = [
    ("", "waiting"),
    ("!", "waiting"),
    ("PENDING", "waiting"),
    ("PENDING RUNNING", "running"),
    ("RUNNING -", "unknown"),
    ("RUNNING - -", "ended"),
    ("RUNNING - !", "unknown"),
    ("RUNNING - ! -", "ended"),
    ("RUNNING ! ! ! !", "running"),
    ("RUNNING - RUNNING -", "unknown"),
    ("RUNNING - - RUNNING", "running"),
    ("-", "unknown"),
    ("- -", "ended"),
    ("- PENDING", "waiting"),
    ("RUNNING SUSPENDED", "running"),
    ("RUNNING REQUEUED PENDING", "waiting"),
    ("RUNNING REQUEUE_HOLD", "waiting"),
    ("RUNNING COMPLETING", "ending"),
    ("RUNNING COMPLETING COMPLETED -", "ended"),
    ("RUNNING CANCELLED", "ended"),
    ("RUNNING PREEMPTED", "ending"),
    ("RUNNING PREEMPTED !", "ending"),
    ("RUNNING PREEMPTED PREEMPTED", "ended"),
    ("RUNNING PREEMPTED PENDING", "waiting"),
    ("RUNNING DREAMING", "unknown"),
]


def _tell(story: str, watched: Watchlist) -> None:
    for number, word in enumerate(story.split(), start=1):
        if word != "!":  # nobody shows the watchlist a look that failed
            watched.observe({} if word == "-" else {"1": job("1", word)}, number, float(number))


@pytest.mark.parametrize(("story", "end"), STORIES)
def test_a_job_ends_only_when_slurm_says_so(story: str, end: str) -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True)
    _tell(story, watched)
    assert watched.view("1")[0] is JobPhase(end)
    assert watched.alive is (end != "ended")
    assert watched.unsettled is (end not in {"running", "ended"})


def test_a_job_found_again_after_a_restart_is_unknown_until_the_first_look() -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=False)
    assert watched.view("1")[0] is JobPhase.UNKNOWN
    _tell("RUNNING", watched)
    assert watched.view("1")[0] is JobPhase.RUNNING


def test_the_last_record_stays_when_the_job_is_gone_and_dates_from_when_it_was_seen() -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True)
    _tell("RUNNING -", watched)
    assert watched.view("1") == (JobPhase.UNKNOWN, job("1", "RUNNING"), 1.0)


def test_watching_twice_forgets_nothing_and_unwatching_everything() -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True)
    _tell("RUNNING", watched)
    watched.add("1", after=5, just_submitted=True)
    assert watched.view("1")[0] is JobPhase.RUNNING
    watched.remove("1")
    assert "1" not in watched
    assert not watched.alive


def _named(*looks: Job | None) -> JobPhase:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True, name="ours")
    for number, seen in enumerate(looks, start=1):
        watched.observe({} if seen is None else {"1": seen}, number, float(number))
    return watched.view("1")[0]


OURS = job("1", "RUNNING", submitted=datetime(2026, 11, 21, tzinfo=UTC))
NAMED = replace(OURS, name="ours")
FOREIGN = replace(OURS, name="theirs", user="other", submitted=datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("looks", "end"),
    [
        ([NAMED], "running"),
        ([NAMED, FOREIGN], "unknown"),
        ([NAMED, FOREIGN, FOREIGN], "ended"),
        ([NAMED, None, FOREIGN], "ended"),
        ([NAMED, FOREIGN, NAMED], "running"),
        ([FOREIGN, FOREIGN], "ended"),
        ([NAMED, replace(NAMED, name="renamed"), replace(NAMED, name="renamed")], "running"),
        ([NAMED, replace(FOREIGN, user=NAMED.user), replace(FOREIGN, user=NAMED.user)], "ended"),
    ],
)
def test_a_job_with_our_number_and_another_name_is_somebody_elses(looks: list[Job | None], end: str) -> None:
    assert _named(*looks) is JobPhase(end)


def test_the_record_of_a_foreign_job_is_never_ours() -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True, name="ours")
    for number, seen in enumerate((NAMED, FOREIGN, FOREIGN), start=1):
        watched.observe({"1": seen}, number, float(number))
    assert watched.view("1")[1] == NAMED


def test_a_number_that_slurm_gives_out_again_is_watched_anew() -> None:
    watched = Watchlist()
    watched.add("1", after=0, just_submitted=True, name="ours")
    for number in (1, 2):
        watched.observe({}, number, float(number))
    assert watched.view("1")[0] is JobPhase.ENDED
    watched.add("1", after=2, just_submitted=True, name="ours")
    assert watched.view("1")[0] is JobPhase.ENDED
    watched.add("1", after=2, just_submitted=True, name="later")
    assert watched.view("1")[0] is JobPhase.WAITING
