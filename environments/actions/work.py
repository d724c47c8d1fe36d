"""What every action needs to know, and the steps that all of them share."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from environments import building, conda_meta, exporting, found, generations, history
from environments.engine import Wanted
from environments.holding import Hold
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Action, Progress, Tell
from environments.site import Site
from environments.supervising import check_cancelled
from slurm.records import Sentence
from texts import mark as _

__all__ = ["LISTED", "RESTART", "Done", "Work", "inside", "listed", "platform_of"]

RESTART: Final = _(
    "A server that runs from this environment goes on as it is; restart it to use the new state."
)
LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action.

    Attributes
    ----------
    generation : str
        The id of the state that is in use now, or of the snapshot; empty after Delete.
    packages : int
        How many conda packages it has.
    notes : tuple of Sentence
        What the user should know: restart the server, what was carried, what was left behind.
    changed : bool
        False when everything was there already.
    """

    generation: str = ""
    packages: int = 0
    notes: tuple[Sentence, ...] = ()
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """One action on its way; the environment is held."""

    action: Action
    site: Site
    layout: Layout
    tell: Tell
    hold: Hold

    @property
    def name(self) -> str:
        return self.action.environment

    @property
    def address(self) -> Path:
        return self.layout.address(self.name)

    def current(self) -> Path:
        """Return the prefix in use.

        Raises
        ------
        Problem
            ``missing`` or ``broken``.
        """
        prefix = generations.current(self.layout, self.name)
        if prefix is not None:
            return prefix
        if self.address.is_symlink() or self.address.exists():
            raise Problem(
                "broken",
                _("The environment %(name)s is damaged: conda's records are gone. Reset makes it anew."),
                name=self.name,
            )
        raise Problem("missing", _("There is no environment %(name)s."), name=self.name)

    def needs(self, prefix: Path) -> building.Needs:
        """Return what must still work afterwards, which is what works now."""
        if found.is_server(prefix):
            return "server"
        return "python" if found.python_of(prefix) else "nothing"

    def channels(self, marks: Mapping[str, Any]) -> tuple[str, ...]:
        """Return where packages come from: as the site says today, for last year's address may be gone."""
        made_from = self.site.set_named(str(marks.get("set") or "-"))
        if made_from is not None:
            return made_from.channels or self.site.channels
        noted = marks.get("channels")
        given = tuple(one for one in noted if isinstance(one, str)) if isinstance(noted, list) else ()
        return given or self.site.channels

    def marks(self, parent: Path | None = None, **more: object) -> dict[str, object]:
        """Return what is noted in a new generation; `more` comes before what is inherited from `parent`."""
        old = generations.marks_of(parent) if parent else {}
        return {
            "verb": self.action.verb,
            "action": self.action.id,
            "set": old.get("set", ""),
            "label": "",
            generations.WAITS: True,
            "parent": generations.id_of(self.layout, parent),
            "channels": list(old.get("channels") or self.site.channels),
            "cuda": self.action.cuda or old.get("cuda", ""),
            **more,
        }

    def build(
        self,
        wanted: Wanted,
        marks: Mapping[str, object],
        *,
        carry: Path | None = None,
        needs: building.Needs = "server",
    ) -> Path:
        return building.build(
            self.layout,
            self.name,
            wanted,
            site=self.site,
            marks=marks,
            tell=self.tell,
            carry=carry,
            needs=needs,
        )

    def same(self, prefix: Path, folder: Path) -> Wanted:
        """Return what makes the very packages of `prefix` again; `folder` takes the list of them."""
        marks = generations.marks_of(prefix)
        lock = folder / "explicit.txt"
        lock.write_text(exporting.export(prefix, "explicit"), encoding="utf-8")
        return Wanted(
            channels=self.channels(marks),
            lock=lock,
            requested=tuple(history.read_requested(prefix))
            or tuple(spec for one in conda_meta.records(prefix) for spec in one.requested),
            platform=platform_of(self.site),
            cuda=str(marks.get("cuda") or ""),
            variables=self.site.variables,
        )

    def finish(self, path: Path, *notes: Sentence) -> Done:
        """Switch to a generation, clean, and say what came of it."""
        had_one = generations.current(self.layout, self.name) is not None
        try:
            check_cancelled()
            self.tell(Progress("switch"))
            self.hold.confirm()
            generations.switch(self.layout, self.name, path)
        except BaseException:
            self._take_back(path)
            raise
        self.clean()
        told = (*notes, *noticed(path), *((Sentence(RESTART, {}),) if had_one else ()))
        return self.done(generations.current(self.layout, self.name) or path, *told)

    def _take_back(self, path: Path) -> None:
        """Remove what this action made and nobody uses: it would be taken for an earlier state."""
        made_now = generations.marks_of(path).get("action") == self.action.id
        if made_now and path != generations.current(self.layout, self.name):
            with suppress(OSError):
                generations.discard(self.layout, self.name, path)

    def clean(self) -> None:
        """Remove old states; what cannot be removed now is removed by the next action."""
        self.tell(Progress("clean"))
        try:
            generations.clean(self.layout, self.name, self.site.keep_generations)
        except OSError as error:
            self.tell(f"clean: {error}")

    def done(self, path: Path, *notes: Sentence, changed: bool = True) -> Done:
        return Done(generations.id_of(self.layout, path), generations.count_packages(path), notes, changed)


def inside(layout: Layout) -> None:
    """Make the folders that an action works in, and refuse those that lead out of the user's root."""
    root = layout.root.resolve()
    for folder in (
        layout.envs,
        layout.generations,
        layout.packages,
        layout.repodata,
        layout.actions,
        layout.locks,
    ):
        # What was done, and with what, is nobody else's business.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if folder == layout.actions else 0o777)
        if not folder.resolve().is_relative_to(root):
            raise Problem(
                "folder",
                _("%(folder)s leads out of %(root)s; make it a folder of its own."),
                folder=str(folder),
                root=str(layout.root),
            )
    # An environment is a link from the one to the other, as both lie beside each other.
    for folder in (layout.envs, layout.generations):
        if folder.resolve() != root / folder.name:
            raise Problem(
                "folder",
                _("%(folder)s is a link to another folder, where environments would not work. Move it back."),
                folder=str(folder),
            )


def noticed(path: Path) -> tuple[Sentence, ...]:
    """Return what was noticed when a generation was made."""
    raw = generations.marks_of(path).get("notes")
    given = [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
    return tuple(
        Sentence(str(one.get("msgid", "")), cast("dict[str, object]", dict(one.get("params") or {})))
        for one in given
    )


def listed(words: list[str]) -> str:
    """Return the first of many words, and that there are more."""
    more = f", … (+{len(words) - LISTED})" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more


def platform_of(site: Site) -> str:
    """Return conda's name of the platform that packages are for: the site's, else this machine's."""
    return site.platform or f"linux-{platform.machine().replace('x86_64', '64')}"
