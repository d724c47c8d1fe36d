"""The demo accounts' one-time-password tokens, given to them with the administrator's own command."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
from collections.abc import Sequence
from typing import Protocol

from demo.accounts import Accounts
from demo.files import write
from demo.settings import HUB_ACCOUNT, Instance


class TokenError(Exception):
    """The command refused the tokens; the text has its words."""


class Run(Protocol):
    """Runs a program in the centre as `user`, with `feed` on its standard input."""

    def __call__(self, argv: Sequence[str], user: str, *, feed: str) -> subprocess.CompletedProcess[str]: ...


def ensure(run: Run, instance: Instance, accounts: Accounts) -> None:
    """Give each account the token that stands in the accounts file, unless that is done already."""
    seeds = _table(accounts)
    store = instance.data / "hub" / "tokens.sqlite"
    mark, done = instance.etc / "tokens-digest", hashlib.sha256(seeds.encode()).hexdigest()
    if store.exists() and mark.exists() and mark.read_text() == done:
        return
    _ensure_key(run, instance)
    _command(run, instance, "import", "-", "--format", "csv", "--replace", "--yes", feed=seeds)
    write(mark, done)


def _table(accounts: Accounts) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("user", "secret"))
    table.writerows((user.name, user.totp_seed) for user in accounts.users)
    return text.getvalue()


def _ensure_key(run: Run, instance: Instance) -> None:
    if instance.token_key.exists():
        return
    try:
        _command(run, instance, "init-key")
    except TokenError:
        # An `up` that was killed may have left this very command running, and it has made the key meanwhile.
        if not instance.token_key.exists():
            raise


def _command(run: Run, instance: Instance, *words: str, feed: str = "") -> None:
    where = ["--store", instance.token_store_url, "--key-file", str(instance.token_key)]
    python = ["env", f"PYTHONPATH={instance.src}", f"{instance.venv}/bin/python"]
    done = run([*python, "-m", "hpchub", "otp", *words, *where], HUB_ACCOUNT, feed=feed)
    if done.returncode:
        raise TokenError(f"hpchub otp {' '.join(words)}: {done.stderr.strip()}")
