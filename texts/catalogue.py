"""Reads the catalogues, ``texts/<language>.po``, once each and without a build step."""

from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

__all__ = ["LANGUAGES", "MissingLanguageError", "forms_of", "plural", "read_catalogue", "translation"]

LANGUAGES: Final = {"en": "English", "ko": "한국어"}
"""The languages a person can choose, each under the name its readers call it."""

_SOURCE_LANGUAGE: Final = "en"
_FOLDER: Final = Path(__file__).resolve().parent


class MissingLanguageError(LookupError):
    """A language that is offered has no catalogue."""


def read_catalogue(lang: str) -> Catalog:
    """Return the parsed catalogue of a language, with everything the file says (for checks)."""
    path = _FOLDER / f"{lang}.po"
    if not path.is_file():
        raise MissingLanguageError(f"{path} is missing: no catalogue for the language '{lang}'")
    with path.open("rb") as file:
        return read_po(file, locale=lang, abort_invalid=True)


def translation(lang: str, msgid: str) -> str:
    """Return the translation of a text, or the text itself."""
    forms = _forms(lang).get(msgid)
    return forms[0] if forms else msgid


def plural(lang: str, singular: str, plural_form: str, n: int) -> str:
    """Return the form of a counted text that fits `n`."""
    forms = _forms(lang).get(singular)
    if not forms:
        return singular if n == 1 else plural_form
    # The languages here have one form (Korean) or two (as in English); a third kind needs its plural rule.
    return forms[0] if n == 1 else forms[-1]


def forms_of(message: Message) -> tuple[str, ...]:
    """Return the translations of one entry: one, or one for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


@cache
def _forms(lang: str) -> dict[str, tuple[str, ...]]:
    if lang == _SOURCE_LANGUAGE or lang not in LANGUAGES:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for message in read_catalogue(lang):
        msgid = message.id if isinstance(message.id, str) else message.id[0]
        forms = forms_of(message)
        if msgid and not message.fuzzy and forms and all(forms):
            found[msgid] = forms
    return found
