"""What Python compiled once is kept with the package; nothing wrong, and nothing half, is ever used of it."""

import hashlib
import importlib.util
import json
import marshal
import os
import py_compile
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import cache, precompiled
from environments.layout import Layout
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import PLACEHOLDER, Channel

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = str(sys.implementation.cache_tag)
LIBRARY = f"lib/python{VERSION}"
SITE = f"{LIBRARY}/site-packages"
MOD = "mod-1.0-0"
MODULES = ("__init__", "one", "placed")
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root may do this")

# An interpreter that imports the modules whenever it starts, as the check of a real one imports a server's.
IMPORTS = f"""#!/bin/sh
env -u PYTHONDONTWRITEBYTECODE PYTHONPATH="$(dirname "$0")/../{SITE}" \\
    /usr/bin/python3 -c 'import mod.one, mod.placed' || exit 1
exec /usr/bin/env -u PYTHONHOME /usr/bin/python3 "$@"
"""
# The same the first time, on a disk that is full: Python does not notice that only a part was written.
CUTS = f"""#!/bin/sh
site="$(dirname "$0")/../{SITE}"
if ! [ -e "$site/mod/__pycache__" ]; then
    env -u PYTHONDONTWRITEBYTECODE PYTHONPATH="$site" /usr/bin/python3 -c 'import mod.one' || exit 1
    truncate -s 40 "$site"/mod/__pycache__/one.*
fi
exec /usr/bin/env -u PYTHONHOME /usr/bin/python3 "$@"
"""


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    channel = Channel(tmp_path / "channel")
    channel.add("python", "3.11.0", {"bin/python": IMPORTS})
    channel.add("tiny", "1.0", {"share/tiny.txt": "x"})
    _add_mod(channel, "1.0")
    return channel


def _add_mod(channel: Channel, value: str) -> None:
    files = {
        f"{SITE}/mod/__init__.py": "",
        f"{SITE}/mod/one.py": f"value = '{value}'\n",
        f"{SITE}/mod/placed.py": f"prefix = '{PLACEHOLDER}'\n",
    }
    channel.add("mod", "1.0", files)


def _pyc(prefix: Path, name: str) -> Path:
    return Path(importlib.util.cache_from_source(str(prefix / SITE / "mod" / f"{name}.py")))


def _kept(person: Person) -> dict[str, Path]:
    """Return what is kept of the package, by the modules' names."""
    folder = person.layout.packages / MOD / cache.COMPILED
    return {path.name.split("%2F")[-1].split(".")[0]: path for path in sorted(folder.glob("*"))}


def _make(person: Person, name: str = "notebook", **more: bool) -> Path:
    return person.make("mod", "python", name=name, needs="python", **more)


def _value(compiled: Path) -> str:
    """Return what a compiled module says."""
    module: dict[str, str] = {}
    exec(marshal.loads(compiled.read_bytes()[16:]), module)
    return module["value"]


def _replace(path: Path, content: bytes) -> None:
    """Write a file anew, as everybody does it with compiled ones."""
    path.unlink()
    path.write_bytes(content)


def _renamed_to_fit(path: Path) -> Path:
    """Give a file in the cache the name that tells its contents."""
    digest = hashlib.blake2b(path.read_bytes(), digest_size=precompiled.DIGEST_BYTES).hexdigest()
    return path.rename(f"{str(path).rpartition('.')[0]}.{digest}")


def _other_code(path: Path, code: str) -> bytes:
    """Return a compiled file of other code, which Python would take for the one at the path."""
    other = path.parent.parent / "other.py"
    other.write_text(code)
    content = Path(py_compile.compile(str(other), cfile=f"{other}c", doraise=True) or "").read_bytes()
    return path.read_bytes()[:16] + content[16:]


def test_what_the_check_compiled_is_linked_into_another_environment(person: Person) -> None:
    first, second = _make(person), _make(person, "second")
    # Into the third the path of the environment was written, so it is another file.
    assert sorted(_kept(person)) == ["__init__", "one"]
    for name, kept in _kept(person).items():
        assert _pyc(first, name).samefile(kept)
        assert _pyc(second, name).samefile(kept)
    assert _pyc(second, "placed").exists()


def test_where_nothing_is_tried_nothing_is_kept(person: Person) -> None:
    made = person.make("mod", "python")
    py_compile.compile(str(made / SITE / "mod" / "one.py"), doraise=True)
    person.make("mod", "python", name="second")
    assert _kept(person) == {}


def test_a_package_that_was_built_again_under_the_same_name_is_compiled_again(
    person: Person, channel: Channel
) -> None:
    _make(person)
    _add_mod(channel, "2.0")
    second = _make(person, "second")
    assert (second / SITE / "mod" / "one.py").read_text() == "value = '2.0'\n"
    assert _value(_pyc(second, "one")) == "2.0"
    assert _value(_kept(person)["one"]) == "2.0"


def test_what_another_version_of_python_compiled_is_left(person: Person) -> None:
    _make(person)
    kept = _kept(person)["one"]
    other = kept.rename(kept.with_name(kept.name.replace(TAG, "cpython-21")))
    second = _make(person, "second")
    assert not _pyc(second, "one").samefile(other)
    assert not list((second / SITE).rglob("*cpython-21*"))
    assert other.exists()


@pytest.mark.parametrize("what", ["cut", "damaged", "empty", "a link", "a folder", "another source's"])
def test_what_is_not_as_it_was_kept_is_compiled_and_kept_again(person: Person, what: str) -> None:
    _make(person)
    kept = _kept(person)["one"]
    content = kept.read_bytes()
    if what == "cut":
        _replace(kept, content[:-10])
    elif what == "damaged":
        _replace(kept, content[:-1] + bytes([content[-1] ^ 1]))
    elif what == "empty":
        _replace(kept, b"")
    elif what == "another source's":
        _replace(kept, _kept(person)["__init__"].read_bytes())
        kept = _renamed_to_fit(kept)
    elif what == "a link":
        kept.unlink()
        kept.symlink_to(kept.parent.parent / "real")
        (kept.parent.parent / "real").write_bytes(content)
    else:
        kept.unlink()
        kept.mkdir()
    second = _make(person, "second")
    assert _value(_pyc(second, "one")) == "1.0"
    if what != "a folder":
        assert _kept(person)["one"].samefile(_pyc(second, "one"))
        assert len(list(kept.parent.iterdir())) == 2


@ROOT
def test_what_another_account_owns_is_left(person: Person) -> None:
    _make(person)
    kept = _kept(person)["one"]
    os.chown(kept, 65534, 65534)
    second = _make(person, "second")
    assert _pyc(second, "one").stat().st_uid == os.getuid()
    assert _kept(person)["one"].samefile(_pyc(second, "one"))


def test_a_file_that_python_wrote_half_is_not_kept(person: Person, channel: Channel) -> None:
    channel.add("python", "3.11.5", {"bin/python": CUTS})
    _make(person)
    assert sorted(_kept(person)) == ["__init__"]


def test_reset_takes_nothing_and_keeps_anew(person: Person) -> None:
    _make(person)
    kept = _kept(person)["one"]
    _replace(kept, _other_code(kept, "value = 'bad'\n"))
    _renamed_to_fit(kept)
    assert _value(_pyc(_make(person, "second"), "one")) == "bad"
    assert _value(_pyc(_make(person, validate=True), "one")) == "1.0"
    assert _value(_kept(person)["one"]) == "1.0"


def test_what_is_kept_and_hinders_the_check_is_thrown_away(person: Person) -> None:
    _make(person)
    kept = _kept(person)["one"]
    _replace(kept, _other_code(kept, "raise ImportError('bad')\n"))
    _renamed_to_fit(kept)
    second = _make(person, "second")
    assert "Checking again, without what was compiled before." in person.heard
    assert _value(_pyc(second, "one")) == "1.0"
    assert _value(_kept(person)["one"]) == "1.0"


def test_what_came_from_the_state_before_is_not_kept(person: Person) -> None:
    first = _make(person)
    precompiled.forget(person.layout.packages, first)
    assert _kept(person) == {}
    second = person.make("mod", "python", keep=True, carry=True, validate=False, needs="python")
    assert second == first
    person.make("tiny", keep=True, carry=True, needs="python")
    assert _kept(person) == {}


def test_where_nothing_can_be_written_the_environment_comes_out(person: Person) -> None:
    person.make("mod")
    (person.layout.packages / MOD / cache.COMPILED).write_text("in the way")
    assert _pyc(_make(person, "second"), "one").exists()
    assert _pyc(_make(person, "third"), "one").exists()


def test_while_another_install_is_at_work_nothing_is_kept(person: Person) -> None:
    made = _make(person)
    precompiled.forget(person.layout.packages, made)
    with cache.alone(person.layout.packages, lambda: None):
        precompiled.keep(person.layout.packages, made, ())
    assert _kept(person) == {}
    precompiled.keep(person.layout.packages, made, ())
    assert sorted(_kept(person)) == ["__init__", "one"]


# ----- packages made by hand -----------------------------------------------------------------------------


class _Hand:
    """A prefix with one package for any Python, linked from the cache, of which all was compiled."""

    def __init__(self, folder: Path, modules: int) -> None:
        self.packages, self.prefix = folder / "pkgs", folder / "prefix"
        self.package = self.packages / "pure-1.0-0"
        names = [f"site-packages/pure/m{number}.py" for number in range(modules)]
        for name in names:
            kept, linked = self.package / name, self.prefix / LIBRARY / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            linked.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(f"value = {name!r}\n")
            linked.hardlink_to(kept)
            py_compile.compile(str(linked), doraise=True)
        self.sources = [f"{LIBRARY}/{name}" for name in names]
        self.record(self.sources)
        (self.prefix / "bin").mkdir()
        (self.prefix / "bin" / "python").symlink_to(sys.executable)

    def record(self, files: list[str]) -> None:
        (self.prefix / "conda-meta").mkdir(exist_ok=True)
        (self.prefix / "conda-meta" / f"{self.package.name}.json").write_text(json.dumps({"files": files}))

    def compiled(self) -> list[Path]:
        return sorted(self.prefix.rglob("*.pyc"))

    def kept(self) -> list[Path]:
        return sorted((self.package / cache.COMPILED).glob("*"))

    def is_right(self) -> bool:
        """Tell whether all that is kept has the contents that its name tells."""
        digests = [precompiled._digest(path) for path in self.kept()]
        return digests == [path.name.rpartition(".")[2] for path in self.kept()]


def test_packages_for_any_python_are_linked_below_the_one_there_is(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 3)
    before = {path: path.read_bytes() for path in hand.compiled()}
    precompiled.keep(hand.packages, hand.prefix, ())
    for path in before:
        path.unlink()
    assert sorted(precompiled.take(hand.packages, hand.prefix)) == sorted(before)
    assert {path: path.read_bytes() for path in hand.compiled()} == before


def test_what_pip_wrote_over_a_package_is_neither_kept_nor_given_its_compiled_file(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 2)
    precompiled.keep(hand.packages, hand.prefix, ())
    source = hand.prefix / hand.sources[0]
    about = source.stat()
    text = source.read_text().replace("m0", "m9")
    source.unlink()
    source.write_text(text)
    os.utime(source, ns=(about.st_atime_ns, about.st_mtime_ns))
    for path in hand.compiled():
        path.unlink()
    assert [path.name for path in precompiled.take(hand.packages, hand.prefix)] == [f"m1.{TAG}.pyc"]
    py_compile.compile(str(source), doraise=True)
    precompiled.forget(hand.packages, hand.prefix)
    precompiled.keep(hand.packages, hand.prefix, ())
    assert len(hand.kept()) == 1


def test_a_source_that_was_edited_in_the_cache_has_one_compiled_file_kept(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 1)
    precompiled.keep(hand.packages, hand.prefix, ())
    source = hand.prefix / hand.sources[0]
    source.write_text("value = 'edited in place'\n")
    os.utime(source, (1, 1))
    hand.compiled()[0].unlink()
    assert precompiled.take(hand.packages, hand.prefix) == []
    py_compile.compile(str(source), doraise=True)
    precompiled.keep(hand.packages, hand.prefix, ())
    assert [path.samefile(hand.compiled()[0]) for path in hand.kept()] == [True]


def test_what_a_package_brings_compiled_is_its_own(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 1)
    hand.record([*hand.sources, str(hand.compiled()[0].relative_to(hand.prefix))])
    precompiled.keep(hand.packages, hand.prefix, ())
    assert hand.kept() == []


@pytest.mark.parametrize("name", ["x", "a.b.c", "..%2F..%2Fprefix%2Fx.py", "%2Fetc%2Fx.py"])
def test_names_that_lead_elsewhere_are_left(tmp_path: Path, name: str) -> None:
    hand = _Hand(tmp_path, 1)
    (hand.package / cache.COMPILED).mkdir()
    content = hand.compiled()[0].read_bytes()
    (hand.package / cache.COMPILED / f"{name}.{TAG}.00").write_bytes(content)
    _renamed_to_fit(hand.kept()[0])
    (tmp_path / "x.py").write_text("x")
    taken = precompiled.take(hand.packages, hand.prefix)
    assert taken == []
    assert len(list(tmp_path.rglob("*.pyc"))) == 1


def test_with_two_pythons_nothing_is_done(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 1)
    (hand.prefix / "lib" / "python2.7").mkdir()
    precompiled.keep(hand.packages, hand.prefix, ())
    assert hand.kept() == []


def test_whoever_is_killed_while_he_keeps_has_nothing_half(tmp_path: Path) -> None:
    hand = _Hand(tmp_path, 400)
    program = (
        "import sys; from pathlib import Path; from environments import precompiled;"
        "precompiled.keep(Path(sys.argv[1]), Path(sys.argv[2]), ())"
    )
    words = [sys.executable, "-c", program, str(hand.packages), str(hand.prefix)]
    with subprocess.Popen(words) as process:
        while process.poll() is None and not hand.kept():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert hand.kept()
    assert hand.is_right()
    precompiled.keep(hand.packages, hand.prefix, ())
    assert len(hand.kept()) == 400
    assert hand.is_right()


@ROOT
def test_a_disk_without_room_for_one_more_file_keeps_what_it_can(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; from pathlib import Path; from environments import precompiled;"
        "from tests.environments.engine.test_precompiled import _Hand;"
        "disk = Path(sys.argv[1]); mount = ['mount', '-t', 'tmpfs', '-o'];"
        "subprocess.run([*mount, 'size=4m,nr_inodes=200', 'none', disk], check=True);"
        "hand = _Hand(disk, 20); used = len(list(disk.rglob('*'))) + 1;"
        "subprocess.run([*mount, f'remount,nr_inodes={used + 5}', 'none', disk], check=True);"
        "precompiled.keep(hand.packages, hand.prefix, ());"
        "print(0 < len(hand.kept()) < 20, hand.is_right());"
        "subprocess.run([*mount, 'remount,nr_inodes=200', 'none', disk], check=True);"
        "precompiled.keep(hand.packages, hand.prefix, ());"
        "print(len(hand.kept()), hand.is_right())"
    )
    words = ["unshare", "-m", sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.split() == ["True", "True", "20", "True"]


# ----- what a site lends ---------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path, channel: Channel, person_at: Callable[..., Person]) -> Path:
    administrator = Person(Layout(tmp_path / "administrator"), person_at(channel.url).site)
    _make(administrator)
    return administrator.layout.packages.rename(tmp_path / "shared")


@pytest.fixture
def lent(channel: Channel, person_at: Callable[..., Person], shared: Path) -> Person:
    return person_at(channel.url, shared_cache=shared)


def _lent_one(shared: Path) -> Path:
    return next((shared / MOD / cache.COMPILED).glob("*one.py*"))


def test_what_is_lent_with_a_package_is_not_compiled_again(lent: Person, shared: Path) -> None:
    made = _make(lent)
    assert _pyc(made, "one").samefile(_kept(lent)["one"])
    assert not _pyc(made, "one").samefile(_lent_one(shared))
    # Which Python has written itself: it would be the user's own time.
    assert _pyc(made, "one").stat().st_mtime_ns == _lent_one(shared).stat().st_mtime_ns


def test_what_is_cut_where_it_is_lent_is_compiled(lent: Person, shared: Path) -> None:
    content = _lent_one(shared).read_bytes()
    _replace(_lent_one(shared), content[:-5])
    made = _make(lent)
    assert _value(_pyc(made, "one")) == "1.0"
    assert _kept(lent)["one"].samefile(_pyc(made, "one"))


@pytest.mark.parametrize("what", ["none, as before", "a file in its place", "a folder of a link to itself"])
def test_a_package_is_lent_whatever_is_with_it(lent: Person, shared: Path, what: str) -> None:
    for path in (shared / MOD / cache.COMPILED).iterdir():
        path.unlink()
    (shared / MOD / cache.COMPILED).rmdir()
    if what.startswith("a file"):
        (shared / MOD / cache.COMPILED).write_text("no folder")
    elif what.startswith("a folder"):
        (shared / MOD / cache.COMPILED).symlink_to(cache.COMPILED)
    made = _make(lent)
    assert not any("checking them all" in str(said) for said in lent.heard)
    assert (lent.layout.packages / MOD / SITE / "mod" / "one.py").stat().st_mtime_ns == (
        (shared / MOD / SITE / "mod" / "one.py").stat().st_mtime_ns
    )
    assert _kept(lent)["one"].samefile(_pyc(made, "one"))
