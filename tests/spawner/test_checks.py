"""What the doctor says of the helper, by real files and a sudo that somebody has put in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level
from spawner.checks import checks, look, permissions
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


@pytest.mark.parametrize("mode", [0o646, 0o664])
@pytest.mark.parametrize("name", ["hpchub-as-user", "hpchub-as-user.json"])
def test_what_others_may_write_or_own_acts_as_all_users(program: Path, name: str, mode: int) -> None:
    check = "settings" if name.endswith("json") else "program"
    path = program.with_name(name)
    path.chmod(mode)
    assert found(program)[check][0] is Level.FAULT
    path.chmod(0o644)
    foreign = {one.check: one for one in look(program, OURS, owner=os.geteuid() + 1)}
    assert "belongs to uid" in foreign[check].seen


@pytest.mark.parametrize("text", ["{", "[]", None])
def test_settings_that_cannot_be_read_are_told(program: Path, text: str | None) -> None:
    path = program.with_name("hpchub-as-user.json")
    path.unlink() if text is None else path.write_text(text)
    assert found(program)["settings"][0] is Level.FAULT


def put_in_the_way(monkeypatch: pytest.MonkeyPatch, program: Path, script: str) -> None:
    sudo = program.with_name("sudo")
    sudo.write_text("#!/bin/sh\n" + script)
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


@pytest.mark.parametrize(
    ("script", "level"),
    [
        ("echo '    (%hpcusers) NOPASSWD: PROGRAM \"\"'", Level.OK),
        ("[ $LC_ALL = C ] && echo '    (%hpcusers) NOPASSWD: /bin/true, PROGRAM \"\"'", Level.OK),
        ("echo '    (%hpcusers) NOPASSWD: /other/program'", Level.FAULT),
        ("echo '    (%hpcusers) NOPASSWD: PROGRAM-old \"\"'", Level.FAULT),
        ("echo '    (%hpcusers) PROGRAM \"\"'", Level.FAULT),
        ("echo 'sudo: a password is required' >&2; exit 1", Level.FAULT),
    ],
)
def test_whether_sudo_lets_the_hub_run_it(
    program: Path, monkeypatch: pytest.MonkeyPatch, script: str, level: Level
) -> None:
    put_in_the_way(monkeypatch, program, script.replace("PROGRAM", str(program)))
    (finding,) = permissions(program)
    assert finding.level is level
    assert finding.level is Level.OK or "/etc/sudoers.d/hpchub" in finding.do


def test_a_machine_without_sudo_is_told(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    (finding,) = permissions(program)
    assert finding.level is Level.FAULT


def test_a_sudo_that_hangs_is_told_and_not_waited_for(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_the_way(monkeypatch, program, "exec sleep 60")
    (finding,) = permissions(program, patience=0.2)
    assert finding.level is Level.FAULT
    assert "see why sudo hangs" in finding.do


def of(tmp_path: Path, acts: str, spawner: str = "spawner.SlurmGPUSpawner") -> list[Finding]:
    configuration = Configuration(tmp_path / "jupyterhub_config.py")
    configuration.config.JupyterHub.spawner_class = spawner
    configuration.config.SlurmGPUSpawner.acts_as_user = acts
    return list(checks(configuration))


@pytest.mark.parametrize("acts", ["", "  ", "sudo -nHu {username} /usr/lib/it's", "sudo /", 'sudo ""'])
def test_a_setting_that_names_no_program_is_told(tmp_path: Path, acts: str) -> None:
    (finding,) = of(tmp_path, acts)
    assert (finding.check, finding.level) == ("acts_as_user", Level.FAULT)


def test_hubs_with_another_spawner_need_no_helper(tmp_path: Path) -> None:
    assert of(tmp_path, "sudo -nHu {username} /no/helper", spawner="simple") == []


def test_the_helper_is_looked_for_where_the_setting_says(program: Path, tmp_path: Path) -> None:
    found = {one.check: one for one in of(tmp_path, f"sudo -nHu {{username}} {program}")}
    assert str(program) in found["program"].seen
    assert str(program.with_name("hpchub-as-user.json")) in found["settings"].seen
    assert "sudo" not in found or os.geteuid() != 0  # what root may do says nothing of the hub
