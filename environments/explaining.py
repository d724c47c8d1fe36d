"""What an engine says, in plain words: py-rattler has no error codes, so its text is matched."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from environments.problems import Problem
from texts import mark as _

__all__ = ["explain", "explain_os", "is_cache_damage"]

OS_ERROR: Final = re.compile(r"\(os error (\d+)\)")
URL: Final = re.compile(r"\(?((?:https?|ftp|file)://[^\s)'\"`]+)")
NO_CANDIDATES: Final = re.compile(r"No candidates were found for (\S+) ?([^\n]*?)\.?\s*(?:\n|$)")
NOT_THERE: Final = re.compile(r"([\w.-]+)(?: ([^\n]*?))?, for which no candidates were found")
NEEDS: Final = re.compile(r"(?P<name>[\w.-]+ \S+) would require\s+[└├]─ (?P<other>[^\n]+?), (?:for )?which")
APART: Final = re.compile(
    r"packages are incompatible\n├─ (?P<one>\S+ \S+)(?: [^\n]*)?\n(?:[│ ].*\n)*[├└]─ (?P<other>\S+ \S+)"
)
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


def _unsolvable(text: str) -> Problem:
    text = text.removeprefix("Cannot solve the request because of: ").strip()
    if match := NO_CANDIDATES.search(text):
        name, version = match[1], match[2].strip()
        if version in ("", "*"):
            return Problem(
                "unsolvable",
                _(
                    "No channel here has a package named %(name)s. Check its spelling; what only PyPI has "
                    "can be installed with pip. What you had is unchanged."
                ),
                details=text,
                name=name,
            )
        return Problem(
            "unsolvable",
            _(
                "No channel here has %(name)s in a version that fits %(version)s. Ask for another version. "
                "What you had is unchanged."
            ),
            details=text,
            name=name,
            version=version,
        )
    missing = [match for match in NOT_THERE.finditer(text) if match[1].startswith("__")]
    if missing:
        return _no_such_machine(missing[0][1], missing[0][2] or "", text)
    if match := APART.search(text):
        return _apart(match, text)
    if match := NEEDS.search(text):
        return _needs(match, text)
    return Problem(
        "unsolvable",
        _(
            "What you asked for does not fit together: one package needs what another one rules out. "
            "The details name them. Ask for fewer packages or other versions. What you had is unchanged."
        ),
        details=text,
    )


def _apart(match: re.Match[str], text: str) -> Problem:
    return Problem(
        "unsolvable",
        _(
            "%(one)s and %(other)s cannot be in one environment: the details say why. "
            "Ask for one of them, or for other versions. What you had is unchanged."
        ),
        details=text,
        one=match["one"].removesuffix(" *"),
        other=match["other"].removesuffix(" *"),
    )


def _needs(match: re.Match[str], text: str) -> Problem:
    return Problem(
        "unsolvable",
        _(
            "%(name)s needs %(other)s, which no channel here has, or which does not fit the rest of what you "
            "asked for or have. Ask for other versions, or make another environment for it. "
            "What you had is unchanged."
        ),
        details=text,
        name=match["name"],
        other=match["other"].strip(),
    )


def _no_such_machine(name: str, version: str, text: str) -> Problem:
    if name == "__cuda":
        return Problem(
            "unsolvable",
            _(
                "This needs a GPU with CUDA %(version)s, which the queue that it is made for does not offer. "
                "Choose the queue in which you will use it, or a version without CUDA. What you had is "
                "unchanged."
            ),
            details=text,
            version=version,
        )
    return Problem(
        "unsolvable",
        _(
            "This needs a machine with %(name)s %(version)s, which this centre does not have. "
            "Ask for another version. What you had is unchanged."
        ),
        details=text,
        name=name.lstrip("_"),
        version=version,
    )


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
    "SolverError": _unsolvable,
    "InvalidMatchSpecError": _spec,
    "InvalidVersionSpecError": _spec,
    "InvalidPackageNameError": _spec,
    "WrittenError": _written,
    "ParseCondaLockError": _written,
    "ParseExplicitEnvironmentSpecError": _written,
}
