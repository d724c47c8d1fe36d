"""Slurm's refusals in words: the usual ones translated, any other as Slurm says it."""

from __future__ import annotations

import re
from typing import Final

from slurm.records import Sentence
from slurm.records import mark as _

__all__ = ["MESSAGES", "explain_refusal"]

_RAW = _("Slurm says: %(words)s")

# Slurm's own texts (src/common/slurm_errno.c, 20.11 to 25.05); the first that is found counts.
_USUAL: Final = (
    (r"requested node configuration is not available", _("No node of this queue has what you ask for.")),
    (
        r"required node not available|requested nodes are busy",
        _("The nodes that this needs are down or reserved at the moment."),
    ),
    (
        r"requested partition configuration not available",
        _("This queue is closed at the moment: its partition is down."),
    ),
    (r"requested time limit is invalid", _("Slurm does not allow so many hours here.")),
    (r"node count specification invalid|more processors requested", _("No node of this queue is so large.")),
    (r"memory required by task is not available", _("No node of this queue has so much memory.")),
    (
        r"violates accounting/qos policy",
        _("This is more than Slurm's limits allow you or your project at the moment."),
    ),
    (
        r"invalid account or account/partition",
        _("Slurm does not know you in this project, or not in this queue."),
    ),
    (r"invalid qos|qos not permitted", _("Slurm does not allow you this quality of service here.")),
    (
        r"(requested reservation is invalid|access denied to requested reservation|reservation .*not usable)",
        _("This reservation has ended, or is not for you."),
    ),
    (r"invalid feature specification", _("No node of this queue has that feature.")),
    (
        r"group not permitted|user not permitted|permission denied",
        _("Slurm does not let you use this queue."),
    ),
    (r"invalid generic resource", _("This queue has no such GPUs.")),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), msgid) for pattern, msgid in _USUAL)

MESSAGES: Final = frozenset({_RAW, *(msgid for pattern, msgid in _USUAL)})
"""All msgids of this file, for those who keep the catalogues."""


def explain_refusal(words: str) -> Sentence:
    """Say in words what Slurm refuses.

    >>> str(explain_refusal("Requested time limit is invalid (missing or exceeds some limit)"))
    'Slurm does not allow so many hours here.'
    """
    for pattern, msgid in _COMPILED:
        if pattern.search(words):
            return Sentence(msgid, {})
    return Sentence(_RAW, {"words": words})
