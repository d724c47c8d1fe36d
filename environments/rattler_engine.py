"""py-rattler as the engine, in a process of its own; see `environments.worker`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from environments import cache
from environments.engine import Filled, Wanted
from environments.explaining import explain, is_cache_damage
from environments.history import write_history
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Progress, Tell
from environments.removing import remove_tree
from environments.room import is_exhausted
from environments.site import Site
from environments.supervising import check_cancelled, run_child

__all__ = ["RattlerEngine", "solve"]

WORKER: Final = Path(__file__).resolve().with_name("worker.py")
NO_ROOM: Final = ("full", "quota")
NOT_HANDED_ON: Final = ("PYTHON", "CONDA_", "RATTLER_", "MAMBA_")


class RattlerEngine:
    """Makes prefixes with py-rattler, from the user's own package cache over the site's shared one."""

    name = "rattler"

    def __init__(self, site: Site, layout: Layout) -> None:
        self.site = site
        self.layout = layout

    def fill(self, prefix: Path, wanted: Wanted, tell: Tell) -> Filled:
        """See `environments.engine.Engine.fill`."""
        packages = self.layout.packages
        packages.mkdir(parents=True, exist_ok=True)
        self.layout.repodata.mkdir(parents=True, exist_ok=True)
        cache.sweep(packages)
        cache.wait_until_free(
            packages, lambda: tell("Waiting for another environment of yours."), check_cancelled
        )
        before = cache.names(packages)
        try:
            result = self._insist(prefix, wanted, tell)
        except Problem as problem:
            # Whoever has no room left is not to be left with packages that nothing uses.
            if problem.code in NO_ROOM or is_exhausted(packages):
                cache.take_away(packages, before)
            raise
        if result.get("unchanged"):
            return Filled(int(result["packages"]), unchanged=True)
        self._finish(prefix, wanted, list(result["requested"]))
        return Filled(int(result["packages"]))

    def _insist(self, prefix: Path, wanted: Wanted, tell: Tell) -> dict[str, Any]:
        """Try again when something is damaged, with every file checked, also of what the site has lent."""
        try:
            return self._attempt(prefix, wanted, tell, careful=wanted.validate, shared=self.site.shared_cache)
        except Problem as problem:
            if not is_cache_damage(problem):
                raise
        tell("A file of a package is missing or damaged: checking them all and trying again.")
        return self._attempt(prefix, wanted, tell, careful=True, shared=None)

    def _attempt(
        self, prefix: Path, wanted: Wanted, tell: Tell, *, careful: bool, shared: Path | None
    ) -> dict[str, Any]:
        remove_tree(prefix)
        request = {
            "do": "fill",
            "prefix": str(prefix),
            "packages": str(self.layout.packages),
            "repodata": str(self.layout.repodata),
            "shared": str(shared) if shared else "",
            "channels": list(wanted.channels),
            "specs": list(wanted.specs),
            "lock": str(wanted.lock) if wanted.lock else "",
            "keep": str(wanted.keep) if wanted.keep else "",
            "remove": list(wanted.remove),
            "requested": list(wanted.requested),
            "platform": wanted.platform,
            "cuda": wanted.cuda,
            "validate": careful,
            "anew": wanted.anew,
        }
        return _ask(
            request, self.site.stall_seconds, tell, {**self.site.variables, **(wanted.variables or {})}
        )

    def _finish(self, prefix: Path, wanted: Wanted, requested: Sequence[str]) -> None:
        from_scratch = wanted.lock is not None or wanted.keep is None
        write_history(
            prefix,
            None if from_scratch else wanted.keep,
            command="hpchub env",
            update=requested if from_scratch else wanted.specs,
            remove=wanted.remove,
        )
        # py-rattler lets only the owner read its records; a shared environment is read by all.
        for path in (prefix / "conda-meta").glob("*.json"):
            with suppress(OSError):
                path.chmod(0o644)


def solve(
    site: Site,
    *,
    channels: Sequence[str],
    specs: Sequence[str],
    platform: str = "",
    cuda: str = "",
    repodata: Path,
    lock: Path | None = None,
    tell: Tell = lambda said: None,
    variables: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Choose packages without installing any.

    Parameters
    ----------
    repodata : Path
        A folder in which what channels said is kept.
    lock : Path or None
        A lock file (rattler-lock) to be written as well.

    Returns
    -------
    list of dict
        As channels have them: name, version, build, subdir, depends, md5, sha256, size, and url, channel, fn.

    Raises
    ------
    Problem, Cancelled
    """
    request = {
        "do": "solve",
        "channels": list(channels),
        "specs": list(specs),
        "platform": platform,
        "cuda": cuda,
        "repodata": str(repodata),
        "out": str(lock) if lock else "",
    }
    result = _ask(request, site.stall_seconds, tell, {**site.variables, **(variables or {})})
    return list(result["records"])


def _ask(
    request: Mapping[str, Any], stall_seconds: float, tell: Tell, variables: Mapping[str, str]
) -> dict[str, Any]:
    result = run_child(
        [sys.executable, "-I", str(WORKER)],
        request,
        environ=_environ(variables),
        stall_seconds=stall_seconds,
        hear=lambda about: _hear(about, tell),
    )
    if "failed" in result:
        raise explain(str(result["failed"]), str(result["text"]))
    return result


def _environ(variables: Mapping[str, str]) -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith(NOT_HANDED_ON)}
    return {**ours, **variables}


def _hear(about: Mapping[str, Any], tell: Tell) -> None:
    if "progress" in about:
        tell(Progress(**about["progress"]))
    elif "line" in about:
        tell(str(about["line"]))
