"""Wheels become conda packages."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from demo.channel.package import PLACEHOLDER, Entry, write
from demo.channel.target import Target
from demo.channel.wheels import Wheel, WheelError, entry_points, to_package, with_files
from tests.demo.channel.made import extra_words, greeter, polite, wheel

HERE = Target("3.11.2", "x86_64")


def entries(one: Wheel) -> dict[str, Entry]:
    package = with_files(to_package(one, {}, HERE, "mark"), one)
    return {entry.path: entry for entry in package.entries}


def info(path: Path, name: str) -> Any:
    with zipfile.ZipFile(path) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        (inner,) = (member for member in archive.namelist() if member.startswith("info-"))
        raw = zstandard.ZstdDecompressor().stream_reader(archive.open(inner)).read()
    with tarfile.open(fileobj=io.BytesIO(raw)) as inside:
        file = inside.extractfile(f"info/{name}")
        assert file is not None
        return json.load(file)


def test_a_pure_wheel_is_for_all_platforms_and_leaves_its_command_to_the_installer(tmp_path: Path) -> None:
    one = greeter(tmp_path)
    package = with_files(to_package(one, {}, HERE, "mark"), one)
    assert (package.subdir, package.noarch) == ("noarch", "python")
    assert package.entry_points == ("greet = greeter:main",)
    assert {entry.path for entry in package.entries} == {
        "site-packages/greeter.py",
        "python-scripts/greet-script",
        "share/greeter/words.txt",
        *(
            f"site-packages/greeter-1.0.dist-info/{name}"
            for name in ("METADATA", "WHEEL", "RECORD", "INSTALLER", "entry_points.txt")
        ),
    }
    assert "python >=3.9" in package.depends


def test_a_script_has_the_prefix_in_its_first_line(tmp_path: Path) -> None:
    script = entries(greeter(tmp_path))["python-scripts/greet-script"]
    assert script.content.startswith(f"#!{PLACEHOLDER}/bin/python\nimport sys\n".encode())
    assert script.text_prefix
    assert script.executable


def test_a_wheel_for_a_platform_brings_its_command_and_says_what_it_needs(tmp_path: Path) -> None:
    one = polite(tmp_path)
    package = with_files(to_package(one, {}, HERE, "mark"), one)
    assert (package.subdir, package.noarch, package.entry_points) == ("linux-64", "", ())
    assert package.depends == ("python 3.11.*", "__glibc >=2.17")
    inside = {entry.path: entry for entry in package.entries}
    assert "lib/python3.11/site-packages/polite.py" in inside
    assert inside["bin/ask"].text_prefix
    assert b"from polite import main" in inside["bin/ask"].content


def test_pip_finds_every_file_where_conda_put_it(tmp_path: Path) -> None:
    inside = entries(greeter(tmp_path))
    assert inside["site-packages/greeter-1.0.dist-info/INSTALLER"].content == b"conda\n"
    record = inside["site-packages/greeter-1.0.dist-info/RECORD"].content.decode()
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(record))}
    assert set(rows) >= {
        "greeter.py",
        "../../../bin/greet",
        "../../../bin/greet-script",
        "../../../share/greeter/words.txt",
        "greeter-1.0.dist-info/RECORD",
    }
    assert rows["greeter.py"].startswith("sha256=")
    assert rows["../../../bin/greet-script"] == ""


def test_the_same_wheel_gives_the_same_bytes_and_another_converter_another_name(tmp_path: Path) -> None:
    one = greeter(tmp_path)
    package = with_files(to_package(one, {}, HERE, "mark"), one)
    first, second = (write(package, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second
    assert to_package(one, {}, HERE, "other mark").stem != package.stem


def test_a_package_says_what_is_in_it(tmp_path: Path) -> None:
    one = extra_words(tmp_path)
    path = write(with_files(to_package(one, {}, HERE, "mark"), one), tmp_path)
    index = info(path, "index.json")
    assert (index["name"], index["version"], index["noarch"]) == ("extra-words", "1.0", "python")
    paths = {row["_path"]: row for row in info(path, "paths.json")["paths"]}
    assert paths["site-packages/extra_words.py"]["size_in_bytes"] == len("WORDS = ['thanks']\n")


def test_commands_are_read_with_their_extras_left_out() -> None:
    text = "[console_scripts]\nOne-Two = a.b:c.d [x]\n[gui_scripts]\nshow=e:f\n[other]\nnot = this:one\n"
    assert entry_points(text) == {"One-Two": "a.b:c.d", "show": "e:f"}


def test_a_file_that_is_no_wheel_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "half-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK")
    with pytest.raises(WheelError, match=r"half-1\.0-py3-none-any\.whl is not a wheel: .*remove it"):
        Wheel.read(broken)


def test_a_file_for_an_unknown_place_is_named(tmp_path: Path) -> None:
    odd = wheel(tmp_path, "odd", files={"{data}/elsewhere/file": "x"})
    with pytest.raises(WheelError, match=r"odd-1\.0\.data/elsewhere/file is for an unknown place"):
        with_files(to_package(odd, {}, HERE, "mark"), odd)
