"""All states of jobs and nodes, and what each means to us. Written down once, here."""

from __future__ import annotations

import re
from enum import Enum

from slurm.records import Node

__all__ = [
    "JobPhase",
    "NodeUse",
    "is_held",
    "is_paused",
    "needs_second_look",
    "node_use",
    "parse_node_states",
    "phase",
]


class JobPhase(Enum):
    """What a job is to somebody who waits for a notebook."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    ENDING = "ending"
    ENDED = "ended"
    UNKNOWN = "unknown"


# The 24 words of squeue's manual, 20.11 to 25.11. squeue prints one word: a flag replaces the base state.
_PHASES = {
    "PENDING": JobPhase.WAITING,
    "REQUEUED": JobPhase.WAITING,
    "REQUEUE_FED": JobPhase.WAITING,
    "REQUEUE_HOLD": JobPhase.WAITING,
    "SPECIAL_EXIT": JobPhase.WAITING,
    "RESV_DEL_HOLD": JobPhase.WAITING,
    "CONFIGURING": JobPhase.STARTING,
    "RUNNING": JobPhase.RUNNING,
    # Alive, and will go on: a server in one of these keeps its route.
    "SUSPENDED": JobPhase.RUNNING,
    "STOPPED": JobPhase.RUNNING,
    "SIGNALING": JobPhase.RUNNING,
    "RESIZING": JobPhase.RUNNING,
    "STAGE_OUT": JobPhase.ENDING,
    "COMPLETING": JobPhase.ENDING,
    "COMPLETED": JobPhase.ENDED,
    "CANCELLED": JobPhase.ENDED,
    "FAILED": JobPhase.ENDED,
    "OUT_OF_MEMORY": JobPhase.ENDED,
    "TIMEOUT": JobPhase.ENDED,
    "DEADLINE": JobPhase.ENDED,
    "NODE_FAIL": JobPhase.ENDED,
    "BOOT_FAIL": JobPhase.ENDED,
    "PREEMPTED": JobPhase.ENDED,
    # A sibling in the federation runs it: for this cluster it is over.
    "REVOKED": JobPhase.ENDED,
}

_HELD = frozenset({"REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
_HELD_REASON = re.compile(r"^JobHeld|^JobHoldMaxRequeue|requeued.(in.)?(held|special.exit)", re.IGNORECASE)
_PAUSED = frozenset({"SUSPENDED", "STOPPED"})


def phase(word: str) -> JobPhase:
    """Say what a job's state word means; words that we do not know are UNKNOWN, which ends nothing."""
    if (known := _PHASES.get(word)) is not None:  # nearly always, and ten thousand times a look
        return known
    # sacct says "CANCELLED by 1000", and "CANCELLED+" where the column was too narrow.
    first = word.split()[0].rstrip("+") if word.strip() else ""
    return _PHASES.get(first, JobPhase.UNKNOWN)


def is_held(word: str, reason: str = "") -> bool:
    """Whether the job waits until somebody releases it; a plain hold stands only in the reason."""
    return word in _HELD or (phase(word) is JobPhase.WAITING and _HELD_REASON.search(reason) is not None)


def is_paused(word: str) -> bool:
    """Whether the job is alive, but its processes stand still."""
    return word in _PAUSED


def needs_second_look(word: str) -> bool:
    """Whether an ended job may come back: a preempted one can return to the queue a moment later."""
    return word == "PREEMPTED"


class NodeUse(Enum):
    """The columns of the queue table; every node is in exactly one."""

    ALLOC = "alloc"
    IDLE = "idle"
    DOWN = "down"


_SUFFIXES = {
    "*": "NOT_RESPONDING",
    "~": "POWERED_DOWN",
    "#": "POWERING_UP",
    "!": "POWER_DOWN",
    "%": "POWERING_DOWN",
    "$": "MAINT",
    "@": "REBOOT_REQUESTED",
    "^": "REBOOT_ISSUED",
    "-": "PLANNED",
}

_SYNONYMS = {
    "ALLOC": "ALLOCATED",
    "BOOT": "REBOOT_ISSUED",
    "COMP": "COMPLETING",
    "DRAINED": "DRAIN",
    "DRAINING": "DRAIN",
    "DRNG": "DRAIN",
    "FAILG": "FAILING",
    "FUTR": "FUTURE",
    "INVAL": "INVALID_REG",
    "MAINTENANCE": "MAINT",
    "MIX": "MIXED",
    "NO_RESPOND": "NOT_RESPONDING",
    "PLND": "PLANNED",
    "POWER": "POWERED_DOWN",  # until 21.08
    "POW_DN": "POWERING_DOWN",
    "POW_UP": "POWERING_UP",
    "REBOOT": "REBOOT_REQUESTED",  # until 21.08
    "RESV": "RESERVED",
    "UNK": "UNKNOWN",
}


def parse_node_states(text: str) -> frozenset[str]:
    """Read ``MIXED*+DRAIN`` or ``idle~`` as a set of whole words, synonyms made equal."""
    words: set[str] = set()
    for part in text.upper().split("+"):
        word = part.rstrip("".join(_SUFFIXES))
        words.update(_SUFFIXES[sign] for sign in part[len(word) :])
        if word:
            words.add(_SYNONYMS.get(word, word))
    return frozenset(words)


# Nobody new gets in, whatever still runs there: a draining node with jobs is as good as down for a newcomer.
_OUT = frozenset(
    {
        "DOWN", "ERROR", "FAIL", "FAILING", "FUTURE", "INVALID", "INVALID_REG", "UNKNOWN",  # broken
        "DRAIN",  # an operator took it out
        "MAINT", "RESERVED",  # promised to operators, or to those a reservation names
        "REBOOT_REQUESTED", "REBOOT_ISSUED",  # goes down, or is down, by order
    }
)  # fmt: skip

# Switched off to save power, or on the way: Slurm wakes it for a job, so it is not down, but in some minutes,
# so it is not idle either. Such nodes do not respond, and that is no fault.
_ASLEEP = frozenset({"POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "POWER_DOWN", "POWER_UP"})

# PLANNED: the scheduler keeps it for a job that waits. BLOCKED: somebody has the rack for himself.
_TAKEN = frozenset({"ALLOCATED", "MIXED", "COMPLETING", "PLANNED", "BLOCKED"})


def node_use(node: Node) -> NodeUse:
    """Say in which column of the queue table a node belongs, as a newcomer sees it."""
    if node.states & _OUT:
        return NodeUse.DOWN
    if node.states & _ASLEEP:
        return NodeUse.ALLOC
    if "NOT_RESPONDING" in node.states:
        return NodeUse.DOWN
    if node.states & _TAKEN:
        return NodeUse.ALLOC
    # A base state that we have never heard of is no promise of room.
    return NodeUse.IDLE if "IDLE" in node.states else NodeUse.DOWN
