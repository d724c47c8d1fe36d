"""What py-rattler says when packages do not fit together, in plain words."""

from __future__ import annotations

import re
from typing import Final

from environments.problems import Problem
from texts import mark as _

__all__ = ["unsolvable"]

NO_CANDIDATES: Final = re.compile(r"No candidates were found for (\S+) ?([^\n]*?)\.?\s*(?:\n|$)")
NOT_THERE: Final = re.compile(r"([\w.-]+)(?: ([^\n]*?))?, for which no candidates were found")
NEEDS: Final = re.compile(r"(?P<name>[\w.-]+ \S+) would require\s+[└├]─ (?P<other>[^\n]+?), (?:for )?which")
APART: Final = re.compile(
    r"packages are incompatible\n├─ (?P<one>\S+ \S+)(?: [^\n]*)?\n(?:[│ ].*\n)*[├└]─ (?P<other>\S+ \S+)"
)


def unsolvable(text: str) -> Problem:
    """Return what a failed solve means: no such package, no such version, no such machine, or a conflict."""
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
