"""What an engine says, in plain words: py-rattler has no error codes, so its text is matched."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from environments.problems import Problem
from environments.unsolvable import unsolvable
from texts import mark as _

__all__ = ["explain", "explain_os", "is_cache_damage"]

OS_ERROR: Final = re.compile(r"\(os error (\d+)\)")
URL: Final = re.compile(r"\(?((?:https?|ftp|file)://[^\s)'\"`]+)")
DAMAGE: Final = (
    "failed to link",
    "Invalid checksum",
    "checksum mismatch",
    "Data corruption detected",
    "end of file before message length reached",
    "failed to interact with the package cache",
    "hash mismatch",
    "failed to read 'info",
)
UNREACHABLE: Final = (
    "dns error",
    "Connection refused",
    "Connection reset",
    "No route to host",
    "Network is unreachable",
    "tcp connect error",
    "error sending request",
    "operation timed out",
    "certificate",
)
MISSING: Final = ("404 Not Found", "could not find subdir", "410 Gone", "403 Forbidden", "401 Unauthorized")


def is_cache_damage(problem: Problem) -> bool:
    """Tell whether trying again with every cached file checked may help."""
    return problem.code in ("corrupt", "broken")


def explain_os(error: OSError) -> Problem:
    """Return what an error of the operating system means here."""
    return _of_errno(error.errno or 0, str(error)) or _broken(str(error))


def explain(kind: str, text: str) -> Problem:
    """Return what a failure of py-rattler means.

    Parameters
    ----------
    kind : str
        The exception's class.
    text : str
        All of what it said, with its causes.
    """
    for number in OS_ERROR.findall(text):
        if problem := _of_errno(int(number), text):
            return problem
    for known, make in _KINDS.items():
        if kind == known:
            return make(text)
    if any(word in text for word in MISSING):
        return _no_channel(text)
    if any(word in text for word in UNREACHABLE):
        return _unreachable(text)
    if any(word in text for word in DAMAGE):
        return _corrupt(text)
    return _broken(text)


def _of_errno(number: int, text: str) -> Problem | None:
    if number == errno.ENOSPC:
        return Problem(
            "full",
            _(
                "The disk is full, so the environment could not be made. What you had is unchanged, and what "
                "was half made is removed. Ask your administrators, or free some space if it is your own."
            ),
            details=text,
        )
    if number == errno.EDQUOT:
        return Problem(
            "quota",
            _(
                "Your quota is used up, so the environment could not be made. What you had is unchanged, and "
                "what was half made is removed. Remove files that you do not need, or ask for more, and try "
                "again."
            ),
            details=text,
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Problem(
            "permission",
            _(
                "Something may not be written or read: see the details. What you had is unchanged. "
                "If you did not change the permissions yourself, tell your administrators."
            ),
            details=text,
        )
    if number in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
        return Problem(
            "locks",
            _(
                "The file system has no file locks, which py-rattler needs. Your administrators can mount it "
                "with them (Lustre: -o flock), or choose another place or engine. What you had is unchanged."
            ),
            details=text,
        )
    return None


def _spec(text: str) -> Problem:
    return Problem(
        "spec",
        _("This is not how a package is asked for: see the details. Write a name, or name=version."),
        details=text,
    )


def _written(text: str) -> Problem:
    return Problem(
        "lock",
        _(
            "The list of packages cannot be used: see the details. Have it made anew, or choose another. "
            "What you had is unchanged."
        ),
        details=text,
    )


def _no_channel(text: str) -> Problem:
    return Problem(
        "channel",
        _(
            "The channel at %(host)s does not have what it should, or does not let you in: see the details. "
            "Tell your administrators if it is the centre's. What you had is unchanged."
        ),
        details=text,
        host=_host(text),
    )


def _unreachable(text: str) -> Problem:
    return Problem(
        "unreachable",
        _(
            "The channel at %(host)s cannot be reached right now, so nothing can be said about packages. "
            "Try again later. What you had is unchanged."
        ),
        details=text,
        host=_host(text),
    )


def _corrupt(text: str) -> Problem:
    return Problem(
        "corrupt",
        _(
            "A package is damaged, or it came damaged from the channel, also when it was fetched again. "
            "Tell your administrators which one: see the details. What you had is unchanged."
        ),
        details=text,
    )


def _broken(text: str) -> Problem:
    return Problem(
        "broken",
        _(
            "The environment could not be made, for a reason that is not known here: see the details. "
            "What you had is unchanged."
        ),
        details=text,
    )


def _host(text: str) -> str:
    """Name the machine, or the folder, of the first address; never what stands before an @."""
    match = URL.search(text)
    if match is None:
        return "?"
    parts = urlsplit(match[1])
    return parts.hostname or parts.path


_KINDS: Final[dict[str, Callable[[str], Problem]]] = {
    "SolverError": unsolvable,
    "InvalidMatchSpecError": _spec,
    "InvalidVersionSpecError": _spec,
    "InvalidPackageNameError": _spec,
    "WrittenError": _written,
    "ParseCondaLockError": _written,
    "ParseExplicitEnvironmentSpecError": _written,
}
