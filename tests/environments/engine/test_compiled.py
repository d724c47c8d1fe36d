"""What Python compiled once is not compiled again in the next state; nothing wrong comes along with it."""

import importlib.util
import os
import py_compile
from pathlib import Path

import pytest

from environments import compiled, generations
from environments.actions import copying
from environments.layout import Layout
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import PLACEHOLDER, PYTHON, Channel

SITE = "lib/python3.11/site-packages"
MODULES = ("__init__", "one", "placed")

# Fails as Python does when a module that it needs is damaged.
FAILS_WITH_DAMAGE = f"""#!/bin/sh
for file in "$(dirname "$0")"/../{SITE}/mod/__pycache__/one.*.pyc; do
    if grep -qs damaged "$file"; then echo "bad marshal data" >&2; exit 1; fi
done
exec /usr/bin/env -u PYTHONHOME /usr/bin/python3 "$@"
"""


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """A module in two versions of one length, whose files bear the same time, as they do in many packages."""
    channel = Channel(tmp_path / "channel")
    channel.add("python", "3.11.0", {"bin/python": PYTHON})
    channel.add("python", "3.11.9", {"bin/python": FAILS_WITH_DAMAGE})
    channel.add("tiny", "1.0", {"share/tiny.txt": "x"})
    for version in ("1.0", "2.0"):
        files = {
            f"{SITE}/mod/__init__.py": "",
            f"{SITE}/mod/one.py": f"version = '{version}'\n",
            f"{SITE}/mod/placed.py": f"prefix = '{PLACEHOLDER}'\n",
        }
        channel.add("mod", version, files)
    return channel


def _pyc(prefix: Path, name: str) -> Path:
    return Path(importlib.util.cache_from_source(str(prefix / SITE / "mod" / f"{name}.py")))


def _compile(prefix: Path, *names: str) -> None:
    for name in names or MODULES:
        py_compile.compile(str(prefix / SITE / "mod" / f"{name}.py"), doraise=True)


def _there(prefix: Path) -> list[str]:
    return [name for name in MODULES if _pyc(prefix, name).exists()]


def test_what_was_compiled_is_linked_into_the_next_state(person: Person) -> None:
    old = person.make("mod=1.0")
    _compile(old)
    new = person.make("tiny", keep=True, carry=True)
    # Into the third the path of the environment was written, so it is another file.
    assert _there(new) == ["__init__", "one"]
    assert _pyc(new, "one").samefile(_pyc(old, "one"))


def test_another_version_of_the_same_length_and_time_is_compiled_anew(person: Person) -> None:
    old = person.make("mod=1.0")
    _compile(old)
    new = person.make("mod=2.0", keep=True, carry=True)
    before, after = (prefix / SITE / "mod" / "one.py" for prefix in (old, new))
    assert (before.stat().st_mtime, before.stat().st_size) == (after.stat().st_mtime, after.stat().st_size)
    assert _there(new) == ["__init__"]


def test_what_pip_installed_keeps_what_was_compiled_of_it(person: Person) -> None:
    old = person.make("mod=1.0")
    mine = old / SITE / "mine.py"
    mine.write_text("x = 1\n")
    py_compile.compile(str(mine), doraise=True)
    new = person.make("tiny", keep=True, carry=True)
    assert Path(importlib.util.cache_from_source(str(new / SITE / "mine.py"))).exists()


def test_what_pip_wrote_over_a_package_is_not_taken(person: Person) -> None:
    old = person.make("mod=1.0")
    one = old / SITE / "mod" / "one.py"
    about = one.stat()
    one.unlink()
    one.write_text("version = 'x.x'\n")
    os.utime(one, ns=(about.st_atime_ns, about.st_mtime_ns))
    _compile(old)
    new = person.make("tiny", keep=True, carry=True)
    assert (new / SITE / "mod" / "one.py").read_text() == "version = '1.0'\n"
    assert _there(new) == ["__init__"]


@pytest.mark.parametrize("what", ["stale", "cut", "link", "believed unseen", "of nothing"])
def test_what_python_would_not_compare_with_its_source_is_left(person: Person, what: str) -> None:
    old = person.make("mod=1.0")
    _compile(old, "one")
    file = _pyc(old, "one")
    data = file.read_bytes()
    if what == "stale":
        file.write_bytes(data[:12] + b"\7" + data[13:])
    elif what == "cut":
        file.write_bytes(data[:15])
    elif what == "link":
        file.rename(file.with_name("real"))
        file.symlink_to("real")
    elif what == "believed unseen":
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(old / SITE / "mod" / "one.py"), doraise=True, invalidation_mode=mode)
    else:
        file.rename(file.with_name(file.name.replace("one", "two")))
    new = person.make("tiny", keep=True, carry=True)
    assert not (new / SITE / "mod" / "__pycache__").exists()


def test_a_reset_takes_nothing_that_was_compiled(person: Person) -> None:
    _compile(person.make("mod=1.0"))
    assert _there(person.make("mod=1.0", validate=True)) == []


def test_what_was_compiled_and_is_damaged_does_not_hinder_a_change(person: Person) -> None:
    old = person.make("mod=1.0", "python=3.11.9")
    _compile(old)
    _pyc(old, "one").write_bytes(_pyc(old, "one").read_bytes()[:16] + b"damaged")
    new = person.make("tiny", keep=True, carry=True, needs="python")
    assert "Checking again, without what was compiled before." in person.heard
    assert _there(new) == []
    assert _there(old) == list(MODULES)


def test_what_python_writes_later_does_not_reach_the_other_state(person: Person) -> None:
    old = person.make("mod=1.0")
    _compile(old)
    before = _pyc(old, "one").read_bytes()
    new = person.make("tiny", keep=True, carry=True)
    os.utime(new / SITE / "mod" / "one.py", (1, 1))
    _compile(new, "one")
    assert _pyc(old, "one").read_bytes() == before != _pyc(new, "one").read_bytes()


def test_a_snapshot_shares_what_was_compiled_from_what_it_shares(person: Person, layout: Layout) -> None:
    old = person.make("mod=1.0")
    _compile(old)
    new = copying.copy(layout, "notebook", old, {"label": "kept"}, lambda said: None)
    shared = [name for name in MODULES if _pyc(new, name).samefile(_pyc(old, name))]
    assert shared == ["__init__", "one"]
    assert str(new).encode() in _pyc(new, "placed").read_bytes()
    assert str(old).encode() not in _pyc(new, "placed").read_bytes()
    assert generations.marks_of(new)["label"] == "kept"


def test_where_nothing_was_compiled_nothing_is_taken(person: Person, tmp_path: Path) -> None:
    assert compiled.take(person.make("tiny"), tmp_path) == []
