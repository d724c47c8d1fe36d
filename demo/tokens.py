"""The demo accounts' one-time-password tokens, given to them with the administrator's own command."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from demo.accounts import Accounts, User
from demo.files import write
from demo.settings import HUB_ACCOUNT, Instance


class TokenError(Exception):
    """The command refused a token; the text has its words."""


class Run(Protocol):
    """Runs a program in the centre as `user`, with `feed` on its standard input."""

    def __call__(self, argv: Sequence[str], user: str, *, feed: str) -> subprocess.CompletedProcess[str]: ...


def ensure(run: Run, instance: Instance, accounts: Accounts) -> None:
    """Give each account the token that stands in the accounts file, unless that is done already."""
    seeds = "\n".join(f"{user.name} {user.totp_seed}" for user in accounts.users)
    store = instance.data / "hub" / "tokens.sqlite"
    mark, done = instance.etc / "tokens-digest", hashlib.sha256(seeds.encode()).hexdigest()
    if store.exists() and mark.exists() and mark.read_text() == done:
        return
    _ensure_key(run, instance)
    # The first one makes the store; the others can come side by side.
    first, *others = accounts.users
    _set(run, instance, first)
    with ThreadPoolExecutor(max_workers=3) as pool:
        list(pool.map(lambda user: _set(run, instance, user), others))
    write(mark, done)


def _ensure_key(run: Run, instance: Instance) -> None:
    if instance.token_key.exists():
        return
    try:
        _command(run, instance, "init-key")
    except TokenError:
        # An `up` that was killed may have left this very command running, and it has made the key meanwhile.
        if not instance.token_key.exists():
            raise


def _set(run: Run, instance: Instance, user: User) -> None:
    _command(run, instance, "set-token", user.name, "--seed-file", "-", feed=user.totp_seed)


def _command(run: Run, instance: Instance, *words: str, feed: str = "") -> None:
    where = ["--store", instance.token_store_url, "--key-file", str(instance.token_key)]
    python = ["env", f"PYTHONPATH={instance.src}", f"{instance.venv}/bin/python"]
    done = run([*python, "-m", "authenticator", *words, *where], HUB_ACCOUNT, feed=feed)
    if done.returncode:
        raise TokenError(f"python -m authenticator {' '.join(words)}: {done.stderr.strip()}")
