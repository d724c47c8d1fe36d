import pytest

from slurm.records import Node
from slurm.states import (
    JobPhase,
    NodeUse,
    is_held,
    is_paused,
    needs_second_look,
    node_use,
    parse_node_states,
    phase,
)

# The manual of squeue, section JOB STATE CODES, word by word.
MANUAL = {
    "BOOT_FAIL": "ended",
    "CANCELLED": "ended",
    "COMPLETED": "ended",
    "CONFIGURING": "starting",
    "COMPLETING": "ending",
    "DEADLINE": "ended",
    "FAILED": "ended",
    "NODE_FAIL": "ended",
    "OUT_OF_MEMORY": "ended",
    "PENDING": "waiting",
    "PREEMPTED": "ended",
    "RUNNING": "running",
    "RESV_DEL_HOLD": "waiting",
    "REQUEUE_FED": "waiting",
    "REQUEUE_HOLD": "waiting",
    "REQUEUED": "waiting",
    "RESIZING": "running",
    "REVOKED": "ended",
    "SIGNALING": "running",
    "SPECIAL_EXIT": "waiting",
    "STAGE_OUT": "ending",
    "STOPPED": "running",
    "SUSPENDED": "running",
    "TIMEOUT": "ended",
}


@pytest.mark.parametrize(("word", "meaning"), MANUAL.items())
def test_each_word_of_the_manual_has_a_meaning(word: str, meaning: str) -> None:
    assert phase(word) is JobPhase(meaning)


@pytest.mark.parametrize("word", ["", "LAUNCH_FAILED", "running", "GONE", "POWER_UP_NODE"])
def test_a_word_that_we_do_not_know_ends_nothing(word: str) -> None:
    assert phase(word) is JobPhase.UNKNOWN


@pytest.mark.parametrize("word", ["CANCELLED by 1000", "CANCELLED+"])
def test_the_accounting_databases_additions_do_not_hide_the_word(word: str) -> None:
    assert phase(word) is JobPhase.ENDED


@pytest.mark.parametrize(
    ("word", "reason", "held"),
    [
        ("PENDING", "JobHeldUser", True),
        ("PENDING", "JobHeldAdmin", True),
        ("PENDING", "job requeued in held state", True),
        ("PENDING", "launch_failed_requeued_held", True),
        ("PENDING", "job_requeued_in_special_exit_state", True),
        ("PENDING", "launch failed requeued held", True),
        ("PENDING", "launch failure limit exceeded requeued held", True),
        ("PENDING", "JobHoldMaxRequeue", True),
        ("REQUEUE_HOLD", "", True),
        ("SPECIAL_EXIT", "", True),
        ("RESV_DEL_HOLD", "ReservationDeleted", True),
        ("PENDING", "Resources", False),
        ("RUNNING", "JobHeldUser", False),
    ],
)
def test_a_user_learns_that_a_job_is_held(word: str, reason: str, held: bool) -> None:
    assert is_held(word, reason) is held


def test_only_suspended_and_stopped_jobs_are_paused() -> None:
    assert {word for word in MANUAL if is_paused(word)} == {"SUSPENDED", "STOPPED"}


def test_only_a_preempted_job_may_come_back() -> None:
    assert {word for word in MANUAL if needs_second_look(word)} == {"PREEMPTED"}


@pytest.mark.parametrize(
    ("state", "use"),
    [
        ("IDLE", "idle"),
        ("IDLE+CLOUD", "idle"),
        ("IDLE+DYNAMIC_NORM", "idle"),
        ("ALLOCATED", "alloc"),
        ("MIXED", "alloc"),
        ("MIXED+CLOUD", "alloc"),
        ("IDLE+COMPLETING", "alloc"),
        ("ALLOCATED+COMPLETING", "alloc"),
        ("COMPLETING", "alloc"),
        ("IDLE+PLANNED", "alloc"),
        ("MIXED+PLANNED", "alloc"),
        ("idle-", "alloc"),
        ("IDLE+BLOCKED", "alloc"),
        ("IDLE+CLOUD+POWERED_DOWN", "alloc"),
        ("IDLE+CLOUD+NOT_RESPONDING+POWERING_UP", "alloc"),
        ("IDLE+POWERING_DOWN", "alloc"),
        ("IDLE+POWER", "alloc"),
        ("idle~", "alloc"),
        ("idle#", "alloc"),
        ("DOWN", "down"),
        ("DOWN*", "down"),
        ("DOWN*+DRAIN", "down"),
        ("DOWN+CLOUD+POWERED_DOWN", "down"),
        ("IDLE*", "down"),
        ("IDLE+NOT_RESPONDING", "down"),
        ("MIXED*", "down"),
        ("IDLE+DRAIN", "down"),
        ("drained", "down"),
        ("drng", "down"),
        ("MIXED+DRAIN", "down"),
        ("ALLOCATED+DRAIN", "down"),
        ("IDLE+FAIL", "down"),
        ("failg*", "down"),
        ("ERROR", "down"),
        ("UNKNOWN", "down"),
        ("unk*", "down"),
        ("FUTURE", "down"),
        ("inval", "down"),
        ("IDLE+INVALID_REG", "down"),
        ("IDLE+MAINTENANCE+RESERVED", "down"),
        ("ALLOCATED+MAINTENANCE+RESERVED", "down"),
        ("maint", "down"),
        ("IDLE+RESERVED", "down"),
        ("resv", "down"),
        ("IDLE+REBOOT_REQUESTED", "down"),
        ("IDLE+REBOOT_ISSUED", "down"),
        ("idle@", "down"),
        ("boot^", "down"),
        ("idle$", "down"),
        ("NEVER_HEARD_OF", "down"),
    ],
)
def test_only_a_node_that_takes_a_newcomer_now_is_idle(state: str, use: str) -> None:
    assert node_use(Node(name="gpu01", states=parse_node_states(state))) is NodeUse(use)


def test_suffixes_become_words() -> None:
    assert parse_node_states("MIXED*+DRAIN") == {"MIXED", "NOT_RESPONDING", "DRAIN"}
    assert parse_node_states("plnd") == {"PLANNED"}
