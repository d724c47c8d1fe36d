"""What people write into the forms of the pages, as what is to be done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from environments.problems import Problem
from texts import mark as _

__all__ = ["LARGEST_FILE", "format_of", "from_form", "from_json", "specs_of"]

LARGEST_FILE: Final = 256 * 1024
"""Bytes of a file that is imported here; `hpchub env import` takes larger ones."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bootstrap": ("set", "cuda"),
    "plugins": (),
    "reset": ("set",),
    "install": ("specs",),
    "remove": ("specs",),
    "snapshot": ("label",),
    "rollback": ("source",),
    "import": ("text", "format", "cuda"),
    "clone": ("source",),
    "delete": (),
}
_TEXTS: Final = frozenset({"verb", "environment", "set", "source", "label", "text", "format", "cuda"})
_GOES_ON: Final = re.compile(r"^[<>=!~|,\[0-9*]")
_OPEN: Final = re.compile(r"[<>=!~|,]$")


def from_form(verb: str, environment: str, form: Mapping[str, str], file: bytes | None) -> dict[str, Any]:
    """Return an action as JSON has it, from the fields of a form; of others nothing is taken.

    Raises
    ------
    Problem
        When a file cannot be read as text.
    """
    wanted: dict[str, Any] = {"verb": verb, "environment": environment}
    for name in _FIELDS[verb]:
        wanted[name] = form.get(name, "").strip()
    if "specs" in wanted:
        wanted["specs"] = specs_of(wanted["specs"])
    if verb == "import":
        wanted["text"] = _text(file) or form.get("text", "")
        wanted["format"] = wanted["format"] or format_of(wanted["text"])
    return _checked(wanted)


def from_json(raw: object) -> dict[str, Any]:
    """Return an action from what a script sent.

    Raises
    ------
    Problem
        Naming the key that is not known, or not of the right type.
    """
    if not isinstance(raw, dict):
        raise Problem("request", _("Send one JSON object, such as %(example)s."), example=_EXAMPLE)
    for key, value in raw.items():
        if key == "specs":
            good = isinstance(value, list) and all(isinstance(one, str) for one in value)
        else:
            good = key in _TEXTS and isinstance(value, str)
        if not good:
            raise Problem(
                "request", _("“%(key)s” is not understood; %(example)s is."), key=key[:40], example=_EXAMPLE
            )
    if not raw.get("verb") or not raw.get("environment"):
        raise Problem("request", _("Send one JSON object, such as %(example)s."), example=_EXAMPLE)
    return _checked(dict(raw))


_EXAMPLE: Final = '{"verb": "install", "environment": "notebook", "specs": ["numpy"]}'


def _checked(wanted: dict[str, Any]) -> dict[str, Any]:
    size = len(wanted.get("text", "").encode("utf-8", "surrogatepass"))
    if size > LARGEST_FILE:
        raise Problem(
            "too-large",
            _("The file has %(kib)d KiB, more than %(most)d. Use “hpchub env import” in a terminal."),
            kib=-(-size // 1024),
            most=LARGEST_FILE // 1024,
        )
    return wanted


def _text(file: bytes | None) -> str:
    try:
        return (file or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("import", _("The file is not text in UTF-8.")) from None


def specs_of(text: str) -> list[str]:
    r"""Split what people write into packages: by lines and blanks, but not within one package.

    >>> specs_of("numpy scipy >=1.2, <2\npandas=2.1")
    ['numpy', 'scipy >=1.2, <2', 'pandas=2.1']
    """
    found: list[str] = []
    for line in text.splitlines():
        begun = len(found)
        for word in line.split():
            if len(found) > begun and (_GOES_ON.search(word) or _OPEN.search(found[-1])):
                found[-1] = f"{found[-1]} {word}"
            else:
                found.append(word)
    return found


def format_of(text: str) -> str:
    r"""Say what kind of file a text is, by its contents.

    >>> format_of("@EXPLICIT\nhttps://..."), format_of("version: 6\nenvironments:\n"), format_of("name: x")
    ('explicit', 'lock', 'yml')
    """
    if re.search(r"^@EXPLICIT\s*$", text, re.MULTILINE):
        return "explicit"
    if re.search(r"^version: *\d", text, re.MULTILINE) and re.search(r"^environments:", text, re.MULTILINE):
        return "lock"
    return "yml"
