"""'Take it with me': an environment and a folder, as files that run the same notebook on a laptop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slurm.records import Sentence

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["Takeaway", "files", "take"]


@dataclass(frozen=True, slots=True)
class Takeaway:
    """What is taken.

    Attributes
    ----------
    files : dict
        Name and text of each file; they lie in one folder, beside a copy of the workspace's folder.
    notes : tuple of Sentence
        What cannot be taken, and what to know.
    """

    files: dict[str, str]
    notes: tuple[Sentence, ...]


def take(prefix: Path, folder: Path, site: Site, *, name: str = "") -> Takeaway:
    """Return the files, and what people should know.

    Parameters
    ----------
    folder : Path
        The user's folder whose files are to be copied; absolute.
    """
    raise NotImplementedError


def files(prefix: Path, workspace_folder: Path, site: Site) -> dict[str, str]:
    """Return the files of `take`."""
    return take(prefix, workspace_folder, site).files
