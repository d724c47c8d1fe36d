"""Where environments are measured: a folder of its own with two people, a site's files and a channel.

No centre is needed, for `hpchub env` is the same in a job and in a terminal. The people are two accounts that
every Linux has and that may do nothing else.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo import source
from demo.channel import serve
from demo.channel.build import Places
from demo.files import Owner, make_folder, render, write
from demo.settings import Instance
from environments.layout import Layout
from tests.ports import free_port

__all__ = ["NAME", "PEOPLE", "Grounds", "Person", "grounds"]

PEOPLE: Final = ("daemon", "nobody")
NAME: Final = "notebook"
_SITE: Final = """\
root = "{people}/{{user}}/.conda"
workspace = "{people}/{{user}}/workspace"
default = "{name}"
channels = ["{channel}"]
platforms = ["linux-64"]
least_free_mb = 0
{more}
[[sets]]
name = "base"
"""


@dataclass(frozen=True, slots=True)
class Person:
    """An ordinary user of this machine."""

    name: str
    home: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.home / ".conda")

    @property
    def environ(self) -> Mapping[str, str]:
        return {"HOME": str(self.home), "USER": self.name, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def argv(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs `words` as this user."""
        entry = pwd.getpwnam(self.name)
        ids = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        return ["/usr/bin/setpriv", *ids, "--", *words]


@dataclass(frozen=True, slots=True)
class Grounds:
    """The folder and what lies in it.

    Attributes
    ----------
    channels : mapping
        ``file`` and ``http``, the addresses of one and the same channel.
    """

    instance: Instance
    channels: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.instance.state

    @property
    def command(self) -> str:
        return str(self.folder / "hpchub")

    @property
    def shared(self) -> Path:
        """The packages that the administrator lends."""
        return self.folder / "shared"

    def person(self, number: int) -> Person:
        return Person(PEOPLE[number], self.folder / "people" / PEOPLE[number])

    def empty(self, person: Person, *, aside: bool = False) -> None:
        """Take everything from a person, as if they had never been here; `aside` removes nothing."""
        if aside:
            self._put_aside(person.home)
        shutil.rmtree(person.home, ignore_errors=True)
        make_folder(person.home, Owner.of(person.name), 0o755)

    def site(self, channel: str, *, lock: bool, shared: bool = False) -> Path:
        """Return the site's file, which is written the first time."""
        path = self.folder / "etc" / f"{channel}{'-lock' if lock else ''}{'-shared' if shared else ''}.toml"
        if not path.exists():
            more = f'locks = "{self.folder}/locks-{channel}"\n' if lock else ""
            more += f'shared_cache = "{self.shared}"\n' if shared else ""
            where = {"people": self.folder / "people", "channel": self.channels[channel]}
            write(path, _SITE.format(**where, name=NAME, more=more))
        return path

    def lend(self, person: Person) -> None:
        """Make the packages of this person the site's shared ones, which are the administrator's then."""
        self._put_aside(self.shared)
        shutil.copytree(person.layout.packages, self.shared, symlinks=True)
        for folder, _folders, names in os.walk(self.shared):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                os.chown(path, 0, 0, follow_symlinks=False)

    def _put_aside(self, folder: Path) -> None:
        """Have a folder out of the way without removing any file before the end.

        For one to six minutes ext4 without a journal gives nobody the inode of a file that was removed, and
        looks at all of these for each file that it makes (``recently_deleted`` in Linux' fs/ext4/ialloc.c),
        until the page cache is dropped. Whoever comes after 30,000 files were removed would take several
        times as long.
        """
        if folder.exists():
            folder.rename(self.folder / f"aside-{secrets.token_hex(4)}")


@contextmanager
def grounds(where: Path, channel: Path | None = None) -> Iterator[Grounds]:
    """Make the folder below `where` and serve the channel, until the block ends."""
    channel = channel or Places.beside(Path(sys.prefix)).channel
    if not (channel / "noarch").is_dir():
        sys.exit(f"there is no channel at {channel}: `python -m demo channel` makes it")
    folder = Path(tempfile.mkdtemp(prefix="hpchub-benchmark-", dir=where))
    try:
        folder.chmod(0o755)
        instance = Instance(state=folder, venv=Path(sys.prefix))
        for path in (instance.etc, folder / "people"):
            make_folder(path)
        source.refresh(instance)
        write(folder / "hpchub", render("hpchub.j2", instance=instance), mode=0o755)
        with _served(channel, folder) as url:
            yield Grounds(instance, {"file": f"file://{channel}", "http": url})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _served(channel: Path, folder: Path) -> Iterator[str]:
    """Serve a channel over HTTP as the demo does, by somebody who can do nothing else."""
    program, port = folder / f"serve-{secrets.token_hex(4)}.py", free_port()
    write(program, Path(serve.__file__).read_text())
    words = [sys.executable, "-I", str(program), str(port), str(channel)]
    server = subprocess.Popen(Person(PEOPLE[1], folder).argv(words), stderr=subprocess.DEVNULL)
    try:
        url = f"http://{serve.ADDRESS}:{port}"
        _await(f"{url}/noarch/repodata.json")
        yield url
    finally:
        server.kill()
        server.wait()


def _await(url: str) -> None:
    for _time in range(100):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")
