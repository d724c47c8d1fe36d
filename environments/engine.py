"""What makes environments: py-rattler by default, or the site's own conda, mamba or micromamba."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from environments.layout import Layout
from environments.records import Tell
from environments.site import Site

__all__ = ["Engine", "Filled", "Wanted", "engine_of"]


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
        A prefix whose packages stay as they are where the solve allows it. It is only read. With `lock`
        it only tells whether there is anything to do.
    remove : tuple of str
        Names of packages of `keep` that shall go, with what needs them.
    channels : tuple of str
        URLs, the first is preferred.
    requested : tuple of str
        With `lock`: what of it was asked for, as match specs; the rest came along. For the history.
    platform : str
        conda's subdir, such as ``linux-64``.
    cuda : str
        CUDA version to choose packages for; empty for none.
    validate : bool
        Check every cached file before it is used (after damage, and for a reset).
    anew : bool
        Make the prefix also when `keep` already holds the same; for a copy of it.
    variables : mapping
        Environment variables of the site, such as its proxy.
    """

    channels: tuple[str, ...]
    specs: tuple[str, ...] = ()
    lock: Path | None = None
    keep: Path | None = None
    remove: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    platform: str = ""
    cuda: str = ""
    validate: bool = False
    anew: bool = False
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of it.

    Attributes
    ----------
    packages : int
        How many conda packages the prefix holds.
    unchanged : bool
        `Wanted.keep` already holds just what is wanted, so nothing was made.
    """

    packages: int
    unchanged: bool = False


class Engine(Protocol):
    """One way to make prefixes."""

    name: str

    def fill(self, prefix: Path, wanted: Wanted, tell: Tell) -> Filled:
        """Make `prefix`, which is not there yet or is what a killed attempt left, hold what is wanted.

        Blocks. It writes ``conda-meta`` with its history as conda does, and touches nothing but the prefix
        and its own cache.

        Raises
        ------
        environments.problems.Problem
            Naming what was wrong; the prefix may hold anything then, and is thrown away.
        environments.problems.Cancelled
            SIGTERM or SIGINT came, see `environments.supervising.cancellable`.
        """


def engine_of(site: Site, layout: Layout) -> Engine:
    """Return the engine that the site has chosen, with this user's own cache."""
    if site.engine == "rattler":
        from environments.rattler_engine import RattlerEngine

        return RattlerEngine(site, layout)
    from environments.conda_engine import CondaEngine

    return CondaEngine(site, layout)
