"""Makes a generation: filled, given what pip had put into the one before, and checked, all aside."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from environments import compiled, precompiled
from environments.carry import carry as carry_files
from environments.checks import Needs, check
from environments.engine import Engine, Filled, Wanted, engine_of
from environments.explaining import explain_os
from environments.generations import write_marks
from environments.layout import GENERATION, Layout
from environments.problems import Problem
from environments.records import Progress, Tell
from environments.removing import remove_tree
from environments.room import check_room, is_exhausted
from environments.site import Site
from environments.supervising import cancellable, check_cancelled
from slurm.records import Sentence

__all__ = ["Needs", "build"]

UNCLEAR: Final = ("broken", "corrupt", "crashed")


def build(
    layout: Layout,
    name: str,
    wanted: Wanted,
    *,
    site: Site,
    marks: Mapping[str, object],
    tell: Tell,
    carry: Path | None = None,
    needs: Needs = "server",
) -> Path:
    """Make a generation and return it, not switched to; whoever calls holds the environment.

    Parameters
    ----------
    marks : mapping
        What is written into it: engine, verb, set, action, label, parent, made, channels, cuda, and whether
        it waits to be switched to (`generations.WAITS`); engine and made are filled in. What was noticed on
        the way is added as ``notes``, a list of ``{"msgid", "params"}``.
    carry : Path or None
        A prefix of which all files that no package owns are copied: what pip put there. What Python compiled
        in it is linked.
    needs : str
        What must work before it is called whole.

    Returns
    -------
    Path
        The new generation, or `Wanted.keep` itself when it already holds just what is wanted.

    Raises
    ------
    Problem, Cancelled
        Nothing of the new generation is left then.
    """
    with cancellable():
        prefix = layout.new_generation(name)
        try:
            return _build(layout, prefix, wanted, site, marks, tell, carry, needs)
        except BaseException as error:
            # What cannot be removed now, the next action removes: it bears no mark.
            with suppress(OSError):
                remove_tree(prefix)
            if isinstance(error, OSError):
                raise explain_os(error) from error
            raise


def _build(
    layout: Layout,
    prefix: Path,
    wanted: Wanted,
    site: Site,
    marks: Mapping[str, object],
    tell: Tell,
    carry: Path | None,
    needs: Needs,
) -> Path:
    tell(Progress("prepare"))
    layout.generations.mkdir(parents=True, exist_ok=True)
    check_room(layout.generations, site.least_free_mb)
    engine = engine_of(site, layout)
    wanted = replace(wanted, anew=wanted.anew or not _is_its_own(layout, prefix, wanted.keep))
    filled = _fill(engine, prefix, wanted, tell)
    if filled.unchanged and wanted.keep is not None:
        return wanted.keep
    notes: list[Sentence] = []
    if carry is not None:
        check_cancelled()
        tell(Progress("carry"))
        notes = carry_files(carry, prefix, _replaced(layout, carry, prefix), tell)
    check_cancelled()
    tell(Progress("check"))
    _check(layout, prefix, wanted, needs, site, tell, carry)
    write_marks(prefix, {**marks, "engine": engine.name, "made": time.time(), "notes": _as_json(notes)})
    return prefix


def _check(
    layout: Layout, prefix: Path, wanted: Wanted, needs: Needs, site: Site, tell: Tell, carry: Path | None
) -> None:
    """Check what was made, with what Python compiled before; and without it, if that fails."""
    taken = compiled.take(carry, prefix) if carry is not None else []
    taken += [] if wanted.validate else precompiled.take(layout.packages, prefix)
    anew = wanted.validate
    try:
        check(prefix, needs, variables=site.variables)
    except Problem:
        if not taken:
            raise
        for path in taken:
            path.unlink(missing_ok=True)
        tell("Checking again, without what was compiled before.")
        check(prefix, needs, variables=site.variables)
        taken, anew = [], True
    if anew:
        precompiled.forget(layout.packages, prefix)
    if needs != "nothing":
        precompiled.keep(layout.packages, prefix, taken)


def _is_its_own(layout: Layout, prefix: Path, keep: Path | None) -> bool:
    """Tell whether what is kept is a state of the same environment, which need not be made again."""
    to, match = GENERATION.fullmatch(prefix.name), keep and GENERATION.fullmatch(keep.name)
    if keep is None or to is None:
        return False
    return keep == layout.address(to["name"]) or bool(match and match["name"] == to["name"])


def _fill(engine: Engine, prefix: Path, wanted: Wanted, tell: Tell) -> Filled:
    try:
        return engine.fill(prefix, wanted, tell)
    except Problem as problem:
        if problem.code in UNCLEAR and is_exhausted(prefix.parent):
            raise explain_os(OSError(errno.ENOSPC, problem.details)) from problem
        raise


def _replaced(layout: Layout, old: Path, new: Path) -> dict[str, str]:
    """Return which paths in files are replaced: the prefix, and the address when it is another one's."""
    replaced = {str(old): str(new)}
    match, to = GENERATION.fullmatch(old.name), GENERATION.fullmatch(new.name)
    if to is None:
        return replaced
    if old.parent == layout.envs:
        # Others made it at its address, which it will have again, or it is the model for another one.
        return {str(old): str(layout.address(to["name"]))}
    if match is not None and match["name"] != to["name"]:
        replaced[str(layout.address(match["name"]))] = str(layout.address(to["name"]))
    return replaced


def _as_json(notes: Iterable[Sentence]) -> list[dict[str, object]]:
    return [{"msgid": note.msgid, "params": note.params} for note in notes]
