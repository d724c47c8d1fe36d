"""What a user may have at once, and how much of it he has, as the form tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import texts
from slurm.limits import Limit
from slurm.records import Sentence
from spawner.forecast import Resolve
from spawner.limits import limits_for
from spawner.options import OptionsError
from texts import mark as _

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["limits_met", "tell_limit"]

_KINDS = {
    "running": _("Running jobs: %(used)s of %(allowed)s"),
    "submitted": _("Waiting and running jobs: %(used)s of %(allowed)s"),
    "gpus": _("GPUs: %(used)s of %(allowed)s"),
}
_PER_JOB = _("GPUs of one job: at most %(allowed)s")
_OWN = _("yours, by %(source)s")
_SHARED = _("shared with others, by %(source)s")


async def limits_met(spawner: TakesOptions, resolve: Resolve, raw: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Return the limits that the present choices would meet; none where Slurm keeps or tells none."""
    try:
        request = resolve(raw)
    except OptionsError:
        return ()
    office = spawner.shared()
    rules = await office.accounts.rules()
    if rules is None:
        return ()
    snapshot = office.monitor.snapshot
    standing = await office.standing(spawner.user)
    return limits_for(request, rules, snapshot.jobs, snapshot.partitions, standing)


def tell_limit(limit: Limit, lang: str) -> dict[str, Any]:
    """Put a limit into words: how much of it is used, and whose it is."""
    numbers: dict[str, object] = {"used": limit.used, "allowed": limit.allowed}
    msgid = _PER_JOB if limit.per_job else _KINDS[limit.kind]
    whose = _SHARED if limit.group else _OWN
    return {
        "text": texts.say(lang, Sentence(msgid, numbers)),
        "whose": texts.say(lang, Sentence(whose, {"source": limit.source})),
        "full": not limit.per_job and limit.used >= limit.allowed,
    }
