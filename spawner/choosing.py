"""What a server asks for: the form, the options from wherever they come, and what all servers share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from jupyterhub import orm
from sqlalchemy.orm import object_session
from traitlets import default

import texts
from environments.site import load_site
from slurm.acting import ActsAsUser
from slurm.records import Job, Sentence
from spawner.endings import failure
from spawner.figures import FIGURES
from spawner.form import PATIENCE, render_form
from spawner.known import BROWSERS
from spawner.limits import limits_check
from spawner.office import Office
from spawner.options import OptionsError, Request, from_form, parse, resolve
from spawner.orphans import Orphans
from spawner.presets import Presets
from spawner.settings import SpawnerSettings
from spawner.settling import settled
from spawner.startup import Startup
from spawner.ticket import Ticket
from spawner.turns import Turn
from texts import mark as _

__all__ = ["NOTHING_STARTED", "TakesOptions"]

NOTHING_STARTED = _(
    "Nothing has been started yet. A link filled in the form: please check it and press Submit."
)


class TakesOptions(SpawnerSettings):
    """The part of the spawner that ends when it is settled what Slurm will be asked for."""

    office: ClassVar[Office | None] = None
    everyone: ClassVar[WeakSet[TakesOptions]] = WeakSet()

    def __init__(self, **kwargs: Any) -> None:
        self.ticket = Ticket()
        self.own_presets = Presets()
        self.refused: OptionsError | None = None
        self.typed: dict[str, Any] = {}
        self.asker: Any = None
        self.startup: Startup | None = None
        self.ending = False
        self.resuming = False
        self.turn: Turn | None = None
        self.user_home: Path | None = None
        self._submission: asyncio.Task[None] | None = None
        super().__init__(**kwargs)
        self.everyone.add(self)

    # --- what the servers of this hub share --------------------------------------------------------

    def shared(self) -> Office:
        """Return the office, which the first server opens."""
        kind = type(self)
        if kind.office is None:
            file, at_once = Path(self.queues_file), self.submissions_at_once
            site = load_site(Path(self.environments_file)) if self.environments_file else None
            kind.office = Office(self.config, file, self.log, at_once=at_once, site=site)
            self._take_up_abandoned(kind.office)
            self._watch_orphans(kind.office)
        return kind.office

    def _take_up_abandoned(self, office: Office) -> None:
        """Go on with what the hub before this one could not tell Slurm."""
        session = object_session(self.orm_spawner)
        for row in session.query(orm.Spawner) if session is not None else ():
            state: Any = row.state or {}
            for name in state.get("abandoned", ()):
                self.log.info("Job %s of %s is still to be cancelled", name, row.user.name)
                office.abandoned.add(name, row.user.name, partial(self._cancel_as, row.user.name))

    def _watch_orphans(self, office: Office) -> None:
        """Look for jobs of this hub that none of its servers, which are all known by now, owns."""
        kind = type(self)
        office.orphans = Orphans(
            office.monitor,
            self.log,
            self.hub_name,
            owned=lambda: {one.ticket.name for one in kind.everyone} | office.abandoned.names,
            cancel=lambda job: self._cancel_as(job.user, job),
            grace=self.orphan_grace,
        )
        office.orphans.watch()

    @property
    def acts(self) -> ActsAsUser:
        return self._acts_as(self.user.name)

    def _acts_as(self, user: str) -> ActsAsUser:
        return ActsAsUser(self.acts_as_user, user, self.helper_timeout)

    def abandon(self, name: str) -> None:
        """Have a job cancelled in the background as soon as Slurm hears it, by this hub or the next."""
        user = self.user.name
        self.shared().abandoned.add(name, user, partial(self._cancel_as, user))
        self.ticket.abandoned.append(name)

    async def _cancel_as(self, user: str, job: Job) -> None:
        await self.shared().cancel(self._acts_as(user), user, job.id, job.name)

    @property
    def language(self) -> str:
        """The language of the server's user, as it was when last heard."""
        return self.ticket.language or texts.default_language

    def hear(self) -> None:
        """Take the language from the request that the hub is serving."""
        if self.handler is not None:
            self.speak(texts.language_of(self.handler))

    def speak(self, lang: str) -> None:
        """Go on in another language: the user has switched, perhaps while the server starts."""
        self.ticket.language = lang

    @property
    def token_digest(self) -> str:
        return self.ticket.token_digest

    # --- presets: one set for a user, in the state of the default server, which always exists ---------

    @property
    def home(self) -> TakesOptions:
        """The user's default server, running or not."""
        home: TakesOptions = self.user.spawner
        return home

    @property
    def presets(self) -> Presets:
        return self.home.own_presets

    def preset(self, name: str) -> dict[str, Any] | None:
        """Return the choices of the user's preset of that name, or else of the site's."""
        own = self.presets.get(name)
        if own is not None:
            return own
        offered = (one.options for one in self.shared().policy.presets if one.name == name)
        return next((dict(options) for options in offered), None)

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.own_presets = Presets.from_state(state.get("presets"))

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return {**state, "presets": self.own_presets.to_state()} if self.own_presets else state

    # --- options -----------------------------------------------------------------------------------

    async def get_options_form(self) -> str:
        """Render the queue table and the fields (the hub puts them into its spawn page)."""
        self.hear()
        handler = self.handler
        if handler is None or handler.current_user is not self.user:
            return await render_form(self)
        known = BROWSERS.remember(handler, self.home, handler.xsrf_token.decode())
        form = await render_form(self, known)
        FIGURES.prepare(known, texts.language_of(handler))
        return form

    def run_options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        self.hear()
        self._keep_typed({name: values[0] for name, values in form_data.items() if values})
        options: dict[str, Any] = self._or_refuse(partial(from_form, form_data))
        return options

    def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
        """Start nothing: a link can come from anywhere, and cost money. The page itself fills in the form."""
        self.hear()
        self._keep_typed({name: values[0] for name, values in query_data.items() if values})
        raise failure(self.language, Sentence(NOTHING_STARTED, {}), reason="link", status=200)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Callable[[Any, dict[str, Any]], None]:
        # `start` takes them: from this hook a refusal would leave a traceback in the log.
        return lambda _spawner, _options: None

    async def take_options(self, user_options: dict[str, Any]) -> Request:
        """Check the options, from wherever they come."""
        self.hear()
        self.home.asker = self.handler
        resolved = await self.resolver()
        request: Request = self._or_refuse(partial(resolved, user_options))
        standing = await self.shared().standing(self.user)
        wait = self.over_limit == "wait"
        self._or_refuse(await limits_check(self.shared(), request, standing, wait=wait))
        request = await self._settle(request)
        self.default_url = "/lab" if request.interface == "lab" else "/tree"
        return request

    async def _settle(self, request: Request) -> Request:
        try:
            return await settled(self, request)
        except OptionsError as error:
            raise self._refusal(error) from error

    async def resolver(self) -> Callable[[Mapping[str, Any]], Request]:
        """Return what checks options against policy, partitions, groups and accounts as they are now.

        What it returns raises `OptionsError`.
        """
        office = self.shared()
        standing = await office.standing(self.user)
        snapshot = await office.monitor.look_nodes(60, PATIENCE)

        def resolved(raw: Mapping[str, Any]) -> Request:
            options = parse(raw, office.policy)
            known = snapshot.reservations if snapshot.partitions else None
            return resolve(options, office.policy, snapshot.partitions, standing, known, office.site)

        return resolved

    def _or_refuse(self, check: Callable[[], Any]) -> Any:
        try:
            return check()
        except OptionsError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OptionsError) -> Exception:
        self.home.refused = error
        return failure(self.language, error.sentence, reason=f"option {error.field}")

    def _keep_typed(self, typed: dict[str, Any]) -> None:
        # With the default server: as its form the hub shows whatever was refused, whichever it was for.
        self.home.typed = typed
