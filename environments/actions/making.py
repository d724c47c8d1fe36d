"""Bootstrap, Reset, Import and Clone: an environment from nothing, or from something else."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from environments import building, definitions, found, generations, importing, locking
from environments.actions.work import Done, Work, listed, platform_of
from environments.engine import Wanted
from environments.problems import Problem
from environments.site import Set
from environments.specs import package_of
from slurm.records import Sentence
from texts import mark as _

__all__ = ["bootstrap", "clone", "import_file", "reset"]

SERVERS = frozenset({"jupyterhub", "jupyterhub-base", "jupyterhub-singleuser"})


def bootstrap(work: Work) -> Done:
    """Make an environment from one of the site's sets, where there is none yet."""
    _must_be_free(work)
    chosen = _set(work, work.action.set)
    return work.finish(_made(work, _wanted(work, chosen, work.action.cuda), _marks(work, chosen)))


def reset(work: Work) -> Done:
    """Make an environment anew as its set says, whatever became of it; the user's work lies elsewhere.

    Every cached file is checked, for what broke the environment may have broken those as well. Nothing is
    carried over: what pip put there is named, so that it can be installed again.
    """
    last = _last(work)
    marks = generations.marks_of(last) if last else {}
    chosen = _set(work, work.action.set or _known(work, str(marks.get("set") or "")))
    cuda = work.action.cuda or str(marks.get("cuda") or "")
    wanted = dataclasses.replace(_wanted(work, chosen, cuda), validate=True)
    left = [f"{one['name']} {one['version']}" for one in found.others(work.address)]
    asked = {one["name"] for one in found.packages(work.address) if one["requested"]}
    path = _made(work, wanted, {**_marks(work, chosen), "cuda": cuda, "parent": _parent(work)})
    gone = sorted(asked - {one["name"] for one in found.packages(path)})
    return work.finish(path, *_not_there(gone), *_left_behind(left))


def import_file(work: Work) -> Done:
    """Make an environment as a file says that somebody brought."""
    _must_be_free(work)
    platform = platform_of(work.site)
    asked = importing.parse(work.action.text, work.action.format, work.site, platform)
    with tempfile.TemporaryDirectory(prefix="hpchub-") as folder:
        lock = Path(folder) / "explicit.txt"
        if asked.lock:
            lock.write_text(asked.lock, encoding="utf-8")
        wanted = Wanted(
            channels=asked.channels or work.site.channels,
            specs=() if asked.lock else asked.specs,
            lock=lock if asked.lock else None,
            platform=platform,
            cuda=work.action.cuda,
            variables=work.site.variables,
        )
        needs = _needs_of(asked.specs, asked.lock)
        path = work.build(wanted, work.marks(channels=list(wanted.channels)), needs=needs)
    return work.finish(path, *asked.notes)


def clone(work: Work) -> Done:
    """Make an environment that has what another one has, package by package, and what pip put there."""
    _must_be_free(work)
    source = dataclasses.replace(
        work, action=dataclasses.replace(work.action, environment=work.action.source)
    )
    prefix = source.current()
    with tempfile.TemporaryDirectory(prefix="hpchub-") as folder:
        marks = {**work.marks(prefix), "parent": ""}
        path = work.build(work.same(prefix, Path(folder)), marks, carry=prefix, needs=work.needs(prefix))
    return work.finish(path)


def _must_be_free(work: Work) -> None:
    if work.address.is_symlink() or work.address.exists():
        raise Problem(
            "exists",
            _(
                "There is an environment %(name)s already. Reset makes it anew; Delete takes it away; or "
                "take another name."
            ),
            name=work.name,
        )


def _set(work: Work, name: str) -> Set:
    chosen = work.site.set_named(name)
    if chosen is None:
        raise Problem(
            "site",
            _("This site offers no set of packages yet (%(name)s); tell your administrators."),
            name=name,
        )
    return chosen


def _known(work: Work, name: str) -> str:
    """Return the set's name, if the site still has it."""
    return name if name and work.site.set_named(name) else ""


def _last(work: Work) -> Path | None:
    """Return what the environment was, as far as anything can be found of it: its marks are wanted."""
    current = generations.current(work.layout, work.name)
    if current is not None and generations.marks_of(current):
        return current
    return next((one.path for one in generations.list_all(work.layout, work.name) if one.verb), None)


def _parent(work: Work) -> str:
    states = generations.list_all(work.layout, work.name)
    return next((one.id for one in states if one.current), "")


def _wanted(work: Work, chosen: Set, cuda: str) -> Wanted:
    """Return what a set asks for: the site's lock file of it, else its definition, to be solved."""
    platform = platform_of(work.site)
    lock = locking.lock_file(work.site, chosen.name, platform, cuda)
    specs = _specs(work, chosen) if lock else definitions.read(work.site, chosen).specs
    return Wanted(
        channels=chosen.channels or work.site.channels,
        specs=() if lock else specs,
        lock=lock,
        requested=specs if lock else (),
        platform=platform,
        cuda=cuda,
        variables=work.site.variables,
    )


def _specs(work: Work, chosen: Set) -> tuple[str, ...]:
    """Return what a set's lock file was solved from; nothing when its definition is not here (any more)."""
    try:
        return definitions.read(work.site, chosen).specs
    except Problem:
        return ()


def _made(work: Work, wanted: Wanted, marks: dict[str, object]) -> Path:
    """Make a set's environment, from which a server must start, unless the set names none."""
    asked = wanted.specs or wanted.requested
    return work.build(wanted, marks, needs=_needs_of(asked, "") if asked else "server")


def _marks(work: Work, chosen: Set) -> dict[str, object]:
    return work.marks(set=chosen.name, channels=list(chosen.channels or work.site.channels))


def _not_there(gone: list[str]) -> tuple[Sentence, ...]:
    if not gone:
        return ()
    note = _(
        "Packages that you had added are not in the set: %(names)s. Plugins and Install bring them back."
    )
    return (Sentence(note, {"names": listed(gone)}),)


def _left_behind(left: list[str]) -> tuple[Sentence, ...]:
    if not left:
        return ()
    note = _(
        "Packages that pip had installed were left behind: %(names)s. Install again what you need; the state "
        "before Reset is kept, and Roll back returns to it."
    )
    return (Sentence(note, {"names": listed(left)}),)


def _needs_of(specs: tuple[str, ...], lock: str) -> building.Needs:
    """Return what a file's environment must be able to do: what it names."""
    lines = [line.rpartition("/")[2] for line in lock.splitlines()]
    names = {package_of(spec) for spec in specs} | {line.rsplit("-", 2)[0] for line in lines}
    if names & SERVERS:
        return "server"
    return "python" if "python" in names else "nothing"
