"""`hpchub env`, the floor and conda, each as a person runs it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.environments.grounds import NAME, Grounds, Person
from benchmarks.environments.timed import Ran, run
from environments import journal
from environments.records import Event

__all__ = ["Conda", "Doing", "steps"]


@dataclass(frozen=True, slots=True)
class Doing:
    """What one person does."""

    grounds: Grounds
    person: Person

    def env(self, site: Path, *words: str) -> tuple[Ran, Mapping[str, Any]]:
        """Run one of the words of `hpchub env` that change something; return also what it answered."""
        ran = self.run([self.grounds.command, "env", *words, "--json"], HPCHUB_ENVIRONMENTS=str(site))
        said: Mapping[str, Any] = json.loads(ran.said)
        return replace(ran, steps=steps(_events(self.person.layout.journal(said["id"])))), said

    def run(self, words: list[str], **environ: str) -> Ran:
        return run(self.person.argv(words), {**self.person.environ, **environ}, self.person.home)

    @property
    def prefix(self) -> Path:
        """The state in use."""
        return self.person.layout.address(NAME).resolve()


@dataclass(frozen=True, slots=True)
class Conda:
    """A real conda, with packages of its own.

    Parameters
    ----------
    program : str
        Its absolute path.
    """

    doing: Doing
    program: str
    channel: str

    @property
    def home(self) -> Path:
        return self.doing.person.home / "conda"

    @property
    def prefix(self) -> Path:
        return self.home / "env"

    def create(self, *words: str) -> Ran:
        """Make the environment of specs and options; the one before is only put aside, as our users' are."""
        if self.prefix.exists():
            self.doing.run(["mv", str(self.prefix), f"{self.prefix}-{time.time_ns()}"])
        return self._run("create", *words)

    def install(self, *specs: str) -> Ran:
        return self._run("install", *specs)

    def forget(self, folder: Path) -> None:
        self.doing.run(["rm", "-rf", str(folder)])

    def says(self, *words: str) -> str:
        """Return what it answers to anything else."""
        return self.doing.run([self.program, *words]).said.strip()

    def _run(self, word: str, *words: str) -> Ran:
        options = ["--yes", "--quiet", "--prefix", str(self.prefix)]
        channel = ["--override-channels", "--channel", self.channel]
        packages = str(self.home / "pkgs")
        return self.doing.run([self.program, word, *options, *channel, *words], CONDA_PKGS_DIRS=packages)


def steps(events: Iterable[Event]) -> dict[str, float]:
    """Return the seconds of each step of a journal; what is before the first one told belongs to it."""
    took: dict[str, float] = {}
    step, since = "prepare", 0.0
    for event in events:
        if since:
            took[step] = took.get(step, 0.0) + event.at - since
        since = event.at
        if event.kind == "progress":
            step = str(event.about["step"])
    return {name: round(seconds, 3) for name, seconds in took.items()}


def _events(path: Path) -> list[Event]:
    events, after, before = [], 0, -1
    while after != before:
        before = after
        more, after = journal.read(path, before)
        events += more
    return events
