"""Compiled files and lent packages where a disk, a package or a shared folder is not as usual."""

import importlib.util
import json
import os
import py_compile
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import compiled
from environments.duplicating import duplicate
from environments.lending import Asked, borrow

MODULES = "lib/python3.11/site-packages"
STEM = "tool-1.0-0"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, to which nothing can be linked."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A state with two modules, which Python has compiled."""
    folder = tmp_path / "old" / MODULES
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(f"x = '{name}'\n")
        py_compile.compile(str(folder / f"{name}.py"), doraise=True)
    return tmp_path / "old"


def made(prefix: Path, name: str) -> Path:
    return Path(importlib.util.cache_from_source(str(prefix / MODULES / f"{name}.py")))


def new_state(folder: Path, old: Path) -> Path:
    """Make the next state, of the same sources, with nothing compiled."""
    without = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(old, folder / "new", ignore=without))


def test_where_nothing_can_be_linked_what_was_compiled_is_copied(old: Path, elsewhere: Path) -> None:
    new = new_state(elsewhere, old)
    assert sorted(compiled.take(old, new)) == [made(new, "one"), made(new, "two")]
    assert made(new, "one").read_bytes() == made(old, "one").read_bytes()


def test_what_a_package_brings_compiled_stays_and_the_others_come(old: Path, tmp_path: Path) -> None:
    new = new_state(tmp_path, old)
    made(new, "one").parent.mkdir()
    made(new, "one").write_bytes(b"the package's own")
    assert compiled.take(old, new) == [made(new, "two")]
    assert made(new, "one").read_bytes() == b"the package's own"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that lends one package, with a program, a link and an empty folder in it."""
    package = tmp_path / "shared" / STEM
    for folder in ("bin", "info", "share/empty"):
        (package / folder).mkdir(parents=True)
    (package / "bin" / "tool").write_text("#!/bin/sh\n")
    (package / "bin" / "tool").chmod(0o555)
    (package / "bin" / "alias").symlink_to("tool")
    paths = [
        {"_path": "bin/tool", "path_type": "hardlink", "size_in_bytes": 10},
        {"_path": "bin/alias", "path_type": "softlink"},
        {"_path": "share/empty", "path_type": "directory"},
    ]
    (package / "info" / "index.json").write_text("{}")
    (package / "info" / "paths.json").write_text(json.dumps({"paths": paths}))
    package.with_name(f"{STEM}.lock").write_bytes(bytes(8))
    return package.parent


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    return folder


def lent(packages: Path, shared: Path) -> bool:
    taken = borrow(packages, shared, [Asked(STEM, b"", 1)], lambda *_: None)
    assert (taken == 1) == (packages / STEM).is_dir()
    assert not list(packages.glob(f".{STEM}*"))
    return taken == 1


def test_a_lent_package_is_copied_as_it_is_and_the_copy_may_be_written(packages: Path, shared: Path) -> None:
    assert lent(packages, shared)
    program = packages / STEM / "bin" / "tool"
    assert program.stat().st_mode & 0o777 == 0o755
    assert os.readlink(program.with_name("alias")) == "tool"
    assert (packages / STEM / "share" / "empty").is_dir()
    assert (packages / f"{STEM}.lock").read_bytes() == bytes(8)


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda package: (package / "info" / "index.json").unlink(),
        lambda package: (package / "info" / "index.json").write_text("{"),
        lambda package: (package / "info" / "paths.json").write_text("{}"),
        lambda package: (package / "bin" / "alias").unlink(),
        lambda package: (package / "share" / "empty").rmdir(),
    ],
    ids=["folder", "index", "cut index", "no list", "link", "empty folder"],
)
def test_a_lent_package_in_which_something_is_missing_is_left_to_the_channel(
    packages: Path, shared: Path, damage: Callable[[Path], object]
) -> None:
    damage(shared / STEM)
    assert not lent(packages, shared)


def test_a_file_is_copied_whole_between_file_systems_and_is_there_at_once(
    elsewhere: Path, tmp_path: Path
) -> None:
    source, target = elsewhere / "source", tmp_path / "target"
    source.write_bytes(b"contents")
    with source.open("rb") as file, target.open("wb") as out:
        duplicate(file, out)
        # Before it is closed: its time is set next, and what is written later would change that.
        assert target.read_bytes() == b"contents"


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(10))
    with (
        source.open("rb") as file,
        Path("/dev/full").open("wb", buffering=0) as out,
        pytest.raises(OSError, match="No space"),
    ):
        duplicate(file, out)
