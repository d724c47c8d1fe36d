"""What Plugins does besides packages: IPyParallel's profile, and what the user is told of it."""

from __future__ import annotations

import dataclasses

from environments.actions.work import Done, Work
from environments.clusters import profile as profiles
from environments.site import own_name
from slurm.records import Sentence
from texts import mark as _

__all__ = ["with_profile"]


def with_profile(work: Work, done: Done) -> Done:
    """Write the profile, once its packages are there; that it cannot be written does not undo them."""
    asked = work.site.plugins.profile
    if asked is None or not profiles.wanted(work.site.plugins.specs):
        return done
    folder = profiles.folder_of(asked)
    try:
        outcome = profiles.write(folder, profiles.files_of(asked, own_name()))
    except OSError as error:
        work.tell(f"profile: {error}")
        return _noted(done, _not_written(asked.name, folder, error))
    if outcome.kind == "same":
        return done
    if outcome.kind == "kept":
        return _noted(done, _kept(asked.name, outcome))
    made = _(
        "IPyParallel's profile %(name)s is in %(folder)s. In a new kernel: import ipyparallel as ipp; "
        'ipp.Cluster(profile="%(name)s", n=%(n)s)'
    )
    about = {"name": asked.name, "folder": str(folder), "n": asked.engines}
    # That there was nothing to do is no longer so.
    notes = done.notes if done.changed else ()
    return dataclasses.replace(done, notes=(*notes, Sentence(made, about)), changed=True)


def _noted(done: Done, note: Sentence) -> Done:
    return dataclasses.replace(done, notes=(*done.notes, note))


def _kept(name: str, outcome: profiles.Outcome) -> Sentence:
    note = _(
        "There is a profile %(name)s of your own in %(folder)s, and it stays as it is: %(files)s. For the "
        "centre's, move these files away and press Plugins again."
    )
    return Sentence(note, {"name": name, "folder": str(outcome.folder), "files": ", ".join(outcome.foreign)})


def _not_written(name: str, folder: object, error: OSError) -> Sentence:
    note = _(
        "IPyParallel's profile %(name)s could not be written to %(folder)s (%(why)s). The packages are "
        "there. Press Plugins again when that folder can be written to."
    )
    return Sentence(note, {"name": name, "folder": str(folder), "why": error.strerror or str(error)})
