"""What a queue puts around its notebooks: variables, shell lines, and the comment that Slurm keeps.

All three are the administrator's own words. They are checked for what would not do what he means: a
variable that the hub or Slurm sets anyway, a directive that Slurm does not read, a name nobody fills in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, PlainSerializer

from queues.fields import refuse

__all__ = ["COMMENT_NAMES", "Comment", "Environment", "Prologue", "check_comment", "fill_comment"]

COMMENT_NAMES: Final = ("username", "queue", "account", "interface", "hours", "gpus")
"""What a comment's template may name in braces."""

_LONGEST_COMMENT: Final = 500
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HUBS: Final = ("JUPYTERHUB_", "JPY_", "HPCHUB_")
_SLURMS: Final = ("SLURM_", "SLURMD_", "SBATCH_")
_USERS: Final = ("HOME", "USER", "LOGNAME", "SHELL")
# These decide which code runs before the server's own first line.
_LOADERS: Final = ("LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS")


def _check_environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in variables.items():
        refuse(
            not _VARIABLE.fullmatch(name), f"{name!r} is no name of a variable; write letters, digits and _"
        )
        refuse(name.startswith(_HUBS), f"{name} is the hub's own, the server needs it as it is; leave it out")
        refuse(name.startswith(_SLURMS), f"{name} is Slurm's own, it sets it in every job; leave it out")
        refuse(name in _USERS, f"{name} is the user's own, the helper sets it; leave it out")
        loads = (
            f"{name} loads code into every program of the job; write an export in prologue if that is meant"
        )
        refuse(name in _LOADERS, loads)
        refuse("\0" in value or "\n" in value, f"the value of {name} has more than one line; write one")
    return MappingProxyType(dict(variables))


def _check_prologue(lines: str) -> str:
    refuse("\0" in lines, "has a NUL character; leave it out")
    refuse("#SBATCH" in lines, "has #SBATCH, which Slurm does not read here; use the queue's settings")
    return lines


def check_comment(template: str) -> str:
    """Return the template if it is one line and names only what can be filled in.

    Raises
    ------
    ValueError
        Saying what to write instead.
    """
    refuse(not template.isprintable(), "has more than one line; write one")
    refuse(len(template) > _LONGEST_COMMENT, f"is longer than {_LONGEST_COMMENT} characters; write fewer")
    known = ", ".join(f"{{{name}}}" for name in COMMENT_NAMES)
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise ValueError(
            f"has a brace without its other; write one of {known}, or {{{{ for a brace"
        ) from None
    for _text, name, form, conversion in parts:
        # A plain name only: an attribute or an index would reach into objects.
        plain = name is None or (name in COMMENT_NAMES and not form and not conversion)
        refuse(not plain, f"has {{{name}}}, which nobody fills in; write one of {known}")
    return template


def fill_comment(template: str, values: Mapping[str, object]) -> str | None:
    """Fill in a checked template; None where it says nothing.

    What is filled in is never looked at again for names, and characters that would make a second line, or
    that nobody sees, become question marks.
    """
    filled = template.format_map({name: values.get(name) for name in COMMENT_NAMES})
    line = "".join(char if char.isprintable() else "?" for char in filled)
    return line[:_LONGEST_COMMENT].strip() or None


Environment = Annotated[Mapping[str, str], AfterValidator(_check_environment), PlainSerializer(dict)]
"""Variables by name; cannot be changed."""

Prologue = Annotated[str, AfterValidator(_check_prologue)]
Comment = Annotated[str, AfterValidator(check_comment)]
