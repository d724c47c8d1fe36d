"""What a curious user finds in the process table: no secret, and nothing of whoever typed `make demo`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.centre import RunningCentre

pytestmark = pytest.mark.centre

PROGRAMS = ("munge", "mariadb", "slapd", "nslcd", "slurmdbd", "slurmctld", "slurmd-gpu01", "proxy", "hub")


def secrets(centre: RunningCentre) -> set[str]:
    etc, data = centre.instance.etc, centre.instance.data
    files = (etc / "proxy-token", etc / "ldap-bind-password", data / "database-password")
    people = {word for user in centre.accounts.users for word in (user.password, user.totp_seed)}
    return {path.read_text().strip() for path in files} | people


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_secret_stands_on_a_command_line(centre: RunningCentre, program: str) -> None:
    line = Path("/proc", str(centre.pid(program)), "cmdline").read_text()
    assert line
    assert not [secret for secret in secrets(centre) if secret in line]


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_inherits_the_environment_of_its_caller(centre: RunningCentre, program: str) -> None:
    environment = Path("/proc", str(centre.pid(program)), "environ").read_text().split("\0")
    names = {entry.partition("=")[0] for entry in environment if entry}
    ours = {
        "PATH",
        "LANG",
        "HOME",
        "PYTHONPATH",
        "CONFIGPROXY_AUTH_TOKEN",
        "NODE_OPTIONS",
        "MYSQLD_PARENT_PID",
    }
    assert {
        name for name in names - ours if not name.startswith(("HPCHUB_", "SUPERVISOR_", "SLURM_"))
    } == set()


def test_programs_run_as_accounts_of_their_own(centre: RunningCentre) -> None:
    owners = {
        name: Path("/proc", str(centre.pid(name))).owner() for name in ("munge", "mariadb", "slapd", "nslcd")
    }
    assert owners == {"munge": "munge", "mariadb": "mysql", "slapd": "openldap", "nslcd": "nslcd"}
    for name in ("hub", "proxy"):
        assert Path("/proc", str(centre.pid(name))).stat().st_uid == 611
