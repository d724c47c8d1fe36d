"""The parts of the login put together from the settings, once, at start."""

import time
from pathlib import Path
from typing import Any

from traitlets import TraitError

from authenticator import metrics
from authenticator.audit import Audit, Event
from authenticator.directory import Directory
from authenticator.directory.servers import Change
from authenticator.door import Door
from authenticator.expiry import Expiries
from authenticator.factors import SecondFactor
from authenticator.factors.exempt import Exemptions
from authenticator.factors.tokens import TokenFactor
from authenticator.keys import KeyFileError, load_keys
from authenticator.settings import LoginSettings
from authenticator.store import Store, StoreError
from authenticator.throttle import Throttle
from authenticator.workers import Workers

__all__ = ["Assembly"]

PAGE_THREADS = 4
UNSAFE = "The login is not safe to start:\n"


class Assembly(LoginSettings):
    """What the settings describe, ready after `check_allow_config`.

    Attributes
    ----------
    store, throttle, directory, factor, audit
        The parts; see their modules.
    otp_optional
        Whether anybody may leave the code empty.
    """

    store: Store
    throttle: Throttle
    directory: Directory
    factor: SecondFactor
    audit: Audit
    otp_optional = False
    door: Door | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.workers = Workers(self.threads, self.waiting)
        # Pages must not stand in line behind logins that a hanging directory holds up.
        self.page_workers = Workers(PAGE_THREADS, self.waiting)
        self.expiries = Expiries()

    def check_allow_config(self) -> None:
        """Refuse to start with settings that are not safe; JupyterHub calls this once, at start.

        Raises
        ------
        TraitError
            With a sentence for each fault.
        """
        exemptions, audit = Exemptions(parent=self), Audit(parent=self, log=self.log)
        problems = [*self.problems(), *exemptions.problems(), *audit.problems()]
        if problems:
            raise TraitError(UNSAFE + "\n".join(f"- {each}" for each in problems))
        super().check_allow_config()  # type: ignore[no-untyped-call]
        try:
            self.store = self.open_store()
            self._check_keys(*self.store.tokens.unreadable())
        except (StoreError, KeyFileError) as error:
            raise TraitError(f"{UNSAFE}- {error}") from None
        self.factor = self.make_factor(self.store)
        if faults := list(self.factor.problems()):
            raise TraitError(UNSAFE + "\n".join(f"- {each}" for each in faults))
        self._assemble(exemptions, audit)

    def open_store(self) -> Store:
        """Return the store of these settings."""
        return Store(self.store_url, load_keys(Path(self.key_file)))

    def make_factor(self, store: Store) -> SecondFactor:
        """Return the second factor of these settings; only our own needs the store."""
        kind: type[SecondFactor] = self.second_factor  # type: ignore[assignment]
        if issubclass(kind, TokenFactor):
            return kind(parent=self, store=store, window=self.otp_window, log=self.log)
        return kind(parent=self)

    def _check_keys(self, unreadable: int, total: int) -> None:
        if unreadable:
            self.log.error(
                "%d of %d tokens cannot be read with the keys in %s", unreadable, total, self.key_file
            )
        if unreadable and unreadable == total:
            raise KeyFileError(f"{self.key_file} is not this store's key")

    def _assemble(self, exemptions: Exemptions, audit: Audit) -> None:
        self.otp_optional = bool(exemptions)
        for warning in exemptions.warnings():
            self.log.warning("%s", warning)
        self.audit = audit
        self.throttle = Throttle(parent=self, attempts=self.store.attempts)
        self.directory = Directory(self.directory_settings(), self.log, self._server_changed)
        metrics.directory_states(self.directory.states)
        self.door = Door(
            throttle=self.throttle,
            factor=self.factor,
            exemptions=exemptions,
            directory=self.directory,
            locked=self._locked,
            log=self.log,
        )

    def _server_changed(self, change: Change) -> None:
        # What was seen stands in the log, in the directory's own words.
        result, word = ("success", "up") if change.up else ("unavailable", "down")
        self.audit.record(Event("outage", result, word, address=change.uri))

    def _locked(self, name: str, address: str) -> None:
        self.log.warning("%s is locked after too many failures; the last came from %s", name, address)
        self.audit.record(Event("locked", user=name, address=address))
        if self.store.tokens.has(name):
            self.store.notices.add(name, "locked", by="", now=time.time())
