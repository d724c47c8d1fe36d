"""Which package, and which versions of it: specs that people write.

The grammar is a strict part of conda's match specs
(https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html): what has no meaning for
people who name a package, such as addresses, paths, file names and regular expressions, is not in it.
Nothing heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from environments.problems import Problem
from environments.shown import shown
from texts import mark as _

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["check_number", "check_package", "check_spec", "check_specs", "package_of", "resolved"]

MOST_SPECS: Final = 100
LONGEST_SPEC: Final = 200

_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_ATOM: Final = r"(?:[<>]=?|[!=~]=|===?|=)? ?[A-Za-z0-9*][A-Za-z0-9_.*+!]*"
_VERSION: Final = rf"{_ATOM}(?: ?[,|] ?{_ATOM})*"
_BUILD: Final = r"[A-Za-z0-9_*][A-Za-z0-9_.*+]*"
_BRACKET: Final = (
    rf"\[(?:(?:version=(?:'{_VERSION}'|\"{_VERSION}\")|build=(?:'{_BUILD}'|\"{_BUILD}\"|{_BUILD})"
    r"|build_number=(?:'[<>=]{0,2}[0-9]{1,9}'|\"[<>=]{0,2}[0-9]{1,9}\"|[0-9]{1,9}))(?:, ?(?=[bv])|(?=\])))+\]"
)
_PACKAGE: Final = re.compile(_NAME)
_SPEC: Final = re.compile(
    rf"(?P<name>{_NAME})"
    rf"(?:==?(?P<exact>[A-Za-z0-9*][A-Za-z0-9_.*+!]*)={_BUILD}"  # name=1.2=build
    rf"| ?(?=[<>=!~]){_VERSION}(?:[ =]{_BUILD})?"  # name>=1.2,<2 or name ==1.2 build
    rf"| {_VERSION}(?: {_BUILD})?"  # name 1.2.* build
    r")?"
    rf"(?: ?{_BRACKET})?"
)


def check_package(name: str) -> None:
    """Refuse what is not just a package's name.

    Raises
    ------
    Problem
        Quoting it.
    """
    if not _PACKAGE.fullmatch(name) or len(name) > LONGEST_SPEC:
        raise Problem(
            "specs",
            _("%(name)s is not a package's name; write it without a version, such as numpy."),
            name=shown(name),
        )


def check_specs(specs: Iterable[str], site: Site) -> None:
    """Refuse specs that are too many, or one that `check_spec` refuses.

    Raises
    ------
    Problem
        Naming the first one that cannot be.
    """
    wanted = tuple(specs)
    check_number(wanted)
    for spec in wanted:
        check_spec(spec, site)


def check_number(specs: tuple[str, ...]) -> None:
    if len(specs) > MOST_SPECS:
        raise Problem(
            "specs",
            _("That is %(n)d packages at once; %(most)d are the most."),
            n=len(specs),
            most=MOST_SPECS,
        )


def check_spec(spec: str, site: Site) -> None:
    """Refuse what is not a package of the site's channels with, at most, a version and a build.

    Raises
    ------
    Problem
        Saying what it looks like, and what to write or do instead.
    """
    if len(spec) > LONGEST_SPEC:
        raise Problem(
            "specs",
            _("%(spec)s is too long for a package; %(most)d characters are the most."),
            spec=shown(spec),
            most=LONGEST_SPEC,
        )
    channel, colons, rest = spec.rpartition("::")
    if colons and site.channel_of(channel) is None:
        raise Problem(
            "channel",
            _("There is no channel %(channel)s here, which %(spec)s asks for; there are: %(known)s."),
            channel=shown(channel) or "''",
            spec=shown(spec),
            known=", ".join(site.known_channels()) or "-",
        )
    if _SPEC.fullmatch(rest):
        return
    for pattern, msgid in _LOOKS_LIKE:
        if pattern.search(rest):
            raise Problem("specs", msgid, spec=shown(spec))
    raise Problem(
        "specs",
        _('%(spec)s cannot be read as a package; write it as numpy, numpy=2.1 or "numpy>=2,<3".'),
        spec=shown(spec),
    )


_LOOKS_LIKE: Final = (
    (re.compile(r"^\s*-"), _("%(spec)s is an option, not a package; options cannot be given here.")),
    (
        re.compile(r"^[.]|/|\\|\.(conda|tar\.bz2|whl)$"),
        _(
            "%(spec)s is a file or an address. Packages come from the site's channels; name it without "
            "a path."
        ),
    ),
    (
        re.compile(r"^[A-Za-z0-9_.-]+\[[A-Za-z0-9_, -]*\]|@|;"),
        _(
            "%(spec)s is written for pip. Packages of the Python index are installed inside the environment: "
            "start your server and run pip install there."
        ),
    ),
)


def package_of(spec: str) -> str:
    """Return the package's name of a spec that `check_spec` took.

    >>> package_of("conda-forge::NumPy>=2")
    'numpy'
    """
    found = _PACKAGE.match(spec.rpartition("::")[2])
    return found.group().casefold() if found else ""


def resolved(specs: Iterable[str], site: Site) -> tuple[str, ...]:
    """Return specs that were checked, with the addresses of this site's channels for their names.

    A spec ``conda-forge::numpy`` means the site's mirror of it, which engines know by its address alone.
    """
    return tuple(_resolved(spec.strip(), site) for spec in specs)


def _resolved(spec: str, site: Site) -> str:
    channel, colons, rest = spec.rpartition("::")
    return f"{site.channel_of(channel) or channel}::{rest}" if colons else spec
