"""Making the demo's channel, once: fetch wheels, convert what is not there yet, index, switch."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from rattler.index import index_fs

from demo.channel.fetching import fetch
from demo.channel.interpreter import interpreter
from demo.channel.package import Package, write
from demo.channel.requirements import Requires, conda_name
from demo.channel.target import Target
from demo.channel.wanted import ALIASES, SELECTIONS, digest
from demo.channel.wheels import Wheel, to_package, with_files

__all__ = ["STAMP", "Contents", "Places", "build", "ensure", "is_ready"]

Tell = Callable[[str], None]

STAMP: Final = "hpchub-channel.json"
_BESIDE: Final = Path(__file__).parent
# What decides what is in a package.
_CONVERTER: Final = tuple(
    _BESIDE / f"{name}.py" for name in ("interpreter", "package", "requirements", "target", "wheels")
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a channel and what it is made of lie.

    Attributes
    ----------
    channel : Path
        Whoever reads it always finds a whole one here.
    wheels : Path
        Kept, so that a channel can be made again without fetching anything.
    """

    channel: Path
    wheels: Path

    @classmethod
    def beside(cls, venv: Path) -> Places:
        """Return the places beside a virtual environment; all centres that share it share them."""
        return cls(venv.parent / "channel", venv.parent / "wheels")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a channel has besides the interpreter; see `demo.channel.wanted`."""

    selections: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, tuple[str, ...]]


DEMO: Final = Contents(SELECTIONS, ALIASES)


def is_ready(places: Places, contents: Contents = DEMO) -> bool:
    """Whether the channel is there, and is what this code would make."""
    try:
        return (places.channel / STAMP).read_text() == _stamp(contents)
    except OSError:
        return False


def ensure(places: Places, tell: Tell, contents: Contents = DEMO) -> None:
    """Make the channel if it is missing or not what this code would make.

    Raises
    ------
    FetchError, InterpreterError, WheelError
        When wheels cannot be fetched, or something cannot be converted.
    """
    if is_ready(places, contents):
        return
    places.channel.parent.mkdir(parents=True, exist_ok=True)
    with _locked(places.channel.with_name("channel.lock")):
        if is_ready(places, contents):
            return
        tell(f"making the conda channel {places.channel}")
        _make(places, contents)


def build(
    channel: Path,
    wheels: Sequence[Wheel],
    *,
    aliases: Mapping[str, tuple[str, ...]] | None = None,
    old: Path | None = None,
) -> None:
    """Make a channel of the interpreter and `wheels` in a folder.

    Parameters
    ----------
    aliases : mapping
        Packages that stand for others, the first of which gives the version.
    old : Path or None
        A channel made before; what is in it already is not made again.
    """
    target, converter = Target.here(), _digest(_CONVERTER)
    for subdir in (target.subdir, "noarch"):
        (channel / subdir).mkdir(parents=True, exist_ok=True)
    python = interpreter(target, converter)
    if not _reuse(python, channel, old):
        write(python, channel)
    requires = _requires(wheels)
    packages = [(to_package(wheel, requires, target, converter), wheel, channel) for wheel in wheels]
    with ProcessPoolExecutor() as pool:
        list(
            pool.map(_convert, [work for work in packages if not _reuse(work[0], channel, old)], chunksize=4)
        )
    for alias in _aliases(aliases or {}, wheels):
        write(alias, channel)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=False))


def _requires(wheels: Iterable[Wheel]) -> Requires:
    """Return what each distribution requires; of several versions, what the newest does."""
    oldest_first = sorted(wheels, key=lambda wheel: wheel.version)
    return {wheel.name: wheel.requirements for wheel in oldest_first}


def _convert(work: tuple[Package, Wheel, Path]) -> None:
    package, wheel, channel = work
    write(with_files(package, wheel), channel)


def _reuse(package: Package, channel: Path, old: Path | None) -> bool:
    """Take the package over from the channel before. A hard link: the index leaves symbolic ones out."""
    inside = Path(package.subdir, f"{package.stem}.conda")
    if old is None or not (old / inside).is_file():
        return False
    os.link(old / inside, channel / inside)
    return True


def _aliases(aliases: Mapping[str, tuple[str, ...]], wheels: Sequence[Wheel]) -> Iterator[Package]:
    versions = {conda_name(wheel.name): str(wheel.version) for wheel in wheels}
    for name, (first, *others) in aliases.items():
        needed = (f"{first} =={versions[first]}", *others)
        mark = sha256("\n".join(needed).encode()).hexdigest()[:8]
        yield Package(name, versions[first], f"h{mark}_0", "noarch", needed, (), noarch="generic")


# -- the demo's own --------------------------------------------------------------------------------


def _make(places: Places, contents: Contents) -> None:
    """Make the channel aside and put it in the place of the one before."""
    wheels = [Wheel.read(path) for path in fetch(places.wheels, contents.selections)]
    new, old = (places.channel.with_name(f"channel.{word}") for word in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    build(new, wheels, aliases=contents.aliases, old=places.channel)
    (new / STAMP).write_text(_stamp(contents))
    _make_readable(new)
    if places.channel.exists():
        places.channel.rename(old)
    new.rename(places.channel)
    shutil.rmtree(old, ignore_errors=True)


def _stamp(contents: Contents) -> str:
    said = {
        "selections": {name: digest(requirements) for name, requirements in contents.selections.items()},
        "aliases": dict(contents.aliases),
        "code": _digest((Path(__file__), *_CONVERTER)),
        "python": Target.here().full_version,
    }
    return json.dumps(said)


def _digest(paths: Iterable[Path]) -> str:
    total = sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _make_readable(top: Path) -> None:
    for path in (top, *top.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one builder at a time work; others wait, and find the channel made."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
