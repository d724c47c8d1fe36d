"""What makes environments: py-rattler by default, or the site's own conda, mamba or micromamba."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from environments.records import Tell

__all__ = ["Engine", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a prefix shall hold. Exactly one of `specs` and `lock` is given.

    Attributes
    ----------
    specs : tuple of str
        Conda match specs, to be solved.
    lock : Path or None
        A lock file (rattler-lock) or an ``@EXPLICIT`` list: installed as it stands, without a solve.
    keep : Path or None
        A prefix whose packages stay as they are where the solve allows it.
    remove : tuple of str
        Names of packages of `keep` that shall go, with what needs them.
    channels : tuple of str
        URLs, the first is preferred.
    platform : str
        conda's subdir, such as ``linux-64``.
    cuda : str
        CUDA version to choose packages for; empty for none.
    validate : bool
        Check every cached file before it is used (after damage, and for a reset).
    variables : mapping
        Environment variables of the site, such as its proxy.
    """

    channels: tuple[str, ...]
    specs: tuple[str, ...] = ()
    lock: Path | None = None
    keep: Path | None = None
    remove: tuple[str, ...] = ()
    platform: str = ""
    cuda: str = ""
    validate: bool = False
    variables: Mapping[str, str] | None = None


class Engine(Protocol):
    """One way to make prefixes."""

    name: str

    def fill(self, prefix: Path, wanted: Wanted, tell: Tell) -> None:
        """Make `prefix`, which is not there yet or is what a killed attempt left, hold what is wanted.

        Blocks. It writes ``conda-meta`` with its history as conda does, and touches nothing but the prefix
        and its own cache.

        Raises
        ------
        environments.problems.Problem
            Naming what was wrong; the prefix may hold anything then, and is thrown away.
        """
