"""Explicit lists: ``@EXPLICIT`` and one package's URL on each line, with a hash behind a ``#``.

The format is conda's (https://github.com/conda/ceps/blob/main/cep-0023.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from environments.channels import SUBDIR
from environments.problems import Problem
from environments.shown import shown
from texts import mark as _

__all__ = ["Listed", "listed", "written"]

_HASH: Final = re.compile(r"(?P<md5>[0-9a-fA-F]{32})|(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})")
_PLATFORM: Final = re.compile(r"#\s*platform:\s*(\S+)\s*")
_PACKAGE: Final = re.compile(rf"(?P<channel>\S+)/(?P<subdir>{SUBDIR})/(?P<file>[^/\s]+)")


@dataclass(frozen=True, slots=True)
class Listed:
    """One package of a list; a hash that is not known is empty, and so is `subdir` of an odd address."""

    url: str
    md5: str = ""
    sha256: str = ""

    @property
    def channel(self) -> str:
        found = _PACKAGE.fullmatch(self.url)
        return found["channel"] if found else ""

    @property
    def subdir(self) -> str:
        found = _PACKAGE.fullmatch(self.url)
        return found["subdir"] if found else ""

    def at(self, url: str) -> Listed:
        """Return the same package at another address."""
        return replace(self, url=url)

    def line(self) -> str:
        """Return its line; md5 first, for every conda and mamba reads that."""
        digest = self.md5 or (f"sha256:{self.sha256}" if self.sha256 else "")
        return f"{self.url}#{digest}" if digest else self.url


def listed(text: str, platform: str = "") -> list[Listed]:
    """Read an explicit list.

    Raises
    ------
    Problem
        Naming the line that is none of its, or the platform that it is for when that is not `platform`.
    """
    packages: list[Listed] = []
    begun = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if (said := _PLATFORM.fullmatch(words)) and platform and said[1] != platform:
            raise _other_platform(said[1], platform)
        if words == "@EXPLICIT":
            begun = True
        elif words and not words.startswith("#"):
            if not begun:
                break
            packages.append(_package(words, number, platform))
    if not begun:
        raise Problem(
            "import",
            _("The file is not an explicit list: before its first address there is no line @EXPLICIT."),
        )
    return packages


def _package(words: str, number: int, platform: str) -> Listed:
    url, mark, digest = words.partition("#")
    found = _HASH.fullmatch(digest)
    if (mark and not found) or " " in url:
        raise Problem(
            "import",
            _("Line %(line)d is not the address of a package with its md5 or sha256: %(words)s."),
            line=number,
            words=shown(words),
        )
    md5, sha256 = (found["md5"] or "", found["sha256"] or "") if found else ("", "")
    package = Listed(url, md5.lower(), sha256.lower())
    if platform and package.subdir not in ("", "noarch", platform):
        raise _other_platform(package.subdir, platform)
    return package


def _other_platform(theirs: str, ours: str) -> Problem:
    return Problem(
        "import",
        _(
            "The file lists packages for %(theirs)s, and the nodes here are %(ours)s; take an "
            "environment.yml instead."
        ),
        theirs=shown(theirs),
        ours=ours,
    )


def written(packages: Iterable[Listed], platform: str, about: Iterable[str] = ()) -> str:
    """Return the list's text.

    Parameters
    ----------
    about : iterable of str
        Lines of comment.
    """
    head = [*(f"# {line}" for line in about), f"# platform: {platform}", "@EXPLICIT"]
    return "\n".join([*head, *(package.line() for package in packages)]) + "\n"
