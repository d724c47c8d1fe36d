"""`LDAPOTPAuthenticator`: JupyterHub's side of the door."""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from jupyterhub.utils import maybe_future
from tornado import web

import texts
from authenticator import metrics, people
from authenticator.address import address_of
from authenticator.answers import Enrol, answer_to, refusal
from authenticator.assembly import Assembly
from authenticator.audit import Event
from authenticator.credentials import Credentials, canonical, noted
from authenticator.directory import Person
from authenticator.discretion import keep_sessions_out_of_the_log
from authenticator.door import Admission, Prove
from authenticator.errors import LoginError, PasswordExpired, Refused, Throttled, Unavailable
from authenticator.factors import How
from authenticator.form import LoginFormHandler
from authenticator.leaving import logout_handler
from authenticator.pages import flow
from authenticator.pages.hints import Hints, hints_for
from authenticator.watch import Watch
from authenticator.workers import Deadline

__all__ = ["LDAPOTPAuthenticator"]

Result = TypeVar("Result")


class LDAPOTPAuthenticator(Assembly):
    """Login with account, one-time password and password against an LDAP directory.

    The whole check blocks, so it runs in threads of its own (`threads`, `waiting`) and is given up after
    `login_timeout`. Who is logged in is looked after by `authenticator.watch`.
    """

    watch: Watch | None = None

    # ----- JupyterHub's hooks ---------------------------------------------------------------

    def get_handlers(self, app: Any) -> list[tuple[str, type[web.RequestHandler]]]:
        """Put our handlers before JupyterHub's, and begin to look after who is logged in.

        JupyterHub calls this once, at start, on its event loop.
        """
        keep_sessions_out_of_the_log()
        self.watch = Watch(self, app)
        self.watch.start()
        return [(r"/login", LoginFormHandler), (r"/logout", logout_handler()), *flow.handlers()]

    def normalize_username(self, username: str) -> str:
        """Return the one spelling of a name; what cannot be a name is left for `validate_username`."""
        return canonical(username) or username

    def validate_username(self, username: str) -> bool:
        """Tell whether this can be a user, whatever `username_pattern` allows besides."""
        valid = super().validate_username(username)  # type: ignore[no-untyped-call]
        return canonical(username) == username and bool(valid)

    def check_allowed(self, username: str, authentication: dict[str, Any] | None = None) -> bool:
        """Let in who is named in `allowed_users` or is in one of `allowed_groups`."""
        groups = (authentication or {}).get("groups") or ()
        named = super().check_allowed(username, authentication)  # type: ignore[no-untyped-call]
        return bool(named or self.allowed_groups & set(groups))

    def check_blocked_users(self, username: str, authentication: dict[str, Any] | None = None) -> bool:
        """Keep out who is named in `blocked_users` or is in one of `blocked_groups`."""
        groups = (authentication or {}).get("groups") or ()
        passes = super().check_blocked_users(username, authentication)  # type: ignore[no-untyped-call]
        return bool(passes and not self.blocked_groups & set(groups))

    async def authenticate(self, handler: web.RequestHandler, data: object) -> dict[str, Any]:
        """Check what was typed and return JupyterHub's model of the user.

        Raises
        ------
        tornado.web.HTTPError
            403 with the one sentence for every refusal, 429 for too many attempts, 503 when we cannot tell.
        Enrol
            An enrolment code opens no session: the form leads on to the page where a device is enrolled.
        """
        admission = await self.admit(handler, data)
        if admission.how is How.ENROLMENT:
            raise Enrol(admission, texts.language_of(handler))
        if isinstance(handler, LoginFormHandler):
            handler.admission = admission
        if self.watch is not None:
            self.watch.admitted(admission.person.name)
        return self.model_of(admission.person)

    async def refresh_user(
        self, user: Any, handler: web.RequestHandler | None = None, **_more: Any
    ) -> bool | dict[str, Any]:
        """Say at once whether somebody may stay; the directory is asked in the background."""
        return True if self.watch is None else self.watch.refresh(user.name, handler)

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Start nothing for somebody whom the directory has shut out."""
        if self.watch is not None:
            await self.watch.before_spawn(user, spawner)

    # ----- for our pages --------------------------------------------------------------------

    async def admit(
        self, handler: web.RequestHandler, data: object, *, prove: Prove | None = None
    ) -> Admission:
        """Let somebody through the whole door: throttle, code, password, groups, the hub's own rules.

        Parameters
        ----------
        handler
            Whose request it is: its address counts, its language is answered in.
        data
            The three fields of the form, as text or bytes.
        prove
            Another way to prove the second factor than the usual one.

        Raises
        ------
        tornado.web.HTTPError
            403, 429 or 503, with the sentence for the person in `jupyterhub_message`.
        """
        address = address_of(handler.request)
        name = data.get("username") if isinstance(data, Mapping) else None
        began = time.monotonic()
        try:
            admission = await self._check(data, address, prove)
        except LoginError as error:
            result = "unavailable" if isinstance(error, Unavailable) else "refused"
            if result == "unavailable":
                self.log.error("Login not possible: %s", error)
            self._note(result, error.reason, name, address, began)
            if isinstance(error, Refused) and not isinstance(error, Throttled | PasswordExpired):
                await self._hold_back(began)
            raise answer_to(error, texts.language_of(handler), self.password_url) from None
        self._note("success", "", name, address, began, how=admission.how.value)
        self.expiries.note(admission.person)
        return admission

    async def in_thread(self, function: Callable[[], Result]) -> Result:
        """Return what a blocking function (of the store, of the directory) returns; no page waits for it.

        Raises
        ------
        Unavailable
            When it takes longer than `login_timeout`, or too many wait already.
        """
        return await self.page_workers.run(function, timeout=self.login_timeout)

    def refusal(self, handler: web.RequestHandler) -> web.HTTPError:
        """Return the answer to everything that is not right, in the language of the request."""
        return refusal(texts.language_of(handler))

    async def notices_for(self, name: str) -> Hints:
        """Return what the home page tells this person; the template waits for it."""
        return await hints_for(self, name)

    def model_of(self, person: Person) -> dict[str, Any]:
        """Return JupyterHub's model of somebody."""
        groups = sorted(person.groups)
        return {"name": person.name, "groups": groups, "admin": people.is_admin(self, person)}

    # ----- our own --------------------------------------------------------------------------

    async def _check(self, data: object, address: str, prove: Prove | None) -> Admission:
        credentials = Credentials.parse(data)
        if self.door is None:
            raise Unavailable("error", "check_allow_config was not called")
        check = partial(self.door.check, credentials, address, Deadline(self.login_timeout), prove)
        try:
            admission = await self.workers.run(check, timeout=self.login_timeout)
        except LoginError:
            raise
        except Exception as error:
            # Whatever it is, nobody gets in by it. The error's own text may quote what was typed: only the
            # lines of code are logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            self.log.error("The login check failed with %s:\n%s", type(error).__name__, where)
            raise Unavailable("error", type(error).__name__) from None
        await self._welcome(admission.person)
        return admission

    async def _welcome(self, person: Person) -> None:
        """Apply the hub's own rules now, so that their refusals read and count like any other."""
        user = self.model_of(person)
        if not await maybe_future(self.check_blocked_users(person.name, user)):
            raise Refused("blocked")
        if not self.allow_all and not await maybe_future(self.check_allowed(person.name, user)):
            raise Refused("not_allowed")

    async def _hold_back(self, began: float) -> None:
        """Answer every refusal equally late, so that the time taken does not tell its cause."""
        await asyncio.sleep(max(0.0, self.refusal_milliseconds / 1000 - (time.monotonic() - began)))

    def _note(
        self, result: str, reason: str, name: object, address: str, began: float, *, how: str = ""
    ) -> None:
        metrics.login_took(time.monotonic() - began, result)
        self.audit.record(Event("login", result, reason, noted(name), address, how=how))
        if how == How.EXEMPT.value:
            self.log.warning("%s logged in from %s without a one-time password", noted(name), address)
            self.audit.record(Event("exempt", result, "", noted(name), address))
