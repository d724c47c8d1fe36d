"""The page for the time in which the hub is away: no hub can make it then, so it lies there as a file.

What stands beside this module is written by ``python -m services.proxy`` from the texts below and their
translations. Nobody knows then which language its reader chose, so it has all of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from texts import LANGUAGES, translate
from texts import mark as _

__all__ = ["files", "write"]

_FOLDER: Final = Path(__file__).resolve().parent
_PAUSE_SECONDS: Final = 15

_WORDS: Final = {
    "title": _("JupyterHub does not answer at the moment"),
    "lasts": _("When it is started anew, this takes some seconds."),
    "goes_on": _("Running servers and jobs go on. Only logging in, starting and stopping have to wait."),
    "long": _("If it lasts for more than a few minutes, please tell the administrators."),
    "looks": _("This page looks again by itself, and loads as soon as JupyterHub answers."),
    "sent": _(
        "What you sent may not have arrived. When JupyterHub answers again, go back, look, "
        "and send it once more if need be."
    ),
    "waits": _("This page tells you when JupyterHub answers again."),
    "back": _("JupyterHub answers again."),
    "now": _("Look now"),
}

_templates: Final = Environment(
    loader=PackageLoader("services.proxy", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def files() -> dict[str, str]:
    """Return what the files must hold: the page, the page for who sent a form, and the words for programs."""
    words = {lang: {name: translate(lang, text) for name, text in _WORDS.items()} for lang in LANGUAGES}
    template = _templates.get_template("away.html.j2")
    message = " / ".join(f"{one['title']}. {one['goes_on']}" for one in words.values())
    return {
        "away.html": template.render(words=words, sent=False, pause=_PAUSE_SECONDS),
        "sent.html": template.render(words=words, sent=True, pause=_PAUSE_SECONDS),
        "away.json": json.dumps({"status": 503, "message": message}, ensure_ascii=False) + "\n",
    }


def write() -> int:
    """Write the files and return 0."""
    for name, text in files().items():
        (_FOLDER / name).write_text(text, encoding="utf-8")
    return 0
