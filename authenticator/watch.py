"""Looks after people who are logged in: who is disabled in the directory goes, who changes groups follows.

A background task asks the directory for everybody who has anything to lose, a few searches for all, every
`watch_interval`. Requests are answered from what it found: no page ever waits for the directory. While that
does not answer, people stay for `directory_grace`, then have to log in again; servers and jobs are never
stopped because of an outage.

How long somebody who is disabled can still do anything, at the longest, in seconds:

====  ==============================================================================================
 120  `watch_interval`: the look has just begun when the account is disabled
  15  `login_timeout`: the look itself (each 500 people have that long; 1,000 take under one)
   1  `auth_refresh_age`: the hub's own memory; cookies and tokens are refused at once in any case
  60  what a notebook server or a service remembers of a browser (`HubOAuth.cache_max_age`; JupyterHub's
      own value is 300, so servers and services must be started with 60)
  60  the connection of an open notebook, which the server looks at again (`singleuser.leash`)
 256  together; five minutes are 300
====  ==============================================================================================

Resets by an administrator come from a table of the store, so that the command line can ask for them as well;
it is read every two seconds, and at start before the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jupyterhub.utils import maybe_future
from sqlalchemy.exc import SQLAlchemyError
from tornado import web

import texts
from authenticator import people
from authenticator.audit import Event
from authenticator.errors import Unavailable
from authenticator.known import Known, too_many
from authenticator.resets import Resets
from authenticator.sessions import Sessions
from authenticator.workers import Deadline

if TYPE_CHECKING:
    from authenticator.directory import Account

__all__ = ["Watch"]

BATCH: Final = 500  # people for whom the directory is asked under one deadline
AT_ONCE: Final = 25  # people who are worked through before others get the loop
LISTEN_SECONDS: Final = 2.0  # between two looks for resets
RETRY_SECONDS: Final = 30.0  # after an outage
SETTLE_SECONDS: Final = 0.5  # so that many who come at once are asked about together
SPAWN_SECONDS: Final = 5.0
# What a running server says with its own token. It must be heard whatever becomes of its user.
REPORTS: Final = re.compile(r"api/(users/[^/]+/activity|hpchub/port)")

NOT_OPEN: Final = texts.mark(
    "This account is closed, or the directory of accounts has not answered for too long: "
    "no server was started. Log in again."
)


class Watch:
    """Watches over the people of one running hub.

    Parameters
    ----------
    authenticator
        Its settings, rules, `directory`, `store` and `audit` are used.
    app
        The hub.
    clock
        Seconds that only go forward.
    """

    def __init__(self, authenticator: Any, app: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._authenticator = authenticator
        self._app = app
        self._clock = clock
        self._log = authenticator.log
        self._known = Known(authenticator.directory_grace)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: set[asyncio.Task[None]] = set()  # servers of people who are out
        self._silent = ""  # why the directory is not answering, if it is not
        # Not the pool of the logins: that one is full when many people wait for a hanging directory.
        self._asking = ThreadPoolExecutor(3, thread_name_prefix="watch")
        self.sessions = Sessions(app)
        self._resets = Resets(authenticator, self.sessions)

    # ----- from hub start to hub end ---------------------------------------------------------

    def start(self) -> None:
        """Carry out what was asked for while the hub was down, then begin; called on the hub's loop."""
        self._resets.begin()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        """End the tasks. What they leave undone, the next hub finds again."""
        tasks = [*self._tasks, *self._stopping]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._resets.close()

    # ----- questions and news, all answered at once -------------------------------------------

    def refresh(self, name: str, handler: Any = None) -> bool:
        """Answer JupyterHub's `refresh_user`: may this user go on?"""
        if handler is not None and _is_report(handler):
            # JupyterHub would take this answer for the next requests as well, for `auth_refresh_age`.
            asyncio.get_running_loop().call_soon(setattr, handler.current_user, "_auth_refreshed", None)
            return True
        stays = self._known.may_stay(name, self._clock())
        if self._known.somebody_is_wanted:
            self._wake.set()
        return stays

    def admitted(self, name: str) -> None:
        """Take note that the directory has just let somebody in."""
        self._known.learn(name, "", self._clock())

    async def before_spawn(self, user: Any, spawner: Any) -> None:
        """Start nothing for somebody who is gone; called as `Authenticator.pre_spawn_start`.

        Raises
        ------
        tornado.web.HTTPError
            403, when the directory said no, or nothing for too long.
        """
        if self._known.age(user.name, self._clock()) > 2 * self._authenticator.watch_interval:
            with contextlib.suppress(Unavailable):
                await self._ask([user.name], SPAWN_SECONDS)
        if not self._known.may_stay(user.name, self._clock()):
            error = web.HTTPError(403, "account of %s is closed or not confirmed", user.name)
            message = texts.translate(texts.language_of(spawner.handler), NOT_OPEN)
            error.jupyterhub_message = message  # type: ignore[attr-defined]
            raise error

    async def revoke(self, name: str, *, reason: str, by: str) -> None:
        """End somebody's sessions now, in this hub and in all others that share the store."""
        await self._resets.request(name, reason=reason, by=by)

    # ----- looking ---------------------------------------------------------------------------

    async def _watch(self) -> None:
        due = self._clock()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, due - self._clock()))
                await asyncio.sleep(SETTLE_SECONDS)
            self._wake.clear()
            if self._clock() < due:
                await self._safely(self.look(self._known.take_wanted()))
                continue
            began = self._clock()
            await self._safely(self.sweep())
            interval = self._authenticator.watch_interval
            due = began + (min(interval, RETRY_SECONDS) if self._silent else interval)

    async def sweep(self) -> None:
        """Ask the directory for everybody who has anything to lose."""
        self._known.take_wanted()
        names = people.with_something_to_lose(self._app)
        self._known.keep_only(names, self._clock())
        await self.look(self._known.oldest_first(names))

    async def look(self, names: Sequence[str]) -> None:
        """Ask the directory for these people, and do what follows from its answer."""
        if not names:
            return
        try:
            await self._ask(names, self._authenticator.login_timeout)
        except Unavailable as outage:
            self._note_silence(str(outage))
        else:
            self._note_silence("")

    async def _ask(self, names: Sequence[str], seconds: float) -> None:
        """Ask, and take what was answered even if then an answer is missing."""
        answers: dict[str, Account | None] = {}
        asked_at, date = self._clock(), time.time()
        try:
            for start in range(0, len(names), BATCH):
                answers |= await self._look_up(names[start : start + BATCH], seconds)
        finally:
            await self._take(answers, asked_at, date)

    async def _look_up(self, names: Sequence[str], seconds: float) -> Mapping[str, Account | None]:
        directory = self._authenticator.directory
        question = partial(directory.look_up_many, names, Deadline(seconds))
        future = asyncio.get_running_loop().run_in_executor(self._asking, question)
        try:
            # The directory keeps to the deadline itself; a second more, so that its own words are heard.
            return await asyncio.wait_for(future, seconds + 1)
        except TimeoutError:
            raise Unavailable("deadline", f"no answer within {seconds:g} s") from None

    async def _take(self, answers: Mapping[str, Account | None], asked_at: float, date: float) -> None:
        why = {name: await self._why_not(name, account) for name, account in answers.items()}
        if too_many(why, filter(self._known.is_out, why)):
            self._log.error(
                "The directory says that %d of %d people are gone, all at once. Nobody is logged out for it; "
                "look at bind_dn's rights, user_search_base and user_filter.",
                sum(map(bool, why.values())),
                len(why),
            )
            why = {name: word for name, word in why.items() if not word}
        names = list(why)
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            records = people.records(self._app, some)
            for name in some:
                was_out = self._known.is_out(name)
                if not self._known.learn(name, why[name], asked_at):
                    continue
                account = answers[name]
                if account is not None and not why[name]:
                    changed = people.follow(self._app, self._authenticator, records.get(name), account)
                elif changed := not was_out:
                    self._remove(name, why[name], date)
                if changed:  # the database was written, which takes some milliseconds
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _why_not(self, name: str, account: Account | None) -> str:
        """Return one word why somebody may not stay, by the same rules as at the door."""
        if account is None or account.disabled:
            return "gone" if account is None else account.disabled
        rules, model = self._authenticator, {"name": name, "groups": sorted(account.groups)}
        if not await maybe_future(rules.check_blocked_users(name, model)):
            return "blocked"
        if not rules.allow_all and not await maybe_future(rules.check_allowed(name, model)):
            return "not_allowed"
        return ""

    def _remove(self, name: str, why: str, date: float) -> None:
        if self.sessions.end(name, before=date):
            self._log.info("%s is out: %s", name, why)
            self._authenticator.audit.record(Event(kind="gone", reason=why, user=name))
        if self._authenticator.servers_of_removed == "stop":
            # Not waited for: one that is slow to stop must not hold up the others' answers.
            task = asyncio.create_task(self.sessions.stop_servers(name))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def _note_silence(self, why: str) -> None:
        if why and not self._silent:
            grace = self._authenticator.directory_grace
            self._log.warning("The directory does not answer (%s); people stay for %d s at most", why, grace)
        elif self._silent and not why:
            self._log.info("The directory answers again")
        self._silent = why

    async def _listen(self) -> None:
        while True:
            await asyncio.sleep(LISTEN_SECONDS)
            await self._safely(self._resets.catch_up())

    async def _safely(self, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong, the next round comes."""
        try:
            await work
        except SQLAlchemyError as error:
            self._log.error("A database does not work: %s", type(error).__name__)
            self._app.db.rollback()
        except Exception:
            self._log.exception("The watch over people who are logged in stumbled")


def _is_report(handler: Any) -> bool:
    path = str(handler.request.path).removeprefix(handler.hub.base_url)
    return REPORTS.fullmatch(path) is not None
