"""One round: everything that is measured, once, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.environments.disk import Taken, taken
from benchmarks.environments.doing import Conda, Doing
from benchmarks.environments.grounds import NAME, Grounds
from benchmarks.environments.timed import Ran, drop_page_cache
from environments import definitions
from environments.site import load_site

__all__ = ["SMALL", "Round"]

SMALL: Final = "tabulate"
"""A package of one file, which nothing else needs."""

THERE: Final = "numpy"
_CHANNELS: Final = ("file", "http")

Note = Callable[[str, str, Ran], None]


@dataclass(frozen=True, slots=True)
class Round:
    """Does it all with two people, the second of whom comes when the first has everything.

    Parameters
    ----------
    note : callable
        Hears the case, the channel it was done with, and what it took.
    """

    grounds: Grounds
    note: Note
    conda: str = ""

    def measure(self) -> dict[str, Taken]:
        """Measure everything; return what it takes on the disk."""
        first, second = (Doing(self.grounds, self.grounds.person(number)) for number in (0, 1))
        # The last one's environment is what is worked on then.
        for channel in reversed(_CHANNELS):
            self._made(first, channel)
        places = {"first": taken(first.person.layout.root), "packages": taken(first.person.layout.packages)}
        self.grounds.lend(first.person)
        places |= self._changed(first)
        places |= self._second(second)
        self._floor(first)
        if self.conda:
            self._conda(first)
        return places

    # ----- hpchub --------------------------------------------------------------------------------------

    def _made(self, who: Doing, channel: str) -> None:
        """Bootstrap with nothing there, and with the packages there; solved, and from the lock file."""
        for case, lock in (("cold", False), ("cold-lock", True)):
            self.grounds.empty(who.person)
            drop_page_cache()
            self._env(who, case, channel, self.grounds.site(channel, lock=lock), "bootstrap")
        for case, lock in (("warm", False), ("warm-lock", True)):
            site = self.grounds.site(channel, lock=lock)
            gone, _said = who.env(site, "delete", NAME, "--yes")
            if channel == "file":
                self.note("delete", channel, gone)
            self._env(who, case, channel, site, "bootstrap")

    def _changed(self, who: Doing) -> dict[str, Taken]:
        """Go through what is done to an environment that is there."""
        site = self.grounds.site("file", lock=True)
        before = taken(who.person.layout.root)
        if self._env(who, "nothing", "file", site, "install", THERE)["changed"]:
            raise RuntimeError(f"{THERE} was to be there already")
        self._env(who, "install", "file", site, "install", SMALL)
        after = taken(who.person.layout.root)
        kept = self._env(who, "snapshot", "file", site, "snapshot", "as it was")["generation"]
        snapshot = taken(who.person.layout.root)
        self._env(who, "rollback", "file", site, "rollback")
        self._env(who, "to-snapshot", "file", site, "rollback", kept)
        self._env(who, "reset", "file", site, "reset", "--yes")
        return {"one more state": _less(after, before), "snapshot": _less(snapshot, after)}

    def _second(self, who: Doing) -> dict[str, Taken]:
        """Let somebody else come, with the packages that the administrator lends."""
        site = self.grounds.site("file", lock=True, shared=True)
        self.grounds.empty(who.person)
        drop_page_cache()
        self._env(who, "second-cold", "file", site, "bootstrap")
        self.grounds.empty(who.person, aside=True)
        self._env(who, "second", "file", site, "bootstrap")
        alone = taken(who.person.layout.root)
        self._env(who, "second-install", "file", site, "install", SMALL)
        more = _less(taken(who.person.layout.root), alone)
        return {"second": alone, "second's one more state": more, "lent": taken(self.grounds.shared)}

    def _env(self, who: Doing, case: str, channel: str, site: Path, *words: str) -> Any:
        ran, said = who.env(site, *words)
        self.note(case, channel, ran)
        return said

    # ----- beside it -----------------------------------------------------------------------------------

    def _floor(self, who: Doing) -> None:
        """Copy the finished environment, which is the least that making it could cost."""
        copy = str(who.person.home / "floor")
        for case, option in (("cp -al", "-al"), ("cp -a", "-a")):
            self.note(case, "", who.run(["cp", option, str(who.prefix), copy]))
            ran = who.run(["rm", "-rf", copy])
            if case == "cp -a":
                self.note("rm -rf", "", ran)

    def _conda(self, who: Doing) -> None:
        """Let conda make the same, from the same channel."""
        conda = Conda(who, self.conda, self.grounds.channels["file"])
        site = load_site(self.grounds.site("file", lock=True))
        specs = definitions.read(site, site.sets[0]).specs
        listed = who.run(
            [self.grounds.command, "env", "export", "--format=explicit"],
            HPCHUB_ENVIRONMENTS=str(self.grounds.site("file", lock=True)),
        ).said
        explicit = who.person.home / "explicit.txt"
        explicit.write_text(listed)
        explicit.chmod(0o644)
        conda.forget(conda.home)
        drop_page_cache()
        self.note("conda cold", "file", conda.create(*specs))
        self.note("conda warm", "file", conda.create(*specs))
        self.note("conda warm-lock", "file", conda.create("--file", str(explicit)))
        self.note("conda nothing", "file", conda.install(THERE))
        self.note("conda install", "file", conda.install(SMALL))
        conda.forget(conda.home)


def _less(after: Taken, before: Taken) -> Taken:
    return Taken(after.bytes - before.bytes, after.files - before.files)
