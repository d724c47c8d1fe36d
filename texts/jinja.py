"""Translation inside JupyterHub's templates.

JupyterHub calls a callable template variable with the user alone, once for each page, so it cannot know the
request's cookie. Each variable below therefore returns a function that Jinja calls with the template's
context, and the handler of the request is found there: ``static_url`` is one of its bound methods. Where that
ever changes, pages fall back to the site's default language.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import pass_context
from jinja2.runtime import Context

import texts
from texts.catalogue import plural as plural_form

__all__ = ["EXTENSIONS", "STATIC", "TEMPLATES", "TEMPLATE_VARS", "asset_version"]

EXTENSIONS: Final = ["jinja2.ext.i18n"]
"""For ``c.JupyterHub.jinja_environment_options = {"extensions": EXTENSIONS}``."""

_ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATES: Final = _ROOT / "templates"
"""For ``c.JupyterHub.template_paths``."""
STATIC: Final = _ROOT / "static"


def _handler_of(context: Context) -> Any:
    return getattr(context.get("static_url"), "__self__", None)


def _language(context: Context) -> str:
    handler = _handler_of(context)
    return texts.language_of(handler if hasattr(handler, "get_cookie") else None)


@pass_context
def gettext(context: Context, msgid: str, /, **params: Any) -> str:
    """Translate `msgid` into the language of the request."""
    return texts.translate(_language(context), msgid, **params)


@pass_context
def ngettext(context: Context, singular: str, plural: str, n: int, /, **params: Any) -> str:
    """Translate a counted text into the language of the request; ``%(n)s`` is left to the template."""
    lang = _language(context)
    if params:
        return texts.ntranslate(lang, singular, plural, n, **params)
    return plural_form(lang, singular, plural, n)


@pass_context
def lang(context: Context) -> str:
    """Return the language of the request."""
    return _language(context)


@pass_context
def say(context: Context, sentence: str | tuple[str, Mapping[str, Any]]) -> str:
    """Return a sentence in the language of the request; a string is already one."""
    return sentence if isinstance(sentence, str) else texts.say(_language(context), sentence)


@pass_context
def here(context: Context) -> str:
    """Return the address of this page, without the token a form may have left in it."""
    request = getattr(_handler_of(context), "request", None)
    if request is None:
        return str(context.get("base_url", "/"))
    parts = urlsplit(request.uri)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "_xsrf"]
    return f"{parts.path}?{urlencode(query)}" if query else str(parts.path)


@pass_context
def asset(context: Context, name: str) -> str:
    """Return the address of one of our own static files, with a version that lets browsers keep it."""
    return f"{context.get('base_url', '/')}hpchub-static/{name}?v={asset_version()}"


@cache
def asset_version() -> str:
    """Return a short hash over the static files: it changes when any of them does."""
    digest = sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def money(amount: Decimal | int, currency: str = "") -> str:
    """Return an amount with thousands separated and no needless decimals.

    >>> money(Decimal("12000.00"), "KRW")
    '12,000 KRW'
    """
    figures = f"{amount:,f}" if isinstance(amount, Decimal) else f"{amount:,}"
    figures = re.sub(r"\.0+$", "", figures)
    return f"{figures} {currency}".strip()


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _user: value


TEMPLATE_VARS: Final[dict[str, Callable[[Any], Any]]] = {
    name: _always(value)
    for name, value in {
        "gettext": gettext,
        "ngettext": ngettext,
        "lang": lang,
        "languages": texts.LANGUAGES,
        "say": say,
        "here": here,
        "asset": asset,
        "money": money,
    }.items()
}
"""For ``c.JupyterHub.template_vars``; each is called with the user and returns what templates see."""
