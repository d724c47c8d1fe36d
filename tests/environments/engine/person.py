"""Somebody with environments, who makes and changes them as an action does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from environments import building, generations
from environments.checks import Needs
from environments.engine import Wanted
from environments.layout import Layout
from environments.records import Progress, Tell
from environments.site import Site


@dataclass
class Person:
    layout: Layout
    site: Site
    heard: list[Progress | str] = field(default_factory=list)

    def make(
        self,
        *specs: str,
        name: str = "notebook",
        keep: bool = False,
        carry: bool = False,
        remove: Sequence[str] = (),
        lock: Path | None = None,
        requested: Sequence[str] = (),
        cuda: str = "",
        validate: bool = False,
        needs: Needs = "nothing",
        tell: Tell | None = None,
    ) -> Path:
        """Make a generation and switch to it."""
        now = generations.current(self.layout, name)
        wanted = Wanted(
            channels=self.site.channels,
            specs=specs,
            keep=now if keep else None,
            remove=tuple(remove),
            lock=lock,
            requested=tuple(requested),
            cuda=cuda,
            validate=validate,
        )
        made = building.build(
            self.layout,
            name,
            wanted,
            site=self.site,
            marks={"verb": "install" if keep else "bootstrap"},
            tell=tell or self.heard.append,
            carry=now if carry else None,
            needs=needs,
        )
        generations.switch(self.layout, name, made)
        return made

    def packages(self, name: str = "notebook") -> list[str]:
        """Return what is in the environment, by its address."""
        folder = self.layout.address(name) / "conda-meta"
        return sorted(path.stem.removesuffix("-0") for path in folder.glob("*-0.json"))

    def left_over(self) -> list[str]:
        """Return what is under the folders beside whole states and the addresses."""
        whole = {one.path.name for name in self._names() for one in generations.list_all(self.layout, name)}
        folders = [self.layout.generations, self.layout.envs]
        there = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}
        return sorted(there - whole - self._names())

    def _names(self) -> set[str]:
        if not self.layout.envs.is_dir():
            return {"notebook"}
        return {path.name for path in self.layout.envs.iterdir() if path.name[0] != "."}
