"""What may be asked for: names, ids, labels and files, before anything is done with them.

Everything that comes from outside passes here first, in the web service as well as in the job, so nothing
heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from environments.problems import Problem
from environments.records import VERBS, Action
from environments.shown import printable, shown
from environments.specs import check_number, check_package, check_specs, package_of, resolved
from texts import mark as _

if TYPE_CHECKING:
    from environments.site import Site

__all__ = [
    "FORMATS",
    "check",
    "check_collision",
    "check_environment",
    "check_label",
    "check_text",
    "package_of",
    "resolved",
]

FORMATS: Final[Mapping[str, int]] = {"yml": 256 * 1024, "explicit": 512 * 1024, "lock": 2 * 1024 * 1024}
"""What can be imported, and how large it may be, in bytes of UTF-8."""

LONGEST_LABEL: Final = 80

_RESERVED: Final = frozenset({"base", "root"})
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")
_LIKE_GENERATION: Final = re.compile(r".*-[0-9a-f]{8}(\.foreign)?", re.IGNORECASE)
_ID: Final = re.compile(r"[0-9a-f]{16}")
_GENERATION: Final = re.compile(r"[0-9a-f]{8}")
_CUDA: Final = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")


def check(action: Action, site: Site, existing: Iterable[str] = ()) -> None:
    """Refuse an action whose words cannot be right; what is not for its verb must be empty.

    Parameters
    ----------
    existing : iterable of str
        The user's environments, where they are known: a new one must not differ from one of them only by
        large and small letters.

    Raises
    ------
    Problem
        Naming the word, and what can be written instead.
    """
    _check_kinds(action)
    if not _ID.fullmatch(action.id):
        raise Problem(
            "request", _("An action's id is 16 hexadecimal digits, not %(id)s."), id=shown(action.id)
        )
    if action.verb not in VERBS:
        raise Problem(
            "request",
            _("There is no action %(verb)s; there are: %(known)s."),
            verb=shown(action.verb),
            known=", ".join(VERBS),
        )
    _only_its_own(action)
    check_environment(action.environment)
    if action.verb in ("bootstrap", "import", "clone"):
        check_collision(action.environment, existing)
    if action.cuda and not _CUDA.fullmatch(action.cuda):
        raise Problem(
            "request", _("A CUDA version looks like 12.8, not like %(cuda)s."), cuda=shown(action.cuda)
        )
    _check_words(action, site)


def _check_kinds(action: Action) -> None:
    """Refuse what JSON can hold and an action cannot: it may come from whoever speaks to the service."""
    texts = {field.name: getattr(action, field.name) for field in fields(action) if field.name != "specs"}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise Problem("request", _("%(field)s is not a text."), field=name)
    if not all(isinstance(spec, str) for spec in action.specs):
        raise Problem("request", _("%(field)s is not a text."), field="specs")


# What a verb must have, and what it may have, besides its environment.
_FIELDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "bootstrap": (frozenset(), frozenset({"set", "cuda"})),
    "plugins": (frozenset(), frozenset({"cuda"})),
    "reset": (frozenset(), frozenset({"set", "cuda"})),
    "install": (frozenset({"specs"}), frozenset({"cuda"})),
    "remove": (frozenset({"specs"}), frozenset({"cuda"})),
    "snapshot": (frozenset({"label"}), frozenset()),
    "rollback": (frozenset(), frozenset({"source"})),
    "import": (frozenset({"text", "format"}), frozenset({"cuda"})),
    "clone": (frozenset({"source"}), frozenset()),
    "delete": (frozenset(), frozenset()),
}
_ALL: Final = ("set", "specs", "source", "label", "text", "format", "cuda")


def _only_its_own(action: Action) -> None:
    needed, possible = _FIELDS[action.verb]
    for field in _ALL:
        value = getattr(action, field)
        if field in needed and not value:
            raise Problem(
                "request", _("%(verb)s needs a value for %(field)s."), verb=action.verb, field=field
            )
        if value and field not in needed | possible:
            raise Problem(
                "request",
                _("%(field)s means nothing to %(verb)s; leave it out."),
                verb=action.verb,
                field=field,
            )


def _check_words(action: Action, site: Site) -> None:
    if action.verb in ("bootstrap", "reset"):
        _check_set(action.set, site)
    elif action.verb == "install":
        check_specs(action.specs, site)
    elif action.verb == "remove":
        check_number(action.specs)
        for name in action.specs:
            check_package(name)
    elif action.verb == "snapshot":
        check_label(action.label)
    elif action.verb == "rollback":
        _check_generation(action.source)
    elif action.verb == "import":
        check_text(action.text, action.format)
    elif action.verb == "clone":
        check_environment(action.source)
        if action.source.casefold() == action.environment.casefold():
            raise Problem(
                "name",
                _("A clone needs a name of its own; %(name)s is what it is made from."),
                name=action.source,
            )


def _check_set(name: str, site: Site) -> None:
    if not site.sets:
        raise Problem("site", _("This site offers no set of packages; ask its administrators for one."))
    if site.set_named(name) is None:
        raise Problem(
            "request",
            _("This site has no set %(name)s; it has: %(known)s."),
            name=shown(name),
            known=", ".join(one.name for one in site.sets) or "-",
        )


def _check_generation(generation: str) -> None:
    if generation and not _GENERATION.fullmatch(generation):
        raise Problem(
            "request",
            _("A state is named by its 8 hexadecimal digits, not by %(id)s."),
            id=shown(generation),
        )


def check_text(text: str, kind: str) -> None:
    """Refuse a file that is too large to be looked at, or holds what no such file holds.

    Raises
    ------
    Problem
        Saying how large it is and how large it may be, or what is in it and where.
    """
    if kind not in FORMATS:
        raise Problem(
            "import",
            _("There is no format %(format)s; there are: %(known)s."),
            format=shown(kind),
            known=", ".join(FORMATS),
        )
    # A character takes one byte at least, so a huge text is refused before it is encoded.
    size = len(text) if len(text) > FORMATS[kind] else len(text.encode(errors="surrogatepass"))
    if size > FORMATS[kind]:
        raise Problem(
            "import",
            _("The file is too large: %(kib)d KiB, and %(most)d KiB are the most that is read."),
            kib=-(-size // 1024),
            most=FORMATS[kind] // 1024,
        )
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        plain = line.removesuffix("\r").replace("\t", " ")
        if not printable(plain):
            raise Problem(
                "import",
                _("Line %(line)d of the file holds a character that cannot be seen; take it out."),
                line=number,
            )


def check_environment(name: str) -> None:
    """Refuse what cannot be an environment's name.

    Raises
    ------
    Problem
        Saying which characters it may have, or what is taken.
    """
    if not _ENVIRONMENT.fullmatch(name) or set(name) == {"."}:
        raise Problem(
            "name",
            _(
                "%(name)s cannot be an environment's name: take up to 40 letters, digits, dots, dashes and "
                "underscores, the first one a letter, a digit or an underscore."
            ),
            name=shown(name),
        )
    if name.casefold() in _RESERVED:
        raise Problem("name", _("%(name)s is conda's own environment; take another name."), name=name)
    if _LIKE_GENERATION.fullmatch(name):
        raise Problem(
            "name",
            _("%(name)s looks like a state of another environment; take a name without such an ending."),
            name=name,
        )


def check_collision(name: str, existing: Iterable[str]) -> None:
    """Refuse a name that differs from another environment's only by large and small letters.

    Raises
    ------
    Problem
        Naming the other one.
    """
    for other in existing:
        if other != name and other.casefold() == name.casefold():
            raise Problem(
                "name",
                _("There is an environment %(other)s, and %(name)s is too much like it; take another name."),
                other=other,
                name=name,
            )


def check_label(label: str) -> None:
    """Refuse a label that is too long or holds what cannot be seen.

    Raises
    ------
    Problem
        Saying so.
    """
    if not label.strip() or len(label) > LONGEST_LABEL or not printable(label):
        raise Problem(
            "name",
            _("A label is one line of 1 to %(most)d characters that can be seen, not %(label)s."),
            most=LONGEST_LABEL,
            label=shown(label),
        )
