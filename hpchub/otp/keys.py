"""The key of the token store: made once, and changed from time to time, or when it may have been seen."""

import argparse
import base64
import datetime
import os
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from authenticator.keys import KEY_BYTES, Keys, id_of, load_keys, make_key_file
from authenticator.store import Store
from authenticator.store.schema import PendingRow, TokenRow
from hpchub.otp.place import CommandError, Place, confirm, now

__all__ = ["init_key", "rotate_key"]

LONGEST_CODE_DAYS: Final = 7
RESTART: Final = """\
{path} has a new key now; the old one is its second line.
1. Restart the hub, so that it knows the new key. Until then it cannot read what is written from now on.
2. Run `hpchub otp rotate-key` again: it encrypts all tokens with the new key."""
FINISHED: Final = """\
{count} encrypted with the new key.
The second line of {path} may go on {day}: enrolment codes that were issued until now are used or void then.
Keep the old key with the backups of the store that were made with it, and no longer than those."""


def init_key(place: Place, _options: argparse.Namespace) -> None:
    make_key_file(place.key_file)
    print(f"{place.key_file} is made; keep a copy apart from the copies of the store")


def rotate_key(place: Place, options: argparse.Namespace) -> None:
    """Change the key in two steps, because a running hub knows only the keys that it was started with."""
    path, keys = place.key_file, load_keys(place.key_file)
    if not _to_encrypt(place.store, keys):
        drops = (
            " The second line of now goes; nothing is encrypted with it any more." if keys.previous else ""
        )
        confirm(f"Change the key in {path}? The hub must be restarted right after.{drops}", options)
        _write(path, Keys(os.urandom(KEY_BYTES), keys.current))
        place.record("key_rotated", "", reason="begun")
        if not options.at_once:
            print(RESTART.format(path=path))
            return
        place.reopen()
    count = place.store.tokens.reseal()
    place.record("key_rotated", "", reason="finished")
    day = datetime.datetime.fromtimestamp(now(), datetime.UTC) + datetime.timedelta(days=LONGEST_CODE_DAYS)
    tokens = f"{count} token is" if count == 1 else f"{count} tokens are"
    print(FINISHED.format(count=tokens, path=path, day=f"{day:%Y-%m-%d}"))


def _to_encrypt(store: Store, keys: Keys) -> int:
    """Return how many secrets the previous key is still needed for."""
    if keys.previous is None:
        return 0
    old = id_of(keys.previous)
    with store.database.reading() as session:
        tables = (TokenRow, PendingRow)
        return sum(
            session.scalar(select(func.count()).select_from(each).where(each.key_id == old)) or 0
            for each in tables
        )


def _write(path: Path, keys: Keys) -> None:
    """Put another file in the place of the key file: at no moment is there none, or half of one."""
    lines = [base64.b64encode(key) for key in (keys.current, keys.previous) if key is not None]
    new = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(
            f"{new} is there: somebody else is changing the key, or was interrupted; look, then remove it"
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
