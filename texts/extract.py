"""Finds every text that people read in the sources and compares it with the catalogues."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir

from texts.catalogue import LANGUAGES, forms_of, read_catalogue

__all__ = ["Found", "find_texts", "problems"]

Found = dict[str | tuple[str, ...], list[str]]
"""A text, or its singular and plural, with the places it stands in."""

_KEYWORDS: Final[dict[str, tuple[int, ...] | None]] = {
    "_": None,
    "mark": None,
    "gettext": None,
    "Sentence": (1,),
    "translate": (2,),
    "ngettext": (1, 2),
    "ntranslate": (2, 3),
}
_METHODS: Final = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_METHODS_PAGES: Final = [("**.html", "jinja2.ext:babel_extract")]
_ROOMS: Final = (
    "authenticator",
    "environments",
    "queues",
    "services",
    "singleuser",
    "slurm",
    "spawner",
    "texts",
)
_PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?([a-zA-Z%])")


def find_texts(root: Path) -> Found:
    """Return all marked texts below `root`, in Python sources and templates."""
    found: Found = {}
    for folder, methods in [*((room, _METHODS) for room in _ROOMS), ("templates", _METHODS_PAGES)]:
        for place, msgid in _extract(root / folder, methods):
            found.setdefault(msgid, []).append(f"{folder}/{place}")
    return found


def problems(found: Found) -> Iterator[str]:
    """Yield one line for each disagreement between the sources and a catalogue."""
    for lang in LANGUAGES:
        if lang != "en":
            catalogue = read_catalogue(lang)
            yield from _missing(found, catalogue, lang)
            yield from _wrong(found, catalogue, lang)


def _extract(folder: Path, methods: list[tuple[str, str]]) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    options: Mapping[str, dict[str, str]] = {pattern: {"silent": "false"} for pattern, _ in methods}
    for name, line, msgid, _comments, _context in extract_from_dir(
        folder, methods, options, keywords=_KEYWORDS
    ):
        if msgid:
            yield f"{name}:{line}", msgid


def _missing(found: Found, catalogue: Catalog, lang: str) -> Iterator[str]:
    for msgid, places in found.items():
        key = msgid if isinstance(msgid, str) else msgid[0]
        message = catalogue.get(key)
        if message is None:
            yield f"{lang}: missing: {msgid!r} ({places[0]})"
        elif message.id != msgid:
            yield f"{lang}: not counted alike: {msgid!r} ({places[0]}) and {message.id!r}"


def _wrong(found: Found, catalogue: Catalog, lang: str) -> Iterator[str]:
    for message in catalogue:
        if not message.id:
            continue
        forms = forms_of(message)
        if message.id not in found:
            yield f"{lang}: unused: {message.id!r}"
        if message.fuzzy:
            yield f"{lang}: fuzzy: {message.id!r}"
        if not all(forms):
            yield f"{lang}: empty: {message.id!r}"
        elif any(_placeholders(form) != _expected(message) for form in forms):
            yield f"{lang}: other placeholders than in English: {message.id!r}"


def _expected(message: Message) -> set[tuple[str, str]]:
    return _placeholders(message.id if isinstance(message.id, str) else message.id[-1])


def _placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, kind) for name, kind in _PLACEHOLDER.findall(text) if name}
