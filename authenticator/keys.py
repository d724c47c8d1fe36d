"""The key file that guards the token store: the current key, and maybe the previous one."""

import base64
import binascii
import hashlib
import os
import pwd
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["KeyFileError", "Keys", "load_keys", "make_key_file", "private_file_problem"]

KEY_BYTES = 32


class KeyFileError(ValueError):
    """The key file cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Keys:
    """New secrets are written with `current`; those written with `previous` can still be read."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    def by_id(self, key_id: str) -> bytes | None:
        """Return the key with this id, or None when it is neither."""
        for key in (self.current, self.previous):
            if key is not None and id_of(key) == key_id:
                return key
        return None


def id_of(key: bytes) -> str:
    """Return a short name of a key that gives nothing of it away."""
    return hashlib.sha256(b"hpchub key id:" + key).hexdigest()[:16]


def load_keys(path: Path) -> Keys:
    """Read one or two lines of base64 (current key first) from a file only we can read.

    Raises
    ------
    KeyFileError
        When the file is missing, readable by others, somebody else's, or not what it should be.
    """
    if problem := private_file_problem(path):
        raise KeyFileError(problem)
    lines = [line for line in path.read_text("ascii", errors="replace").split("\n") if line.strip()]
    if not 1 <= len(lines) <= 2:
        raise KeyFileError(f"{path} has {len(lines)} keys; write one (or two: current, then previous)")
    return Keys(*(_key(line, path) for line in lines))


def _key(line: str, path: Path) -> bytes:
    try:
        key = base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} holds a line that is not {KEY_BYTES} bytes in base64")
    return key


def make_key_file(path: Path) -> None:
    """Write a new random key to a file of mode 0600 that must not exist yet.

    Raises
    ------
    KeyFileError
        When it exists: a lost key makes every token unreadable, so nothing is overwritten.
    """
    line = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} exists already and is not overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(line)


def private_file_problem(path: Path) -> str | None:
    """Say what is wrong with a file that only we may read, or None when nothing is."""
    try:
        found = path.stat()
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}): make it, and give it to the hub's account"
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a file"
    if found.st_uid != os.geteuid():
        return (
            f"{path} belongs to {_account(found.st_uid)}, and this is {_account(os.geteuid())}: "
            f"run as {_account(found.st_uid)}, or change the owner"
        )
    if mode := stat.S_IMODE(found.st_mode) & 0o177:
        return f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, too open by {mode:04o}: chmod 600"
    return None


def _account(uid: int) -> str:
    try:
        return f"the account {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"uid {uid}"
