"""Install, Remove and Plugins: what is there, with something more or less."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from environments import building, found, generations, history, specs
from environments.actions.profiles import with_profile
from environments.actions.work import Done, Work, platform_of
from environments.engine import Wanted
from environments.problems import Problem
from slurm.records import Sentence
from texts import mark as _

__all__ = ["install", "plugins", "remove"]

SERVER_PARTS = frozenset(
    {"jupyterhub", "jupyterhub-base", "jupyterhub-singleuser", "jupyter_server", "jupyterlab"}
)


def install(work: Work) -> Done:
    """Add packages, or change their versions."""
    return _add(work, work.action.specs)


def plugins(work: Work) -> Done:
    """Add the packages that the site calls its plugins, and IPyParallel's profile."""
    if not work.site.plugins.specs:
        raise Problem("site", _("This site names no plugins; tell your administrators."))
    return with_profile(work, _add(work, work.site.plugins.specs))


def remove(work: Work) -> Done:
    """Take packages away, with what needs them."""
    prefix = work.current()
    there = {one["name"] for one in found.packages(prefix)}
    gone = tuple(name for name in work.action.specs if name in there)
    if missing := [name for name in work.action.specs if name not in there]:
        by_pip = {one["name"].lower() for one in found.others(prefix)}
        if ours := [name for name in missing if name.lower() in by_pip]:
            raise Problem(
                "pip",
                _("%(names)s was installed by pip; take it away with pip uninstall, in a terminal."),
                names=", ".join(ours),
            )
    if not gone:
        note = Sentence(_("Nothing to do: %(names)s is not there."), {"names": ", ".join(missing)})
        return work.done(prefix, note, changed=False)
    was_server = found.is_server(prefix)
    wanted = dataclasses.replace(_wanted(work, prefix), remove=gone)
    path = work.build(wanted, work.marks(prefix), carry=prefix, needs=_needs_without(work, prefix, gone))
    notes = (
        [Sentence(_("These were not there: %(names)s."), {"names": ", ".join(missing)})] if missing else []
    )
    if was_server and not found.is_server(path):
        notes.append(Sentence(_("A notebook server can no longer be started from this environment."), {}))
    return _changed(work, path, prefix, *notes)


def _add(work: Work, asked: tuple[str, ...]) -> Done:
    prefix = work.current()
    wished = specs.resolved(asked, work.site)
    if not _lacking(prefix, wished):
        _note_asked(prefix, wished)
        note = Sentence(_("Nothing to do: everything is there already."), {})
        return work.done(prefix, note, changed=False)
    wanted = dataclasses.replace(_wanted(work, prefix), specs=wished)
    path = work.build(wanted, work.marks(prefix), carry=prefix, needs=work.needs(prefix))
    return _changed(work, path, prefix)


def _changed(work: Work, path: Path, before: Path, *notes: Sentence) -> Done:
    """Switch, unless the engine found that there was nothing to do."""
    if path == before:
        note = Sentence(_("Nothing to do: everything is there already."), {})
        return work.done(path, note, changed=False)
    return work.finish(path, *notes)


def _wanted(work: Work, prefix: Path) -> Wanted:
    marks = generations.marks_of(prefix)
    return Wanted(
        channels=work.channels(marks),
        keep=prefix,
        platform=platform_of(work.site),
        cuda=work.action.cuda or str(marks.get("cuda") or ""),
        variables=work.site.variables,
    )


def _lacking(prefix: Path, wished: tuple[str, ...]) -> list[str]:
    """Return the specs that nothing in the prefix fits.

    The records alone are asked, so nothing that is there already waits for a channel.
    """
    from rattler import MatchSpec, PrefixRecord
    from rattler.exceptions import IoError

    there = {one["name"]: one for one in found.packages(prefix)}
    lacking = []
    for spec in wished:
        one = there.get(specs.package_of(spec))
        if one is None:
            lacking.append(spec)
            continue
        path = prefix / "conda-meta" / "{name}-{version}-{build}.json".format(**one)
        try:
            record = PrefixRecord.from_path(path)
        except (IoError, OSError, ValueError):  # cut off, as a full disk leaves it: it is installed anew
            lacking.append(spec)
            continue
        plain = MatchSpec(spec.rpartition("::")[2])
        if not plain.matches(record) or not _from_there(spec, one["channel"]):
            lacking.append(spec)
    return lacking


def _note_asked(prefix: Path, wished: tuple[str, ...]) -> None:
    """Note that somebody wants packages that came along with others, so that they stay when those go."""
    asked = {specs.package_of(spec) for spec in history.read_requested(prefix)}
    if new := [spec for spec in wished if specs.package_of(spec) not in asked]:
        history.write_history(prefix, prefix, command="hpchub env install", update=new)


def _from_there(spec: str, channel: str) -> bool:
    """Return whether a package came from the channel that its spec names, if it names one."""
    wanted = spec.rpartition("::")[0]
    return not wanted or wanted.rstrip("/") in (channel.rstrip("/"), channel.rstrip("/").rpartition("/")[0])


def _needs_without(work: Work, prefix: Path, gone: tuple[str, ...]) -> building.Needs:
    """Return what must still work: not what the user just takes away by name."""
    if "python" in gone:
        return "nothing"
    if SERVER_PARTS & set(gone):
        return "python" if found.python_of(prefix) else "nothing"
    return work.needs(prefix)
