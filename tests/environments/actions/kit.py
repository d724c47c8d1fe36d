"""A user who does things to environments, and looks what is there afterwards."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from environments import generations
from environments.actions import Done, run
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Action, Progress
from environments.site import Site


def action(verb: str, environment: str = "notebook", **about: Any) -> Action:
    return Action(secrets.token_hex(8), verb, environment, **about)  # type: ignore[arg-type]


@dataclass
class User:
    site: Site
    layout: Layout
    heard: list[Progress | str] = field(default_factory=list)

    def does(self, verb: str, environment: str = "notebook", **about: Any) -> Done:
        self.heard.clear()
        return run(action(verb, environment, **about), self.site, self.layout, self.heard.append)

    def fails(self, verb: str, environment: str = "notebook", **about: Any) -> Problem:
        with pytest.raises(Problem) as caught:
            self.does(verb, environment, **about)
        return caught.value

    def steps(self) -> list[str]:
        steps = [one.step for one in self.heard if isinstance(one, Progress)]
        return [step for index, step in enumerate(steps) if index == 0 or steps[index - 1] != step]

    def prefix(self, environment: str = "notebook") -> Path:
        return self.layout.address(environment)

    def tool(self, environment: str = "notebook") -> str:
        """Return what the tool's own file says, so which version of it is in use."""
        return (self.prefix(environment) / "share" / "tool.txt").read_text()

    def states(self, environment: str = "notebook") -> list[str]:
        return [one.verb for one in generations.list_all(self.layout, environment)]

    def pip_installs(self, name: str = "mine", version: str = "3.0", environment: str = "notebook") -> Path:
        """Leave what pip leaves."""
        site_packages = self.prefix(environment) / "lib" / "python3.11" / "site-packages"
        info = site_packages / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "INSTALLER").write_text("pip\n")
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        module = site_packages / f"{name}.py"
        module.write_text(f"where = {os.path.realpath(self.prefix(environment))!r}\n")
        return module

    def with_site(self, **settings: Any) -> "User":
        return User(self.site.model_copy(update=settings), self.layout)


def notes(done: Done) -> str:
    return "\n".join(str(note) for note in done.notes)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, with what is in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@contextmanager
def stalled_channel() -> Iterator[str]:
    """Give the address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/channel"
