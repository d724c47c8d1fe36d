"""Debian's Python becomes everybody's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from demo.channel.interpreter import InterpreterError, interpreter, patched_sysconfig
from demo.channel.target import INTERPRETER, VERSION, Target


def test_debian_s_own_places_are_taken_out_of_sysconfig() -> None:
    text = Path(f"/usr/lib/python{VERSION}/sysconfig.py").read_text()
    assert "posix_local" in text.partition("def _get_preferred_schemes")[2].partition("\ndef ")[0]
    program = f"{patched_sysconfig(text)}\nprint('its scheme:', get_default_scheme())\n"
    argv = [INTERPRETER, "-I", "-"]
    done = subprocess.run(argv, input=program, capture_output=True, text=True, timeout=30, check=True)
    assert "its scheme: posix_prefix" in done.stdout


def test_a_sysconfig_that_is_not_known_is_refused() -> None:
    with pytest.raises(InterpreterError, match=r"sysconfig\.py of Python 3\.11 is not as it is known"):
        patched_sysconfig("import os\n")


def test_the_package_is_whole_and_has_nothing_that_forbids_pip() -> None:
    package = interpreter(Target.here(), "mark")
    inside = {entry.path: entry for entry in package.entries}
    lib = f"lib/python{VERSION}"
    assert inside[f"bin/python{VERSION}"].executable
    assert {inside["bin/python"].link, inside["bin/python3"].link} == {f"python{VERSION}"}
    assert inside[f"{lib}/dist-packages"].link == "site-packages"
    assert {
        f"{lib}/os.py",
        f"{lib}/encodings/utf_8.py",
        f"{lib}/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so",
    } <= set(inside)
    assert f"{lib}/EXTERNALLY-MANAGED" not in inside
    assert not [path for path in inside if path.endswith(".pyc") or f"{lib}/test/" in path]
    assert all(not entry.link.startswith(("/", "..")) for entry in inside.values())
    assert package.extra == {"python_site_packages_path": f"{lib}/site-packages"}
