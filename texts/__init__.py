"""The languages of pages and messages: English in the sources, the others in catalogues beside this file."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from texts.catalogue import LANGUAGES, MissingLanguageError, plural, translation

__all__ = [
    "COOKIE",
    "LANGUAGES",
    "MissingLanguageError",
    "language_of",
    "mark",
    "ntranslate",
    "say",
    "translate",
]

COOKIE: Final = "hpchub-lang"
"""The cookie that remembers the language a person chose."""

default_language: str = "en"
"""What a visitor who has chosen nothing reads; a site sets it once, at start."""


class HasCookies(Protocol):
    """Whatever can read a cookie: every tornado request handler."""

    def get_cookie(self, name: str, /) -> str | None:
        """Return the cookie's value, or None."""


def mark(msgid: str) -> str:
    """Return `msgid` unchanged; it only tells the catalogue that this text is shown to people.

    >>> mark("Your server is starting.")
    'Your server is starting.'
    """
    return msgid


def translate(lang: str, msgid: str, /, **params: Any) -> str:
    """Return `msgid` in the language `lang`, its ``%(name)s`` placeholders filled in from `params`.

    A parameter may itself be a sentence, ``(msgid, params)``. Without parameters the text is taken as it
    stands, so a bare ``%`` needs no doubling. What has no translation stays English.
    """
    return _fill(translation(lang, msgid), msgid, lang, params)


def ntranslate(lang: str, singular: str, plural_form: str, n: int, /, **params: Any) -> str:
    """Return the form that fits the number `n`, which is also the parameter ``n``."""
    english = singular if n == 1 else plural_form
    return _fill(plural(lang, singular, plural_form, n), english, lang, {"n": n, **params})


def say(lang: str, sentence: tuple[str, Mapping[str, Any]]) -> str:
    """Return a sentence, ``(msgid, params)``, in the language `lang`.

    >>> say("en", ("waiting for %(n)d nodes", {"n": 2}))
    'waiting for 2 nodes'
    """
    msgid, params = sentence
    return translate(lang, msgid, **params)


def language_of(handler: HasCookies | None) -> str:
    """Return the language of a request: the cookie where it names one we have, else the site's default."""
    chosen = handler.get_cookie(COOKIE) if handler is not None else None
    return chosen if chosen in LANGUAGES else default_language


def _fill(text: str, english: str, lang: str, params: Mapping[str, Any]) -> str:
    if not params:
        return text
    words = {name: say(lang, value) if _is_sentence(value) else value for name, value in params.items()}
    # A wrong placeholder in a catalogue must not cost the reader the message, let alone the page.
    for candidate in (text, english):
        try:
            return candidate % words
        except (KeyError, TypeError, ValueError):
            continue
    return english


def _is_sentence(value: object) -> bool:
    match value:
        case (str(), Mapping()) if isinstance(value, tuple):
            return True
    return False
