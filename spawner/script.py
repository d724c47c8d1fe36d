"""Renders the batch script; every value that comes from outside is quoted for the shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["DEFAULT_TEMPLATE", "render_script"]

DEFAULT_TEMPLATE = Path(__file__).with_name("batch_script.sh.j2")


def render_script(
    template: Path, *, user: str, queue: str, command: Sequence[str], umask: str, prologue: str
) -> str:
    """Render the script that runs on the node.

    Parameters
    ----------
    template : Path
        A Jinja template; the filter ``shell`` quotes one word.
    prologue : str
        The site's own lines (module load …), which are shell and stand as they are.

    Raises
    ------
    jinja2.UndefinedError
        When the site's template uses a name that does not exist.
    """
    # Shell is not HTML: quoting is done by the filter, and escaping as HTML would break it.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(template.parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["shell"] = lambda word: shlex.quote(str(word))
    return environment.get_template(template.name).render(
        user=user, queue=queue, command=list(command), umask=umask, prologue=prologue
    )
