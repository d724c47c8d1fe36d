"""What somebody put into his environment with pip, or by hand, is there after a change, or it is said."""

import subprocess
from pathlib import Path

import pytest

from environments import building, carry, generations
from environments.engine import Wanted
from environments.layout import Layout
from environments.site import Site
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel

SITE = "lib/python3.11/site-packages"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """Packages for two Pythons, one of which holds a library that pip may replace."""
    channel = Channel(tmp_path / "channel")
    for minor in ("11", "12"):
        channel.add("python", f"3.{minor}", {f"lib/python3.{minor}/os.py": "", "bin/python": "#!/bin/sh\n"})
    channel.add("tiny", "1.0", {"share/tiny.txt": "x"})
    channel.add(
        "lib",
        "1.0",
        {
            f"{SITE}/lib/__init__.py": "version = 1",
            f"{SITE}/lib/__pycache__/__init__.cpython-311.pyc": b"\0",
            f"{SITE}/lib-1.0.dist-info/METADATA": "Name: lib",
            f"{SITE}/lib-1.0.dist-info/RECORD": "lib/__init__.py,,\n",
        },
        ["python 3.11.*"],
    )
    return channel


def _pip(prefix: Path, name: str, version: str, files: dict[str, str | bytes]) -> None:
    """Put a distribution where pip puts it."""
    info = prefix / SITE / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    record = [f"{name}-{version}.dist-info/{file},," for file in ("METADATA", "RECORD")]
    for path, data in files.items():
        there = prefix / SITE / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.unlink(missing_ok=True)
        there.write_bytes(data if isinstance(data, bytes) else data.encode())
        record.append(f"{path},,")
    (info / "RECORD").write_text("\n".join(record) + "\n")


def _notes(prefix: Path) -> list[str]:
    notes = generations.marks_of(prefix)["notes"]
    return [note["msgid"] % note["params"] for note in notes]


def test_what_pip_installed_is_there_after_an_install(person: Person) -> None:
    old = person.make("lib")
    script = f"#!{old}/bin/python\nprint('{old}/share')\n"
    files: dict[str, str | bytes] = {
        "mine/__init__.py": "x = 1",
        "mine/data.bin": b"\0" + str(old).encode() + b"\0",
        "mine/__pycache__/x.pyc": b"\0",
        "../../../bin/mine": script,
        "mine.pth": f"{old}/share\n",
    }
    _pip(old, "mine", "0.1", files)
    new = person.make("tiny", keep=True, carry=True)
    assert new != old
    assert (new / SITE / "mine" / "__init__.py").read_text() == "x = 1"
    assert (new / SITE / "mine" / "data.bin").read_bytes() == b"\0" + str(new).encode() + b"\0"
    assert (new / "bin" / "mine").read_text() == script.replace(str(old), str(new))
    assert (new / SITE / "mine.pth").read_text() == f"{new}/share\n"
    assert not (new / SITE / "mine" / "__pycache__").exists()
    assert [(one.name, one.version) for one in carry.others(new)] == [("mine", "0.1")]
    assert _notes(new) == []
    assert (old / "bin" / "mine").read_text() == script


def test_what_was_put_there_by_hand_is_there_as_well(person: Person) -> None:
    old = person.make("lib")
    (old / "share" / "notes").mkdir(parents=True)
    (old / "share" / "notes" / "mine.txt").write_text("mine")
    (old / "share" / "notes" / "program").write_text("#!/bin/sh\n")
    (old / "share" / "notes" / "program").chmod(0o750)
    (old / "share" / "link").symlink_to(old / "share" / "notes")
    new = person.make("tiny", keep=True, carry=True)
    assert (new / "share" / "notes" / "mine.txt").read_text() == "mine"
    assert (new / "share" / "notes" / "program").stat().st_mode & 0o777 == 0o750
    assert (new / "share" / "link").readlink() == new / "share" / "notes"


def test_what_pip_put_over_a_package_is_the_packages_again_and_said(person: Person) -> None:
    old = person.make("lib")
    _pip(old, "lib", "9.9", {"lib/__init__.py": "version = 9", "lib/more.py": ""})
    new = person.make("tiny", keep=True, carry=True)
    assert (new / SITE / "lib" / "__init__.py").read_text() == "version = 1"
    assert not (new / SITE / "lib" / "more.py").exists()
    assert sorted(path.name for path in (new / SITE).glob("*.dist-info")) == ["lib-1.0.dist-info"]
    assert len(_notes(new)) == 1
    assert "lib 9.9" in _notes(new)[0]


def test_what_pip_put_into_a_packages_namespace_stays(person: Person, channel: Channel) -> None:
    same = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    channel.add("shares", "1.0", {f"{SITE}/shared/__init__.py": same, f"{SITE}/shared/one.py": "one"})
    old = person.make("shares", "lib")
    _pip(old, "shared-two", "2.0", {"shared/__init__.py": same, "shared/two.py": "two"})
    new = person.make("tiny", keep=True, carry=True)
    assert (new / SITE / "shared" / "two.py").read_text() == "two"
    assert (new / SITE / "shared-two-2.0.dist-info" / "METADATA").is_file()
    assert _notes(new) == []


def test_what_pip_wrote_over_a_file_of_another_package_is_the_packages_again(person: Person) -> None:
    old = person.make("lib")
    _pip(old, "lib-gpu", "9.0", {"lib/__init__.py": "version = 9", "lib/more.py": ""})
    new = person.make("tiny", keep=True, carry=True)
    assert (new / SITE / "lib" / "__init__.py").read_text() == "version = 1"
    assert not (new / SITE / "lib" / "more.py").exists()
    assert "lib-gpu 9.0" in _notes(new)[0]


def test_what_was_installed_for_another_python_is_not_taken_and_said(person: Person) -> None:
    old = person.make("python=3.11")
    _pip(old, "mine", "0.1", {"mine.py": "", "../../../bin/mine": "#!x"})
    new = person.make("python=3.12", keep=True, carry=True)
    assert not (new / "bin" / "mine").exists()
    assert not (new / "lib" / "python3.11").exists()
    assert ["mine 0.1" in note for note in _notes(new)] == [True]


def test_a_reset_takes_nothing_along_and_says_what_that_was(person: Person) -> None:
    old = person.make("lib")
    _pip(old, "mine", "0.1", {"mine.py": ""})
    new = person.make("lib", validate=True)
    assert not (new / SITE / "mine.py").exists()
    assert "mine 0.1" in str(carry.left_behind(old)[0])
    assert carry.left_behind(new) == []


def test_a_clone_has_the_paths_of_the_clone(person: Person, layout: Layout, channel: Channel) -> None:
    old = person.make("lib")
    address = layout.address("notebook")
    script = f"#!{address}/bin/python\n# {old}\n"
    _pip(old, "mine", "0.1", {"../../../bin/mine": script})
    new = building.build(
        layout,
        "copied",
        Wanted(channels=(channel.url,), keep=old),
        site=Site(channels=(channel.url,), least_free_mb=0),
        marks={},
        tell=lambda said: None,
        carry=old,
        needs="nothing",
    )
    assert (new / "bin" / "mine").read_text() == f"#!{layout.address('copied')}/bin/python\n# {new}\n"


@pytest.fixture(scope="session")
def wheels(demo_channel: Path) -> Path:
    return demo_channel.parent / "wheels"


def test_real_pip_works_through_the_address_and_survives(
    layout: Layout, demo_channel: Path, wheels: Path
) -> None:
    """Python started through the address takes it for its prefix; so pip's scripts bear the address."""
    person = Person(layout, Site(channels=(demo_channel.as_uri(),), least_free_mb=0))
    old = person.make("python", "pip")
    address = layout.address("notebook")
    pip = [str(address / "bin" / "python"), "-I", "-m", "pip", "install", "--no-index", "--quiet"]
    subprocess.run(
        [*pip, "--root-user-action=ignore", f"--find-links={wheels}", "tabulate==0.9.0"],
        check=True,
        timeout=120,
    )
    assert (old / "bin" / "tabulate").read_text().splitlines()[0] == f"#!{address}/bin/python"
    new = person.make("wheel", keep=True, carry=True)
    assert generations.current(layout, "notebook") == new
    said = subprocess.run(
        [address / "bin" / "tabulate"], input="a b\n", capture_output=True, text=True, check=True, timeout=60
    )
    assert "a" in said.stdout
    assert [(one.name, one.version) for one in carry.others(new)] == [("tabulate", "0.9.0")]
