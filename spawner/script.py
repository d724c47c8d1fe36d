"""Renders the batch script; every value that comes from outside is quoted for the shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["DEFAULT_TEMPLATE", "compose_prologue", "render_script"]

DEFAULT_TEMPLATE = Path(__file__).with_name("batch_script.sh.j2")


def compose_prologue(site: str, environment: Mapping[str, str], queue: str) -> str:
    """Put together what runs before the server: the site's lines, the queue's variables, the queue's lines.

    Variables are exported here and do not go through the helper, which sets only those that its own
    settings name: those settings are root's, and a queue is the hub's affair. In the script a variable can
    do no more than a line of the prologue. They stand after the site's lines, so that a queue can change
    what is said for all of them, and within one text, so that a site's own template has them, too.
    """
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(part.rstrip("\n") for part in (site, *exports, queue) if part)


def render_script(
    template: Path, *, user: str, queue: str, command: Sequence[str], umask: str, prologue: str
) -> str:
    """Render the script that runs on the node.

    Parameters
    ----------
    template : Path
        A Jinja template; the filter ``shell`` quotes one word.
    prologue : str
        The site's own lines (module load …) and the queue's, which are shell and stand as they are.

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
