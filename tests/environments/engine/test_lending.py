"""What the site lends is copied once, whole or not at all, and everything is linked from the copy."""

import errno
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import cache, duplicating
from environments.duplicating import duplicate
from environments.layout import Layout
from environments.lending import Asked, borrow
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel

TOOL = "tool-2.0-0"
FILE = f"{TOOL}/share/tool.txt"


@pytest.fixture
def shared(tmp_path: Path, channel: Channel, person_at: Callable[..., Person]) -> Path:
    """The administrator's packages, which nobody may write into."""
    administrator = Person(Layout(tmp_path / "administrator"), person_at(channel.url).site)
    administrator.make("tool")
    folder = administrator.layout.packages.rename(tmp_path / "shared")
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    return folder


@pytest.fixture
def lent(channel: Channel, person_at: Callable[..., Person], shared: Path) -> Person:
    return person_at(channel.url, shared_cache=shared)


def _spoil(file: Path, text: str) -> None:
    file.chmod(0o644)
    file.write_text(text)


def test_what_is_lent_is_copied_once_and_linked_from_there(lent: Person, shared: Path) -> None:
    made = [lent.make("tool"), lent.make("tool", "extra")]
    own, theirs = lent.layout.packages / FILE, shared / FILE
    assert {(one / "share" / "tool.txt").stat().st_ino for one in made} == {own.stat().st_ino}
    assert own.stat().st_ino != theirs.stat().st_ino
    assert own.stat().st_mode & 0o777 == 0o644
    # By the time Python tells whether what it compiled is still right.
    assert own.stat().st_mtime_ns == theirs.stat().st_mtime_ns


def test_nothing_is_fetched_that_is_lent(shared: Path, tmp_path: Path, lent: Person) -> None:
    channel = tmp_path / "emptied"
    shutil.copytree(Path(lent.site.channels[0].removeprefix("file://")), channel)
    for package in channel.rglob("*.conda"):
        package.unlink()
    person = Person(lent.layout, lent.site.model_copy(update={"channels": (channel.as_uri(),)}))
    assert (person.make("tool") / "share" / "tool.txt").read_text() == "two"


@pytest.mark.parametrize("damage", ["gone", "cut", "link", "unreadable records"])
def test_what_is_not_whole_there_is_fetched_instead(lent: Person, shared: Path, damage: str) -> None:
    file = shared / FILE
    if damage == "cut":
        _spoil(file, "t")
    elif damage == "unreadable records":
        _spoil(shared / TOOL / "info" / "paths.json", "[")
    else:
        file.unlink()
    if damage == "link":
        file.symlink_to("/etc/hostname")
    made = lent.make("tool")
    assert (made / "share" / "tool.txt").read_text() == "two"
    assert not any("checking them all" in str(said) for said in lent.heard)
    assert not list(lent.layout.packages.glob(f".{TOOL}*"))


def test_a_reset_does_not_keep_what_was_lent_with_other_contents(lent: Person, shared: Path) -> None:
    _spoil(shared / FILE, "bad")
    assert (lent.make("tool") / "share" / "tool.txt").read_text() == "bad"
    assert (lent.make("tool", validate=True) / "share" / "tool.txt").read_text() == "two"
    assert (shared / FILE).read_text() == "bad"


def test_a_package_of_the_same_name_from_elsewhere_is_not_taken(lent: Person, shared: Path) -> None:
    lock = shared / f"{TOOL}.lock"
    lock.chmod(0o644)
    lock.write_bytes(lock.read_bytes()[:8] + bytes(32))
    _spoil(shared / FILE, "bad")
    assert (lent.make("tool") / "share" / "tool.txt").read_text() == "two"


def test_what_an_earlier_version_linked_to_the_shared_folder_is_copied(lent: Person, shared: Path) -> None:
    lent.layout.packages.mkdir(parents=True)
    shutil.copy(shared / f"{TOOL}.lock", lent.layout.packages)
    (lent.layout.packages / TOOL).symlink_to(shared / TOOL)
    made = lent.make("tool")
    assert not (lent.layout.packages / TOOL).is_symlink()
    assert (made / "share" / "tool.txt").stat().st_nlink == 2


def test_another_install_of_the_same_user_is_waited_for(lent: Person, shared: Path) -> None:
    packages = lent.layout.packages
    packages.mkdir(parents=True)
    heard: queue.Queue[tuple[int, int, str]] = queue.Queue()
    asked = [Asked(TOOL, b"", 7)]
    work = threading.Thread(target=borrow, args=(packages, shared, asked, lambda *said: heard.put(said)))
    with cache.alone(packages, lambda: None):
        work.start()
        assert heard.get(timeout=30) == (0, 0, "")
        assert sorted(path.name for path in packages.iterdir()) == [cache.LOCK]
    work.join(30)
    assert (packages / FILE).read_text() == "two"
    while (last := heard.get(timeout=1)) == (0, 0, ""):
        pass
    assert last == (7, 7, TOOL)


def test_whoever_is_killed_while_he_copies_has_nothing_half(lent: Person, shared: Path) -> None:
    packages = lent.layout.packages
    packages.mkdir(parents=True)
    program = (
        "import os, sys; from pathlib import Path; from environments.lending import Asked, borrow;"
        "borrow(Path(sys.argv[1]), Path(sys.argv[2]), [Asked(one, b'', 1) for one in sys.argv[3:]],"
        "lambda *_: os.kill(os.getpid(), 9))"
    )
    names = ["base-1.0-0", TOOL, "python-3.11.0-0"]
    words = [sys.executable, "-c", program, str(packages), str(shared), *names]
    assert subprocess.run(words, timeout=60, check=False).returncode == -9
    made = lent.make("tool")
    assert (made / "share" / "tool.txt").read_text() == "two"
    assert not [path.name for path in packages.glob(".*") if path.name != cache.LOCK]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_while_copying_holds_nothing_of_it(
    own_channel: Channel, tmp_path: Path, person_at: Callable[..., Person]
) -> None:
    own_channel.add("big", "1.0", {"share/big.bin": os.urandom(150_000)}, ["tool"])
    administrator = Person(Layout(tmp_path / "administrator"), person_at(own_channel.url).site)
    administrator.make("big")
    script = Path(__file__).with_name("full_disk.py")
    words = [str(script), str(tmp_path), own_channel.url, "80", str(administrator.layout.packages)]
    result = subprocess.run(
        ["unshare", "-m", sys.executable, *words], capture_output=True, text=True, timeout=60, check=True
    )
    outcome, packages, left, cached = result.stdout.splitlines()[-4:]
    assert (outcome, packages, left) == ("full", "['base-1.0']", "[]")
    assert cached == "['.cache.lock', 'base-1.0-0', 'base-1.0-0.lock']"


def test_no_room_is_said_at_once(shared: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    packages = tmp_path / "packages"
    packages.mkdir()
    # Its note cannot be written then.
    (packages / f"{TOOL}.lock").symlink_to("/dev/full")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        borrow(packages, shared, [Asked(TOOL, b"", 1)], lambda *_: None)
    assert sorted(path.name for path in packages.iterdir()) == [cache.LOCK, f"{TOOL}.lock"]


def test_a_file_of_any_size_is_copied_whole_where_the_kernel_helps_and_where_not(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.seek(duplicating.AT_ONCE)
        file.write(b"end")
    for where in (source, Path("/proc/version")):  # which the kernel says is empty
        with where.open("rb") as file, target.open("wb") as out:
            duplicate(file, out)
        assert target.read_bytes() == where.read_bytes()
