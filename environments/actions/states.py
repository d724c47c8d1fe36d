"""Snapshot, Roll back and Delete: states of an environment that are kept, returned to, and removed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from environments import generations
from environments.actions.copying import copy
from environments.actions.work import Done, Work
from environments.generations import Generation
from environments.problems import Problem
from environments.records import Progress
from environments.supervising import check_cancelled
from slurm.records import Sentence
from texts import mark as _

__all__ = ["delete", "rollback", "snapshot"]


def snapshot(work: Work) -> Done:
    """Keep what is there now, under a label.

    The snapshot is a copy beside the state in use, and not that state itself, because what runs from it may
    change it: pip in a notebook writes into the state in use, and a snapshot shall stay what it was.
    """
    prefix = work.current()
    path = _copy_of(work, prefix, {"verb": "snapshot", "label": work.action.label, generations.WAITS: False})
    work.clean()
    kept = _("%(label)s is kept until you delete the environment.")
    return work.done(path, Sentence(kept, {"label": work.action.label}))


def rollback(work: Work) -> Done:
    """Return to a state that is kept; the one that is left stays, too.

    Of a snapshot, a copy is used, so that it stays as it is; of any other state, the state itself.
    """
    chosen = _chosen(work)
    if chosen.current:
        note = Sentence(_("Nothing to do: this state is in use already."), {})
        return work.done(chosen.path, note, changed=False)
    path = chosen.path
    if chosen.label and chosen.path.parent == work.layout.generations and generations.marks_of(path):
        path = _copy_of(work, path, {"label": ""})
    return work.finish(path)


def delete(work: Work) -> Done:
    """Remove an environment with all its states, snapshots, too."""
    states = generations.list_all(work.layout, work.name)
    if not states and not work.address.is_symlink() and not work.address.exists():
        raise Problem("missing", _("There is no environment %(name)s."), name=work.name)
    work.tell(Progress("clean"))
    check_cancelled()
    work.hold.confirm()
    generations.remove(work.layout, work.name)
    return Done(notes=(Sentence(_("A server that still runs from it must be stopped."), {}),))


def _copy_of(work: Work, prefix: Path, marks: dict[str, object]) -> Path:
    noted = {**work.marks(prefix), **marks}
    if prefix.parent == work.layout.generations and not prefix.name.endswith(".foreign"):
        return copy(work.layout, work.name, prefix, noted, work.tell)
    # Made by others, its path is not of our length, and stands in its files: its packages are installed anew.
    with tempfile.TemporaryDirectory(prefix="hpchub-") as folder:
        same = work.same(prefix, Path(folder))
        return work.build(same, noted, carry=prefix, needs=work.needs(prefix))


def _chosen(work: Work) -> Generation:
    """Return the state that is named; without a name, the newest that is older than the one in use."""
    states = generations.list_all(work.layout, work.name)
    if work.action.source:
        named = [one for one in states if one.id == work.action.source]
        if not named:
            raise Problem(
                "generation",
                _(
                    "The environment %(name)s has no state %(id)s (any more). Look at what there is and "
                    "choose again."
                ),
                name=work.name,
                id=work.action.source,
            )
        return named[0]
    used = next((index for index, one in enumerate(states) if one.current), -1)
    if len(states) <= used + 1:
        raise Problem(
            "generation",
            _("There is no earlier state of %(name)s; choose one of those that there are."),
            name=work.name,
        )
    return states[used + 1]
