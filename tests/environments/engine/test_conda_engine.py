"""A site that has conda, mamba or micromamba: the program is asked as its manual says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import generations
from environments.conda_engine import explicit_of_lock
from environments.problems import Problem
from environments.rattler_engine import solve
from environments.records import Progress
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel

CONDA = """#!/usr/bin/python3
# Answers as `conda --json` does: progress after NUL characters, the answer last; errors with their class.
import json, os, pathlib, sys, time
words, files = sys.argv[1:], []
log = pathlib.Path(__file__).with_name("log")
listed = pathlib.Path(words[words.index("--file") + 1]).read_text() if "--file" in words else ""
with log.open("a") as file:
    file.write(json.dumps({"words": words, "environ": dict(os.environ), "listed": listed}) + "\\n")
specs, skip = [], False
for word in words[1:]:
    if skip or word.startswith("--"):
        skip = not skip and word in ("--prefix", "--channel", "--file")
    else:
        specs.append(word)
if "silent" in specs:
    time.sleep(600)
if "no-such" in specs:
    print(json.dumps({"error": "PackagesNotFoundError: no-such", "exception_name": "PackagesNotFoundError",
                      "message": "The following packages are not available: no-such"}, indent=2))
    sys.exit(1)
if "huge" in specs:
    print(json.dumps({"error": "[Errno 28] No space left on device", "exception_name": "NoSpaceLeftError"}))
    sys.exit(1)
meta = pathlib.Path(words[words.index("--prefix") + 1]) / "conda-meta"
meta.mkdir(parents=True, exist_ok=True)
names = [spec.partition("=")[0] for spec in specs]
names += [line.rpartition("/")[2].split("-")[0] for line in listed.splitlines() if "://" in line]
for name in names:
    record = meta / (name + "-1.0-0.json")
    if words[0] == "remove":
        record.unlink()
        continue
    print(json.dumps({"fetch": name, "finished": False, "maxval": 100, "progress": 40.0}), end="\\0")
    url = "file:///c/linux-64/" + name + "-1.0-0.conda"
    record.write_text(json.dumps({"name": name, "version": "1.0", "build": "0", "url": url, "md5": "0" * 32,
                                  "channel": "file:///c/linux-64", "subdir": "linux-64"}))
with (meta / "history").open("a") as history:
    history.write("==> 2026-01-01 00:00:00 <==\\n# update specs: " + json.dumps(specs) + "\\n")
print()
print(json.dumps({"success": True, "prefix": str(meta.parent), "actions": {"FETCH": []}}, indent=2))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "conda"
    path.parent.mkdir()
    path.write_text(CONDA)
    path.chmod(0o755)
    return path


@pytest.fixture
def person(person_at: Callable[..., Person], program: Path) -> Person:
    return person_at("file:///c", engine="conda", engine_program=str(program), stall_seconds=2)


def _asked(program: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in program.with_name("log").read_text().splitlines()]


def test_conda_is_asked_for_just_this_with_folders_of_its_own(
    person: Person, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDA_PKGS_DIRS", "/home/theirs")
    monkeypatch.setenv("CONDA_PREFIX", "/home/theirs")
    made = person.make("tool=1.0", "base", cuda="12.8")
    (asked,) = _asked(program)
    assert asked["words"] == [
        *("create", "--prefix", str(made), "--yes", "--json"),
        *("--override-channels", "--channel", "file:///c", "tool=1.0", "base"),
    ]
    environ = asked["environ"]
    assert isinstance(environ, dict)
    assert environ["CONDA_PKGS_DIRS"] == str(person.layout.root / "hpchub" / "conda-pkgs")
    assert environ["CONDA_OVERRIDE_CUDA"] == "12.8"
    assert "CONDA_PREFIX" not in environ
    assert not Path(environ["HOME"]).exists()
    assert generations.marks_of(made)["engine"] == "conda"
    assert person.packages() == ["base-1.0", "tool-1.0"]
    fetched = [one for one in person.heard if isinstance(one, Progress) and one.bytes_total]
    assert [(one.current, one.bytes_done, one.bytes_total) for one in fetched] == [
        ("tool", 40, 100),
        ("base", 40, 100),
    ]


def test_more_is_installed_beside_a_copy_of_what_is_there(person: Person, program: Path) -> None:
    person.make("tool", "base")
    made = person.make("extra", keep=True)
    __, create, install = _asked(program)
    assert "file:///c/linux-64/tool-1.0-0.conda#" + "0" * 32 in str(create["listed"])
    assert isinstance(install["words"], list)
    assert install["words"][:3] == ["install", "--prefix", str(made)]
    assert install["words"][-3:] == ["tool", "base", "extra"]
    assert person.packages() == ["base-1.0", "extra-1.0", "tool-1.0"]


def test_something_is_removed(person: Person) -> None:
    person.make("tool", "base")
    person.make(keep=True, remove=["tool"])
    assert person.packages() == ["base-1.0"]


def test_nothing_is_made_when_nothing_changes(person: Person) -> None:
    made = person.make("tool")
    assert person.make("tool", keep=True) == made


@pytest.mark.parametrize(
    ("spec", "code"), [("no-such", "unsolvable"), ("huge", "full"), ("silent", "stalled")]
)
def test_what_conda_refuses_is_told_and_nothing_is_left(person: Person, spec: str, code: str) -> None:
    before = person.make("tool")
    with pytest.raises(Problem) as caught:
        person.make(spec)
    assert caught.value.code == code
    assert generations.current(person.layout, "notebook") == before
    assert person.left_over() == []


def test_a_program_that_is_not_there_is_named(person_at: Callable[..., Person]) -> None:
    with pytest.raises(Problem) as caught:
        person_at("file:///c", engine="mamba", engine_program="/opt/none/mamba").make("tool")
    assert caught.value.code == "engine"
    assert "/opt/none/mamba" in str(caught.value.sentence)


def test_a_lock_file_is_told_to_conda_as_an_explicit_list(
    person: Person, channel: Channel, program: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "base.lock"
    solve(person.site, channels=[channel.url], specs=["tool"], repodata=tmp_path / "repodata", lock=lock)
    lines = explicit_of_lock(lock.read_text(), "linux-64").splitlines()
    assert lines[0] == "@EXPLICIT"
    assert f"{channel.url}/linux-64/tool-2.0-0.conda#{channel.index['tool-2.0-0.conda']['md5']}" in lines
    with pytest.raises(Problem):
        explicit_of_lock(lock.read_text(), "linux-aarch64")
    person.make(lock=lock)
    assert person.packages() == ["base-1.0", "python-1.0", "tool-1.0"]
    assert len(_asked(program)) == 1
