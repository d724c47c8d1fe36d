"""`LDAPOTPAuthenticator`: JupyterHub's side of the door."""

import traceback
from functools import partial
from pathlib import Path
from typing import Any, Final

from jupyterhub.utils import maybe_future
from tornado import web
from traitlets import TraitError

import texts
from authenticator.audit import Audit, LogAudit, LoginEvent, safe_name
from authenticator.credentials import Credentials, canonical
from authenticator.directory import Directory, Person
from authenticator.door import Door
from authenticator.errors import LoginError, Refused, Unavailable
from authenticator.form import LoginFormHandler
from authenticator.keys import KeyFileError, load_keys
from authenticator.settings import LoginSettings
from authenticator.store import StoreError, TokenStore
from authenticator.throttle import NoThrottle, Throttle
from authenticator.workers import Deadline, Workers

__all__ = ["LDAPOTPAuthenticator"]

RETRY_AFTER_SECONDS: Final = 30

REFUSED: Final = texts.mark(
    "The account, the one-time password or the password is not right. "
    "Each one-time password works once: wait for the next one, then try again."
)
UNAVAILABLE: Final = texts.mark(
    "The directory of accounts does not answer, so nobody can log in at the moment. "
    "It has nothing to do with what you typed. Try again in a minute, with a new one-time password."
)


class LDAPOTPAuthenticator(LoginSettings):
    """Login with account, one-time password and password against an LDAP directory.

    The whole check blocks, so it runs in threads of its own (`threads`, `waiting`) and is given up after
    `login_timeout`. `throttle` and `audit` may be replaced by a subclass; see their protocols.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.throttle: Throttle = NoThrottle()
        self.audit: Audit = LogAudit(self.log)
        self._workers = Workers(self.threads, self.waiting)
        self._door: Door | None = None

    # ----- at start -------------------------------------------------------------------------

    def check_allow_config(self) -> None:
        """Refuse to start with settings that are not safe; JupyterHub calls this once, at start.

        Raises
        ------
        TraitError
            With a sentence for each fault.
        """
        if problems := list(self.problems()):
            raise TraitError(
                "The login is not safe to start:\n" + "\n".join(f"- {each}" for each in problems)
            )
        super().check_allow_config()  # type: ignore[no-untyped-call]
        try:
            store = self.open_store()
            unreadable, total = store.unreadable()
        except (StoreError, KeyFileError) as error:
            raise TraitError(f"The login is not safe to start:\n- {error}") from None
        if unreadable:
            self.log.error(
                "%d of %d tokens cannot be read with the keys in %s", unreadable, total, self.key_file
            )
        if unreadable and unreadable == total:
            raise TraitError(f"The login is not safe to start:\n- {self.key_file} is not this store's key")
        self._door = self._make_door(store)

    def open_store(self) -> TokenStore:
        """Return the token store of these settings."""
        return TokenStore(self.store_url, load_keys(Path(self.key_file)))

    def _make_door(self, store: TokenStore) -> Door:
        return Door(
            throttle=self.throttle,
            store=store,
            directory=Directory(self.directory_settings(), self.log),
            window=self.otp_window,
            log=self.log,
        )

    # ----- JupyterHub's hooks ---------------------------------------------------------------

    def get_handlers(self, app: Any) -> list[tuple[str, type[web.RequestHandler]]]:
        """Put our form's handler before JupyterHub's."""
        return [(r"/login", LoginFormHandler)]

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

    async def authenticate(self, handler: web.RequestHandler, data: object) -> dict[str, Any]:
        """Check what was typed and return JupyterHub's model of the user.

        Raises
        ------
        tornado.web.HTTPError
            403 with the one sentence for every refusal; 503 with another when we cannot tell.
        """
        address = str(handler.request.remote_ip or "")
        name = data.get("username") if isinstance(data, dict) else None
        try:
            user = await self._check(data, address)
        except Refused as refusal:
            self._note("refused", refusal.reason, name, address)
            raise self.refusal(handler) from None
        except Unavailable as outage:
            self.log.error("Login not possible: %s", outage)
            self._note("unavailable", outage.reason, name, address)
            raise self._outage(handler) from None
        self._note("success", "", name, address)
        return user

    # ----- our own --------------------------------------------------------------------------

    async def _check(self, data: object, address: str) -> dict[str, Any]:
        credentials = Credentials.parse(data)
        if self._door is None:
            raise Unavailable("error", "check_allow_config was not called")
        deadline = Deadline(self.login_timeout)
        try:
            person = await self._workers.run(
                partial(self._door.check, credentials, address, deadline), timeout=self.login_timeout
            )
        except LoginError:
            raise
        except Exception as error:
            # Whatever it is, nobody gets in by it. The error's own text may quote what was typed: only the
            # lines of code are logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            self.log.error("The login check failed with %s:\n%s", type(error).__name__, where)
            raise Unavailable("error", type(error).__name__) from None
        return await self._admit(person)

    async def _admit(self, person: Person) -> dict[str, Any]:
        """Apply the hub's own rules now, so that their refusals read and count like any other."""
        groups = sorted(person.groups)
        user = {"name": person.name, "groups": groups, "admin": self._is_admin(person)}
        passes = self.check_blocked_users(person.name, user)  # type: ignore[no-untyped-call]
        if not await maybe_future(passes):
            raise Refused("blocked")
        if not self.allow_all and not await maybe_future(self.check_allowed(person.name, user)):
            raise Refused("not_allowed")
        return user

    def _is_admin(self, person: Person) -> bool | None:
        if not self.admin_groups:
            return None
        return bool(self.admin_groups & person.groups) or person.name in self.admin_users

    def refusal(self, handler: web.RequestHandler) -> web.HTTPError:
        """Return the answer to everything that is not right, in the language of the request."""
        return _answer(handler, 403, REFUSED)

    def _outage(self, handler: web.RequestHandler) -> web.HTTPError:
        error = _answer(handler, 503, UNAVAILABLE)
        error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}  # type: ignore[attr-defined]
        return error

    def _note(self, result: str, reason: str, name: object, address: str) -> None:
        self.audit.record(LoginEvent(result, reason, safe_name(name), address))


def _answer(handler: web.RequestHandler, status: int, msgid: str) -> web.HTTPError:
    # The log gets a word, the person the sentence: JupyterHub shows this attribute on its pages.
    error = web.HTTPError(status, "login refused" if status < 500 else "login not possible")
    error.jupyterhub_message = texts.translate(texts.language_of(handler), msgid)  # type: ignore[attr-defined]
    return error
