"""The doctor itself: asks every room, prints what it hears, and fails when something is wrong."""

import io
import json
import textwrap
from pathlib import Path

import pytest

from hpchub.doctor import ROOMS, diagnose, report
from hpchub.findings import Finding, Level

GOOD = Finding("stove", "fire", Level.OK, "burns")
BAD = Finding("stove", "chimney", Level.FAULT, "no smoke\x1b[2J\nseen", "sweep it")
ODD = Finding("cellar", "wine", Level.WARNING, "two bottles left", "buy some")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jupyterhub_config.py"
    path.write_text("")
    return path


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two rooms of a house: one with a check that fails half-way, one in order."""
    monkeypatch.syspath_prepend(tmp_path)
    head = "from hpchub.findings import Finding, Level\n"
    (tmp_path / "doctors_attic.py").write_text(
        head
        + textwrap.dedent(
            """
            def checks(configuration):
                yield Finding("attic", "roof", Level.OK, configuration.config.Roof.colour)
                raise RuntimeError("canary")
            """
        )
    )
    (tmp_path / "doctors_kitchen.py").write_text(
        head + "def checks(configuration):\n    yield Finding('kitchen', 'sink', Level.OK, 'dry')\n"
    )
    return ["doctors_attic", "doctors_no_such_room", "doctors_kitchen"]


def test_a_table_for_each_area_with_what_to_do() -> None:
    stream = io.StringIO()
    assert report(iter([GOOD, BAD, ODD]), stream) == [GOOD, BAD, ODD]
    assert stream.getvalue() == textwrap.dedent(
        """\
        stove
          ok       fire     burns
          fault    chimney  no smoke?[2J seen
                            -> sweep it

        cellar
          warning  wine  two bottles left
                         -> buy some

        1 fault, 1 warning, 1 in order
        """
    )


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    report([GOOD], terminal := Terminal())
    assert "\x1b[32mok" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    report([GOOD], terminal := Terminal())
    assert "\x1b" not in terminal.getvalue()


def test_when_all_is_well_it_says_so() -> None:
    report([GOOD, GOOD], stream := io.StringIO())
    assert stream.getvalue().endswith("\nall 2 in order\n")


def test_a_check_that_fails_hides_no_other(file: Path, rooms: list[str]) -> None:
    file.write_text("c.Roof.colour = 'red'\n")
    found = list(diagnose(file, rooms))
    assert [(each.area, each.check, each.level) for each in found] == [
        ("configuration", "file", Level.OK),
        ("attic", "roof", Level.OK),
        ("doctors_attic", "the check itself", Level.FAULT),
        ("doctors_no_such_room", "the check itself", Level.FAULT),
        ("kitchen", "sink", Level.OK),
    ]
    assert found[1].seen == "red"
    assert "failed with RuntimeError at" in found[2].seen
    assert "doctors_attic.py:5" in found[2].seen
    assert "canary" not in found[2].seen


def test_no_room_is_asked_about_a_configuration_that_does_not_load(file: Path, rooms: list[str]) -> None:
    file.write_text("\nnonsense\n")
    found = list(diagnose(file, rooms))
    assert [each.level for each in found] == [Level.FAULT]
    assert found[0].seen == f"{file}:2: NameError: name 'nonsense' is not defined"


def test_a_site_file_that_is_not_there_is_a_fault(file: Path) -> None:
    file.write_text("load_subconfig('/nowhere/site.py')\n")
    found = list(diagnose(file, []))
    assert (found[1].level, found[1].do) == (Level.FAULT, "write it, or correct HPCHUB_SITE_CONFIG")
    assert "/nowhere/site.py" in found[1].seen


def test_the_hubs_environment_is_missed_where_the_configuration_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = Path(__file__).resolve().parents[2] / "jupyterhub_config.py"
    monkeypatch.delenv("HPCHUB_SITE_CONFIG", raising=False)
    found = list(diagnose(ours, []))
    assert [(each.check, each.level) for each in found] == [
        ("file", Level.OK),
        ("environment", Level.WARNING),
    ]
    assert "HPCHUB_SITE_CONFIG is not set here" in found[1].seen
    (tmp_path / "site.py").write_text("")
    monkeypatch.setenv("HPCHUB_SITE_CONFIG", str(tmp_path / "site.py"))
    assert [each.level for each in diagnose(ours, [])] == [Level.OK]


def test_every_room_has_its_checks() -> None:
    from importlib import import_module

    assert all(callable(import_module(room).checks) for room in ROOMS)


def test_findings_are_plain_data(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hpchub.__main__ import main

    file.write_text("nonsense\n")
    assert main(["doctor", "--json", "--config", str(file)]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["level"] == "fault"
    assert set(found) == {"area", "check", "level", "seen", "do"}
