"""Has something done: checked, met with the queue's terms, submitted as the user; and cancelled."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from environments import names
from environments.problems import Problem
from environments.records import Action
from environments.site import Site
from queues.policy import QueuePolicy
from services.environments.desk import Desk, Overview
from services.environments.files import SETUP, problem_of
from services.environments.jobs import job_name, script_of
from services.environments.settings import Settings
from services.environments.state import Now, words_of
from services.environments.terms import Person, asked_for
from services.environments.told import Past, Trouble
from slurm.accounts import Accounts
from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmError, SlurmRefused
from slurm.folders import folder_trouble
from slurm.records import Sentence
from slurm.refusals import explain_refusal
from texts import mark as _

__all__ = ["Clerk"]

log = logging.getLogger(__name__)

_KEPT: Final = 500
_LOOKS: Final = 6
_HOPELESS: Final = ("site", "setup")  # the job would trip over it as well
# sbatch's words where no controller took its request; after all others one may still have it.
_NEVER_SENT: Final = re.compile(r"connect failure|connection refused|no route to host", re.IGNORECASE)
_OPEN: Final = _(
    "Slurm has not answered, so it is not known whether this was begun. If it was, it stands under"
    " “My environments” once Slurm answers again: look there before you try again."
)
_MAKES: Final = frozenset({"bootstrap", "import", "clone"})


class Clerk:
    """Submits actions and cancels them; for one user one after the other."""

    def __init__(self, settings: Settings, site: Site, policy: QueuePolicy, desk: Desk) -> None:
        self.site = site
        self._settings, self._policy, self._desk = settings, policy, desk
        self._accounts = Accounts(desk.line.client, log)
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()
        self._open: dict[tuple[str, str], float] = {}

    async def submit(self, user: str, groups: frozenset[str], wanted: Mapping[str, Any]) -> Action:
        """Have something done; return the action, which has its id now.

        Raises
        ------
        Problem
            It is refused, or could not be submitted; nothing has begun.
        """
        action = Action.from_json({**wanted, "id": secrets.token_hex(8)})
        names.check(action, self.site)
        lock = self._locks.setdefault(user, asyncio.Lock())
        self._locks.move_to_end(user)
        while len(self._locks) > _KEPT and not next(iter(self._locks.values())).locked():
            self._locks.popitem(last=False)
        async with lock:
            seen = await self._desk.overview(user, max_age=0.0)
            self._check(user, action, seen)
            await self._submit(user, groups, action)
        return action

    def _check(self, user: str, action: Action, seen: Overview) -> None:
        names.check(action, self.site, [one.name for one in seen.environments])
        other = seen.going_on(action.environment)
        if other is not None:
            raise Problem(
                "busy",
                _("“%(verb)s” is not done with “%(name)s” yet: wait for its end, or cancel it."),
                verb=Sentence(words_of(other.verb), {}),
                name=action.environment,
            )
        if seen.files_problem is not None and seen.files_code in _HOPELESS:
            raise problem_of(Trouble(seen.files_code, seen.files_problem))
        self._check_open(user, action.environment, seen)
        existing = seen.environment(action.environment) is not None
        if seen.files_problem is None and not existing and not seen.more and action.verb not in _MAKES:
            raise Problem("missing", _("There is no environment %(name)s."), name=action.environment)

    def _check_open(self, user: str, environment: str, seen: Overview) -> None:
        """Let nobody press again while it is not known what came of the last time."""
        at = self._open.get((user, environment))
        looked_at = self._desk.line.looked_at if seen.slurm_answers else None
        if at is not None and (looked_at is None or looked_at < at):
            raise Problem("slurm", _OPEN)
        self._open.pop((user, environment), None)

    async def _submit(self, user: str, groups: frozenset[str], action: Action) -> None:
        queue = self._policy.queue(self.site.queue)
        if queue is None:
            raise Problem(
                "setup",
                _("The queue “%(queue)s” for environments does not exist. Please tell the administrators."),
                queue=self.site.queue,
            )
        _nodes, associations = await asyncio.gather(self._desk.line.look_at_nodes(), self._accounts.of(user))
        person = Person(user, groups, associations)
        script = script_of(action, self._settings.python, self._settings.runner)
        asked = asked_for(queue, self._desk.line.snapshot, person, self.site.minutes)
        name = job_name(self._settings.hub, user, action)
        job_id = ""
        try:
            async with self._desk.files.acting(user) as acts:
                job_id = await acts.submit(name=name, script=script, environment={}, **asked)
        except SlurmError as error:
            job_id = await self._look_for(user, action) if _is_open(error) else ""
            if not job_id:
                if _is_open(error):
                    self._open[user, action.environment] = time.time()
                raise _submission_problem(error) from None
        log.info("%s: %s of %s is job %s (%s)", user, action.verb, action.environment, job_id, action.id)
        past = Past(action.id, action.verb, action.environment, job=job_id)
        self._desk.note(user, past)

    async def _look_for(self, user: str, action: Action) -> str:
        """Return the id of the job that an sbatch without an answer may have left; empty if there is none."""
        line, began = self._desk.line, time.time()
        for _try in range(_LOOKS):  # it rests between two questions, and may wake up only now
            await line.look(0.0)
            found = line.of(user).get(action.id)
            if found is not None:
                return found.job.id
            if line.looked_at is None or line.looked_at > began:
                break
            await asyncio.sleep(0.5)
        return ""

    async def cancel(self, user: str, one: Now) -> None:
        """Cancel an action; what was there before it stays.

        Raises
        ------
        Problem
            It is over, or runs in a terminal, or could not be told to end.
        """
        if one.over:
            raise Problem("over", _("This has ended already."))
        if not one.job:
            raise Problem(
                "terminal",
                _("This runs in a terminal on %(host)s: press Ctrl-C there."),
                host=one.host or "?",
            )
        name = one.job_name or job_name(
            self._settings.hub,
            user,
            Action.from_json({"id": one.id, "verb": one.verb, "environment": one.environment}),
        )
        try:
            async with self._desk.files.acting(user) as acts:
                await acts.cancel(one.job, name)
        except SlurmRefused as refused:
            log.info("%s: job %s cannot be cancelled: %s", user, one.job, refused.message)
            raise Problem("refused", _("Slurm says: %(words)s"), words=refused.message) from None
        except SlurmError:
            raise Problem(
                "slurm", _("Slurm does not answer at the moment, so this could not be cancelled. Try again.")
            ) from None

    async def close(self) -> None:
        """Stop asking."""
        await self._accounts.close()


def _is_open(error: SlurmError) -> bool:
    """Whether there may be a job for all that was answered: Slurm takes what it was sent when it wakes up."""
    if isinstance(error, SlurmRefused | FolderError | HelperRefusedError):
        return False
    return _NEVER_SENT.search(error.message) is None


def _submission_problem(error: SlurmError) -> Problem:
    """Say that Slurm refused, in words; or that it does not answer, which is no refusal."""
    if isinstance(error, SlurmRefused):
        said = explain_refusal(error.message)
        return problem_of(Trouble("refused", said))
    if isinstance(error, FolderError):
        text = _("Your folder %(path)s cannot be used: %(reason)s Nothing was submitted.")
        return Problem("folder", text, path=error.path, reason=folder_trouble(error))
    if isinstance(error, HelperRefusedError):
        return Problem("setup", SETUP, words=error.message)
    if _is_open(error):
        return Problem("slurm", _OPEN)
    return Problem(
        "slurm",
        _("Slurm does not answer at the moment, so nothing was begun. Please try again in a few minutes."),
    )
