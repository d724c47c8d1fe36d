"""Where a command works: which store, which audit, which directory, and who is at the keyboard."""

import argparse
import os
import pwd
import sys
import time
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Final

from authenticator.audit import Audit, Event
from authenticator.credentials import canonical
from authenticator.directory import Directory
from authenticator.keys import load_keys
from authenticator.login import LDAPOTPAuthenticator
from authenticator.store import Store
from authenticator.throttle import Throttle
from hpchub import configuration
from hpchub.configuration import Configuration

__all__ = ["CommandError", "Place", "confirm", "name_of", "read_file", "who"]

LARGEST_FILE: Final = 16 * 2**20
NO_LOGIN: Final = 2**32 - 1


class CommandError(ValueError):
    """What was asked cannot be done; the text says why in one sentence."""


class Place:
    """What the options say, opened when it is first needed and closed at the end.

    Parameters
    ----------
    options
        Either ``config``, or ``store`` and ``key_file``; the latter win.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._recorded = False

    @cached_property
    def configuration(self) -> Configuration | None:
        """JupyterHub's configuration; None when store and key were named instead."""
        options = self._options
        if options.config is None and options.store and options.key_file:
            return None
        path = options.config or configuration.default_path()
        if options.config is None and not os.path.isfile(path):
            raise CommandError("where are the tokens? give --config, or --store and --key-file")
        return configuration.load(path)

    @cached_property
    def authenticator(self) -> LDAPOTPAuthenticator | None:
        loaded = self.configuration
        return None if loaded is None else loaded.make("authenticator_class", LDAPOTPAuthenticator)

    @property
    def key_file(self) -> Path:
        return Path(self._setting("key_file", self._options.key_file))

    @cached_property
    def store(self) -> Store:
        url = self._setting("store_url", self._options.store)
        return Store(url, load_keys(self.key_file))

    @cached_property
    def throttle(self) -> Throttle:
        return Throttle(parent=self.authenticator, attempts=self.store.attempts)

    @cached_property
    def directory(self) -> Directory | None:
        """The directory of the configuration; None where only store and key are known."""
        login = self.authenticator
        if login is None:
            return None
        try:
            settings = login.directory_settings()
        except OSError as error:  # an ssl.SSLError is one
            files = f"ca_file ({login.ca_file}) or bind_password_file ({login.bind_password_file})"
            raise CommandError(f"{files} cannot be used: {error.strerror}") from None
        return Directory(settings, login.log)

    @cached_property
    def audit(self) -> Audit:
        return Audit(parent=self.authenticator)

    def record(self, kind: str, user: str, *, reason: str = "", address: str = "") -> None:
        """Take note of what was done, and by whom."""
        event = Event(kind=kind, result="success", reason=reason, user=user, address=address, by=who())
        self.audit.record(event)
        self._recorded = True

    def reopen(self) -> None:
        """Open the store anew when it is needed next, with the keys that are in the file then."""
        self.store.close()
        del self.store

    def close(self) -> None:
        """Write what the audit has to write, and close the store."""
        opened = vars(self)
        if self._recorded and self.authenticator is not None and not self.audit.audit_file:
            sys.stderr.write("hpchub: Audit.audit_file is not set, so nobody can read later who did this\n")
        for name in ("audit", "store"):
            if name in opened:
                opened[name].close()

    def _setting(self, name: str, given: str | None) -> str:
        value = given or str(getattr(self.authenticator, name, ""))
        if not value and self.configuration is not None:
            path = self.configuration.path
            hint = "take the hub's environment (HPCHUB_SITE_CONFIG), or give --store and --key-file"
            raise CommandError(f"{path} does not set {name}: {hint}")
        if not value:
            raise CommandError(f"{name} is not known: give --config, or --store and --key-file")
        return value


def who() -> str:
    """Return the Unix login of the person at the keyboard, not of the account that they work as."""
    if (sudo := os.environ.get("SUDO_USER")) and sudo != "root":
        return sudo
    # What the kernel keeps of the login, whatever account somebody changes to later.
    try:
        login = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        login = NO_LOGIN
    uid = os.getuid() if login == NO_LOGIN else login
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def name_of(text: str) -> str:
    """Return the one spelling of a user's name."""
    name = canonical(text)
    if name is None:
        raise CommandError(f"{text[:32]!r} cannot be a user name")
    return name


def confirm(question: str, options: argparse.Namespace) -> None:
    """Ask on the terminal, unless told --yes.

    Raises
    ------
    CommandError
        When the answer is not yes, or there is nobody to ask.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody can be asked here: say --yes")
    if input(f"{question} [yes/no] ").strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was changed")


def read_file(source: str) -> bytes:
    """Return what a file holds, or standard input for ``-``."""
    with nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise CommandError(f"{source} is larger than {LARGEST_FILE // 2**20} MiB")
    return data


def now() -> float:
    return time.time()
