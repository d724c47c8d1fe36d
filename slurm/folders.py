"""What is wrong with a folder of a user's, in words that say what to do about it."""

from __future__ import annotations

from typing import Final

from slurm.acting import FolderError
from slurm.records import Sentence
from slurm.records import mark as _

__all__ = ["folder_trouble"]

_REASONS: Final = {
    "missing": _("it is not there, and cannot be made. Please tell the administrators."),
    "full": _("its file system is full. Please delete what you need no more, or tell the administrators."),
    "quota": _("your quota is used up. Please delete what you need no more."),
    "denied": _("you have no right to write there. Please check its permissions with “ls -ld”."),
    "read-only": _("its file system is read-only at the moment. Please tell the administrators."),
    "not a folder": _("a file stands where the folder should be. Please move it out of the way."),
    "not a file": _("a folder stands where the file should be. Please move it out of the way."),
}


def folder_trouble(error: FolderError) -> Sentence:
    """Say it; what the operating system alone has words for stays as it says it.

    >>> str(folder_trouble(FolderError("/scratch/anna/log", "Stale file handle")))
    'Stale file handle.'
    """
    known = _REASONS.get(error.reason)
    return Sentence(known, {}) if known else Sentence("%(reason)s.", {"reason": error.reason})
