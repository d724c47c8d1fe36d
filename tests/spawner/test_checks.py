"""What the doctor says of the helper, by real files and a sudo that somebody has put in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpchub.findings import Level
from spawner.checks import look, permissions
from tests.docs.pages import ROOT

OURS = ROOT / "spawner" / "as_user.py"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "hpchub-as-user"
    path.write_bytes(OURS.read_bytes())
    path.chmod(0o755)
    path.with_name("hpchub-as-user.json").write_text("{}")
    path.with_name("hpchub-as-user.json").chmod(0o644)
    return path


def found(program: Path) -> dict[str, tuple[Level, str]]:
    return {one.check: (one.level, f"{one.seen} {one.do}") for one in look(program, OURS, owner=os.geteuid())}


def test_an_installed_helper_of_this_version_is_all_right(program: Path) -> None:
    assert {level for level, _said in found(program).values()} == {Level.OK}


def test_an_upgrade_that_forgot_the_helper_is_told_with_the_command(program: Path) -> None:
    program.write_bytes(OURS.read_bytes() + b"# older\n")
    level, said = found(program)["program"]
    assert level is Level.FAULT
    assert f"install -o root -g root -m 755 {OURS} {program}" in said


def test_a_helper_that_is_not_there_is_told(program: Path) -> None:
    program.unlink()
    assert found(program)["program"][0] is Level.FAULT


@pytest.mark.parametrize("name", ["hpchub-as-user", "hpchub-as-user.json"])
def test_what_others_may_write_or_own_acts_as_all_users(program: Path, name: str) -> None:
    check = "settings" if name.endswith("json") else "program"
    path = program.with_name(name)
    path.chmod(0o666)
    assert found(program)[check][0] is Level.FAULT
    path.chmod(0o644)
    foreign = {one.check: one for one in look(program, OURS, owner=os.geteuid() + 1)}
    assert "belongs to uid" in foreign[check].seen


@pytest.mark.parametrize("text", ["{", "[]", None])
def test_settings_that_cannot_be_read_are_told(program: Path, text: str | None) -> None:
    path = program.with_name("hpchub-as-user.json")
    path.unlink() if text is None else path.write_text(text)
    assert found(program)["settings"][0] is Level.FAULT


@pytest.mark.parametrize(
    ("script", "level"),
    [
        ("echo '    (%hpcusers) NOPASSWD: PROGRAM \"\"'", Level.OK),
        ("echo '    (%hpcusers) NOPASSWD: /other/program'", Level.FAULT),
        ("echo 'sudo: a password is required' >&2; exit 1", Level.FAULT),
    ],
)
def test_whether_sudo_lets_the_hub_run_it(
    program: Path, monkeypatch: pytest.MonkeyPatch, script: str, level: Level
) -> None:
    sudo = program.with_name("sudo")
    sudo.write_text("#!/bin/sh\n" + script.replace("PROGRAM", str(program)))
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    (finding,) = permissions(program)
    assert finding.level is level
    assert finding.level is Level.OK or "/etc/sudoers.d/hpchub" in finding.do


def test_a_machine_without_sudo_is_told(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    (finding,) = permissions(program)
    assert finding.level is Level.FAULT
