"""People get the packages that they ask for, and nothing else changes."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import generations, history
from environments.engine import Wanted
from environments.problems import Problem
from environments.rattler_engine import solve
from environments.records import Progress
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel


def _said(person: Person, command: str) -> str:
    program = person.layout.address("notebook") / "bin" / command
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def test_what_was_asked_for_comes_with_all_that_it_needs(person: Person) -> None:
    made = person.make("tool")
    assert person.packages() == ["base-1.0", "python-3.11.0", "tool-2.0"]
    assert _said(person, "tool") == f"tool 2.0 in {made}\n"
    assert generations.marks_of(made)["engine"] == "rattler"


def test_progress_ends_with_all_packages_and_bytes(person: Person) -> None:
    person.make("tool")
    steps = [one for one in person.heard if isinstance(one, Progress)]
    assert [one.step for one in steps][:2] == ["prepare", "solve"]
    last = [one for one in steps if one.step == "install"][-1]
    assert last.packages_done == last.packages_total == 3
    assert last.bytes_done == last.bytes_total > 0


def test_installing_more_leaves_the_rest_as_it_is(person: Person) -> None:
    person.make("tool=1.0")
    person.make("extra", keep=True)
    assert person.packages() == ["base-1.0", "extra-1.0", "python-3.11.0", "tool-1.0"]


def test_asking_for_another_version_changes_that_one(person: Person) -> None:
    person.make("tool=1.0", "extra")
    person.make("tool>=2", keep=True)
    assert person.packages() == ["base-1.0", "extra-1.0", "python-3.11.0", "tool-2.0"]


def test_what_is_removed_goes_with_what_needs_it_and_what_nobody_needs(person: Person) -> None:
    person.make("tool", "extra")
    person.make(keep=True, remove=["tool"])
    assert person.packages() == ["base-1.0", "extra-1.0"]
    person.make(keep=True, remove=["base"])
    assert person.packages() == []


def test_asking_for_what_is_there_makes_nothing(person: Person) -> None:
    made = person.make("tool")
    assert person.make("tool", keep=True) == made
    assert [one.path for one in generations.list_all(person.layout, "notebook")] == [made]


def test_a_lock_file_is_installed_as_it_stands(person: Person, channel: Channel, tmp_path: Path) -> None:
    lock = tmp_path / "base.lock"
    records = solve(
        person.site, channels=[channel.url], specs=["tool=1.0"], repodata=tmp_path / "repodata", lock=lock
    )
    assert sorted(record["name"] for record in records) == ["base", "python", "tool"]
    made = person.make(lock=lock, requested=["tool"])
    assert person.packages() == ["base-1.0", "python-3.11.0", "tool-1.0"]
    assert history.read_requested(made) == ["tool"]
    assert person.make(lock=lock, keep=True) == made


def test_an_explicit_list_is_installed_with_whole_records(person: Person, channel: Channel) -> None:
    names = ("base-1.0-0.conda", "tool-1.0-0.conda", "python-3.11.0-0.conda")
    lines = [f"{channel.url}/linux-64/{name}#{channel.index[name]['md5']}" for name in names]
    path = person.layout.root.with_name("explicit.txt")
    path.write_text("\n".join(["# what a colleague has", "@EXPLICIT", *lines]))
    made = person.make(lock=path)
    record = json.loads((made / "conda-meta" / "tool-1.0-0.json").read_text())
    assert record["depends"] == ["base >=1.0", "python"]
    assert record["md5"] == channel.index["tool-1.0-0.conda"]["md5"]
    assert record["channel"].rstrip("/") == channel.url


def test_an_explicit_package_that_the_channel_lists_no_more_has_a_whole_record(
    own_channel: Channel, person_at: Callable[..., Person]
) -> None:
    person = person_at(own_channel.url)
    del own_channel.index["tool-1.0-0.conda"]
    own_channel.write()
    path = person.layout.root.with_name("explicit.txt")
    path.write_text(f"@EXPLICIT\n{own_channel.url}/linux-64/tool-1.0-0.conda\n")
    made = person.make(lock=path)
    record = json.loads((made / "conda-meta" / "tool-1.0-0.json").read_text())
    assert record["depends"] == ["base >=1.0", "python"]


def test_an_explicit_list_whose_hash_is_wrong_is_refused(person: Person, channel: Channel) -> None:
    path = person.layout.root.with_name("explicit.txt")
    path.write_text(f"@EXPLICIT\n{channel.url}/linux-64/base-1.0-0.conda#{'0' * 32}\n")
    with pytest.raises(Problem) as caught:
        person.make(lock=path)
    assert caught.value.code == "lock"
    assert person.left_over() == []


def test_a_lock_file_for_another_machine_is_refused(person: Person, channel: Channel, tmp_path: Path) -> None:
    lock = tmp_path / "base.lock"
    solve(
        person.site,
        channels=[channel.url],
        specs=["base"],
        repodata=tmp_path / "repodata",
        lock=lock,
    )
    lock.write_text(lock.read_text().replace("linux-64", "osx-arm64"))
    with pytest.raises(Problem) as caught:
        person.make(lock=lock)
    assert caught.value.code == "lock"
    assert "osx-arm64" in caught.value.details


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no-such-package", "No channel here has a package named no-such-package."),
        ("tool=9", "No channel here has tool in a version that fits 9.*."),
        ("old", "old 1.0 needs base <1.0, which no channel here has"),
        ("tool=1.0", "tool 2.* and tool 1.0.* cannot be in one environment"),
        ("gpu", "needs a GPU with CUDA >=12"),
    ],
)
def test_what_cannot_be_is_said_in_plain_words(person: Person, spec: str, words: str) -> None:
    before = person.make("tool")
    more = ["tool=2"] if "tool" in spec and "9" not in spec else []
    with pytest.raises(Problem) as caught:
        person.make(spec, *more)
    assert caught.value.code == "unsolvable"
    assert words in str(caught.value.sentence)
    assert spec.partition("=")[0] in caught.value.details
    assert generations.current(person.layout, "notebook") == before
    assert person.left_over() == []


def test_a_spec_that_is_none_is_refused(person: Person) -> None:
    with pytest.raises(Problem) as caught:
        person.make("tool >>x")
    assert caught.value.code == "spec"


def test_packages_for_a_gpu_come_with_the_cuda_version_of_the_queue(person: Person) -> None:
    person.make("gpu", cuda="12.8")
    assert person.packages() == ["gpu-1.0"]
    with pytest.raises(Problem):
        person.make("gpu", cuda="11.8")


def test_conda_reads_what_was_asked_for_and_the_revisions(person: Person, channel: Channel) -> None:
    person.make("tool=1.0")
    made = person.make("tool=2.0", keep=True)
    text = (made / "conda-meta" / "history").read_text()
    entries = text.split("==> ")[1:]
    assert len(entries) == 2
    assert f"+{channel.url}/linux-64::base-1.0-0" in entries[0]
    assert f"-{channel.url}/linux-64::tool-1.0-0\n+{channel.url}/linux-64::tool-2.0-0\n" in entries[1]
    assert history.requested_in(text) == ["tool=2.0"]
    assert "conda version" not in text


def test_wanted_for_another_platform_is_solved_for_it(
    person: Person, channel: Channel, tmp_path: Path
) -> None:
    with pytest.raises(Problem) as caught:
        solve(
            person.site,
            channels=[channel.url],
            specs=["tool"],
            platform="linux-aarch64",
            repodata=tmp_path / "repodata",
        )
    assert caught.value.code in ("unsolvable", "channel")
    assert Wanted(channels=()).platform == ""
