"""Files that people bring: ``environment.yml``, an explicit list, a lock file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slurm.records import Sentence

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["Imported", "parse"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file asks for, with everything in it as this site has it. Either `specs` or `lock` is there.

    Attributes
    ----------
    name : str
        What the file calls the environment; empty when it does not, or cannot be called so.
    channels : tuple of str
        URLs of this site's channels, in the file's order; the site's where the file names none.
    specs : tuple of str
        conda match specs, to be solved; channels in them are URLs.
    lock : str
        An ``@EXPLICIT`` list of this site's URLs with hashes, to be written to a file and installed as it is.
    pip : tuple of str
        What the file asks pip for; it is told to people, and not installed.
    variables : Mapping
        Environment variables that the file sets; they are told to people, and not set.
    notes : tuple of Sentence
        What people should know of it.
    """

    name: str = ""
    channels: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    lock: str = ""
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Sentence, ...] = ()


def parse(text: str, kind: str, site: Site, platform: str = "linux-64") -> Imported:
    """Read a file that somebody brought.

    Parameters
    ----------
    kind : str
        ``yml``, ``explicit`` or ``lock``.
    platform : str
        conda's subdir of which a lock file's packages are taken.

    Raises
    ------
    Problem
        Saying what is wrong with it, where, and what to write.
    """
    raise NotImplementedError
