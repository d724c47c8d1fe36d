"""Full disks, channels that lie or are silent, damaged caches: nobody loses anything."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import cache, generations
from environments.explaining import explain
from environments.problems import Problem
from environments.room import check_room, room_problem
from tests.environments.engine.driver_run import drive
from tests.environments.engine.person import Person
from tests.environments.engine.serving import Served
from tests.environments.engine.tiny import Channel

QUOTA = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static atomic_long used;
ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    struct stat what;
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (!fstat(fd, &what) && S_ISREG(what.st_mode) && atomic_fetch_add(&used, size) + (long)size > LIMIT) {
        errno = EDQUOT;
        return -1;
    }
    return real(fd, data, size);
}
"""


def _refused(person: Person, *specs: str, **more: object) -> Problem:
    """Try, and see that what was there is as it was and nothing is left over."""
    before = generations.current(person.layout, "notebook")
    packages = person.packages() if before else []
    with pytest.raises(Problem) as caught:
        person.make(*specs, **more)  # type: ignore[arg-type]
    assert generations.current(person.layout, "notebook") == before
    assert not before or person.packages() == packages
    assert person.left_over() == []
    return caught.value


def test_a_file_of_the_cache_that_is_gone_is_fetched_again(person: Person) -> None:
    person.make("tool")
    (person.layout.packages / "tool-2.0-0" / "share" / "tool.txt").unlink()
    made = person.make("tool")
    assert (made / "share" / "tool.txt").read_text() == "two"
    assert any("checking them all" in str(said) for said in person.heard)


def test_a_reset_does_not_inherit_what_was_written_into_the_cache(person: Person) -> None:
    person.make("tool")
    spoiled = person.layout.packages / "tool-2.0-0" / "share" / "tool.txt"
    spoiled.write_text("bad")
    made = person.make("tool", validate=True)
    assert (made / "share" / "tool.txt").read_text() == "two"


def test_a_package_that_comes_damaged_is_refused(
    own_channel: Channel, person_at: Callable[..., Person]
) -> None:
    person = person_at(own_channel.url)
    person.make("base")
    file = own_channel.path / "linux-64" / "tool-2.0-0.conda"
    file.write_bytes(file.read_bytes()[:-300])
    problem = _refused(person, "tool", keep=True)
    assert problem.code == "corrupt"
    assert "tool-2.0-0" in problem.details
    assert not (person.layout.packages / "tool-2.0-0").exists()


def test_a_package_with_other_contents_than_listed_is_refused(
    own_channel: Channel, person_at: Callable[..., Person]
) -> None:
    person = person_at(own_channel.url)
    folder = own_channel.path / "linux-64"
    shutil.copy(folder / "tool-1.0-0.conda", folder / "tool-2.0-0.conda")
    assert _refused(person, "tool").code == "corrupt"


def test_a_package_with_files_outside_of_the_environment_is_refused(
    own_channel: Channel, person_at: Callable[..., Person]
) -> None:
    # py-rattler takes them from the same place beside the package, so there must be something.
    own_channel.add("sly", "1.0", {"../sly-1.0-0/info/index.json": ""})
    person = person_at(own_channel.url)
    person.make("base")
    with pytest.raises(Problem) as caught:
        person.make("sly", keep=True)
    assert "sly" in caught.value.details
    assert person.packages() == ["base-1.0"]


def test_a_package_runs_nothing_when_it_is_installed(
    own_channel: Channel, person_at: Callable[..., Person], tmp_path: Path
) -> None:
    script = f"#!/bin/sh\ntouch {tmp_path}/ran\n"
    own_channel.add("sly", "1.0", {f"bin/.sly-{when}.sh": script for when in ("post-link", "pre-link")})
    person = person_at(own_channel.url)
    person.make("sly")
    person.make("base", keep=True)
    assert (person.layout.address("notebook") / "bin" / ".sly-post-link.sh").is_file()
    assert not (tmp_path / "ran").exists()


def test_a_channel_without_the_package_that_it_lists_is_named(
    served: Served, person_at: Callable[..., Person]
) -> None:
    served.lost.add("tool-2.0-0.conda")
    problem = _refused(person_at(served.url), "tool")
    assert problem.code == "channel"
    assert "127.0.0.1" in str(problem.sentence)


def test_a_channel_that_is_not_there_is_named(person_at: Callable[..., Person], tmp_path: Path) -> None:
    assert _refused(person_at((tmp_path / "none").as_uri()), "tool").code == "channel"


def test_a_channel_that_cannot_be_reached_is_an_outage(person_at: Callable[..., Person]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/channel"
        problem = _refused(person_at(url), "tool")
    assert problem.code == "unreachable"
    assert "127.0.0.1" in str(problem.sentence)


@pytest.fixture
def silent() -> Iterator[str]:
    """A channel that accepts connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/channel"


def test_a_channel_that_never_answers_is_given_up(silent: str, person_at: Callable[..., Person]) -> None:
    assert _refused(person_at(silent, stall_seconds=2), "tool").code == "stalled"


def test_a_package_that_never_comes_is_given_up(served: Served, person_at: Callable[..., Person]) -> None:
    served.silent.add("tool-2.0-0.conda")
    person = person_at(served.url, stall_seconds=2)
    person.make("base")
    assert _refused(person, "tool", keep=True).code == "stalled"


def test_what_killed_installs_left_in_the_cache_is_removed(person: Person) -> None:
    person.layout.packages.mkdir(parents=True)
    left = person.layout.packages / ".tool-2.0-0.a1b2c3"
    (left / "share").mkdir(parents=True)
    person.make("tool")
    assert not left.exists()
    assert (person.layout.packages / "tool-2.0-0").is_dir()


def test_nobody_else_is_disturbed_while_he_installs(person: Person, served: Served) -> None:
    other = Person(person.layout, person.site.model_copy(update={"channels": (served.url,)}))
    left = person.layout.packages / ".tool-2.0-0.a1b2c3"
    left.mkdir(parents=True)
    served.silent.add("tool-2.0-0.conda")
    with drive(other.layout, served.url, "tool"):
        assert served.asked.wait(30)
        left.mkdir(exist_ok=True)
        cache.sweep(person.layout.packages)
        assert left.is_dir()
        assert not cache.is_free(person.layout.packages)
        served.speak.set()


def test_too_little_room_is_said_before_anything_is_begun(person_at: Callable[..., Person]) -> None:
    problem = _refused(person_at("file:///none", least_free_mb=10**9), "tool")
    assert problem.code == "full"
    assert not any("solve" in str(said) for said in person_at("file:///none").heard)


def test_too_few_files_are_said_as_well(tmp_path: Path) -> None:
    check_room(tmp_path, 0)
    assert room_problem("/scratch", 5000, 1000, 100) is not None
    assert room_problem("/scratch", 5000, 1000, 100_000) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("size", [8, 80, 240, 700])
def test_a_full_disk_leaves_the_environment_as_it_was(
    own_channel: Channel, tmp_path: Path, size: int
) -> None:
    """The sizes, in KiB, make it fail in different steps, or not at all."""
    own_channel.add("big", "1.0", {"share/big.bin": os.urandom(150_000)}, ["tool"])
    script = Path(__file__).with_name("full_disk.py")
    command = ["unshare", "-m", sys.executable, str(script), str(tmp_path), own_channel.url, str(size)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    outcome, packages, left, cached = result.stdout.splitlines()[-4:]
    assert left == "[]"
    if outcome == "done":
        assert "big-1.0" in packages
    else:
        assert outcome == "full"
        assert packages == "['base-1.0']"
        assert cached == "['.cache.lock', 'base-1.0-0', 'base-1.0-0.lock']"
    assert (outcome == "done") == (size == 700)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler")
def test_a_quota_that_is_used_up_is_told_from_a_full_disk(
    channel: Channel, tmp_path: Path, person_at: Callable[..., Person]
) -> None:
    (tmp_path / "quota.c").write_text(QUOTA.replace("LIMIT", "2000"))
    library = tmp_path / "quota.so"
    command = ["cc", "-shared", "-fPIC", "-o", library, tmp_path / "quota.c", "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    person_at(channel.url).make("base")
    problem = _refused(person_at(channel.url, variables={"LD_PRELOAD": str(library)}), "tool", keep=True)
    assert problem.code == "quota"
    assert "(os error 122)" in problem.details


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("failed to link\nCaused by: Permission denied (os error 13)", "permission"),
        ("failed to acquire lock: Function not implemented (os error 38)", "locks"),
        ("Caused by: dns error", "unreachable"),
        ("HTTP status client error (404 Not Found) for url (http://mirror/x)", "channel"),
        ("Data corruption detected", "corrupt"),
        ("something new", "broken"),
    ],
)
def test_what_the_engine_says_is_understood(text: str, code: str) -> None:
    assert explain("InstallerError", text).code == code
