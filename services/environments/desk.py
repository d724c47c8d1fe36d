"""What the pages and the API show: what a user has, and what is going on."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from environments.problems import Problem
from environments.records import Environment
from services.environments import told
from services.environments.digest import Digest, Said
from services.environments.files import Files, UnreachableError
from services.environments.queue import Line
from services.environments.settings import Settings
from services.environments.state import Now, explain_end, now, told_to_end
from services.environments.told import Past, Trouble
from slurm.monitor import Monitor
from slurm.reasons import explain
from slurm.records import Sentence
from texts import mark as _

__all__ = ["Desk", "Overview"]

log = logging.getLogger(__name__)

_FRESH: Final = 5.0
_KEPT: Final = 500
_PAGES: Final = 40
_UNSEEN: Final = 60.0  # seconds
_SEEN: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Overview:
    """What a user has, and what is going on.

    Attributes
    ----------
    as_of : float
        Unix seconds at which the files were read; 0 where that never worked.
    files_problem : Sentence or None
        Why they could not be read now; what is shown is then what was seen last.
    files_code : str
        The same for programs, as in `Problem`; empty for files that were not reached.
    slurm_answers : bool
        Whether Slurm answered the last time it was asked.
    more : int
        How many environments there are besides those that are shown.
    """

    environments: tuple[Environment, ...] = ()
    actions: tuple[Now, ...] = ()
    as_of: float = 0.0
    files_problem: Sentence | None = None
    files_code: str = ""
    slurm_answers: bool = True
    more: int = 0

    def environment(self, name: str) -> Environment | None:
        return next((one for one in self.environments if one.name == name), None)

    def going_on(self, name: str) -> Now | None:
        """Return the action that waits for, or works on, an environment."""
        return next((one for one in self.actions if one.environment == name and not one.over), None)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A job that this process submitted, until the journal shows it; `seen` is how Slurm showed it last."""

    past: Past
    at: float
    seen: Now | None = None

    @property
    def counts(self) -> bool:
        """Whether it is to be shown: Slurm may take a moment to show a job, and forgets those that ended."""
        return time.time() - self.at < (_UNSEEN if self.seen is None else _SEEN)

    def now(self, looked_at: float | None) -> Now:
        """Say what it is at while Slurm does not show it."""
        if self.seen is None:
            return _to_come(self)
        if self.seen.over or looked_at is None:
            return self.seen
        return now(self.past, None, looked_at)


class Desk:
    """Knows what users have. Of that nothing is lost with it: the journals and Slurm have it all."""

    def __init__(self, settings: Settings, monitor: Monitor) -> None:
        self.line = Line(monitor, settings.hub)
        self.files = Files(settings.acts_as_user)
        self._sent: dict[str, dict[str, _Sent]] = {}
        self._last: OrderedDict[str, Overview] = OrderedDict()

    def note(self, user: str, past: Past) -> None:
        """Remember what was submitted just now."""
        self._sent.setdefault(user, {})[past.id] = _Sent(past, time.time())

    async def overview(self, user: str, max_age: float = _FRESH) -> Overview:
        """Return what a user has; never raises: what cannot be asked now is as it was seen last."""
        await self.line.look(max_age)  # before the files, see `state.now`
        looked_at = self.line.looked_at
        try:
            answer = await self.files.ask(user, ask="list")
        except (UnreachableError, Problem) as error:
            if isinstance(error, UnreachableError):
                log.warning("%s: the environments cannot be read: %s", user, error)
            return self._as_last(user, error)
        found = filter(None, map(told.environment, told.listed(answer.get("environments"))))
        pasts = list(filter(None, map(told.past, told.listed(answer.get("actions")))))
        seen = Overview(
            environments=tuple(found),
            actions=tuple(await self._with_ends(self._actions(user, pasts, looked_at))),
            as_of=time.time(),
            slurm_answers=looked_at is not None,
            more=int(told.number(answer.get("more"))),
        )
        self._last[user] = seen
        self._last.move_to_end(user)
        if len(self._last) > _KEPT:
            self._last.popitem(last=False)
        return seen

    def _as_last(self, user: str, error: Exception) -> Overview:
        sentence = (
            error.sentence
            if isinstance(error, Problem)
            else Sentence(_("Your files cannot be read at the moment. This is what was seen last."), {})
        )
        last = self._last.get(user, Overview())
        waiting = [one for one in last.actions if one.over]
        going = self._actions(
            user, [_past_of(one) for one in last.actions if not one.over], self.line.looked_at
        )
        return replace(
            last,
            actions=(*going, *waiting),
            files_problem=sentence,
            files_code=error.code if isinstance(error, Problem) else "",
            slurm_answers=self.line.looked_at is not None,
        )

    def _actions(self, user: str, pasts: list[Past], looked_at: float | None) -> list[Now]:
        """Put together what the journals tell, what Slurm shows, and what was submitted just now."""
        jobs = self.line.of(user)
        known = {one.id: one for one in pasts}
        for identity, found in jobs.items():
            name = found.named
            known.setdefault(identity, Past(identity, name.verb, name.environment))
        ends = {key: jobs[key].job if key in jobs else self.line.ended(key, user) for key in known}
        rows = [now(one, ends[one.id], looked_at) for one in known.values()]
        rows += [sent.now(looked_at) for sent in self._unseen(user, {one.id for one in pasts}, rows)]
        return sorted(rows, key=lambda one: one.began or one.submitted or time.time(), reverse=True)

    def _unseen(self, user: str, begun: set[str], rows: list[Now]) -> list[_Sent]:
        """Return what was submitted and is not to be seen anywhere; forget what has a journal."""
        for row in rows:
            self._see(user, row)
        sent = self._sent.get(user, {})
        kept = {key: one for key, one in sent.items() if key not in begun and one.counts}
        self._sent[user] = kept
        if not kept:
            del self._sent[user]
        shown = {row.id for row in rows}
        return [one for key, one in kept.items() if key not in shown]

    def _see(self, user: str, row: Now) -> None:
        """Remember how Slurm showed a job: cancelled while it waited, it has no journal that tells of it."""
        sent = self._sent.get(user, {})
        if row.id in sent:
            sent[row.id] = replace(sent[row.id], seen=row)

    async def _with_ends(self, rows: list[Now]) -> list[Now]:
        return [await self.explained(one) for one in rows]

    async def explained(self, one: Now) -> Now:
        """Ask the accounting how a job ended, where neither journal nor controller tells."""
        if not one.job or one.state not in ("interrupted", "cancelled") or (one.job_name and one.trouble):
            return one
        end = await self.line.end_of(one.job)
        if end is None:
            return one
        if one.state == "interrupted":
            return replace(one, trouble=Trouble("interrupted", explain_end(end)))
        trouble = told_to_end(end)
        return one if trouble is None else replace(one, state="interrupted", trouble=trouble)

    async def read_journal(self, user: str, digest: Digest) -> list[Said]:
        """Read on in an action's journal; return the lines that are new.

        Raises
        ------
        UnreachableError, Problem
            As `Files.ask`.
        """
        fresh: list[Said] = []
        for _page in range(_PAGES):
            before = digest.next
            answer = await self.files.ask(user, ask="journal", action=digest.known.id, after=before)
            fresh += digest.take(answer)
            if digest.next == before or not answer.get("events"):
                break
        return fresh

    def state_of(self, user: str, digest: Digest, looked_at: float | None) -> Now:
        """Say what an action is at, with what the digest has heard of it."""
        known = digest.known
        found = self.line.of(user).get(known.id)
        sent = self._sent.get(user, {}).get(known.id)
        if not known.verb and found is not None:
            known = replace(known, verb=found.named.verb, environment=found.named.environment)
        elif not known.verb and sent is not None:
            known = replace(known, verb=sent.past.verb, environment=sent.past.environment, job=sent.past.job)
            if found is None and not known.began:
                return sent.now(looked_at)
        row = now(known, found.job if found else self.line.ended(known.id, user), looked_at)
        if found is not None:
            self._see(user, row)
        return row

    async def close(self) -> None:
        """Stop asking."""
        await self.line.close()


def _to_come(sent: _Sent) -> Now:
    """Return an action whose job Slurm has, and did not show yet."""
    past = sent.past
    reason = explain("")
    return Now(past.id, past.verb, past.environment, "waiting", past.job, submitted=sent.at, reason=reason)


def _past_of(one: Now) -> Past:
    return Past(one.id, one.verb, one.environment, began=one.began, host=one.host, job=one.job)
