"""The batch job of an action: what its script is made of, and how it is found again."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from environments.problems import Problem
from environments.records import Action
from services.environments.jobs import Named, job_name, named, script_of
from slurm.records import Job

INSTALL = Action("0123456789abcdef", "install", "notebook", specs=("numpy>=2,<3",))
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "\nEND\ntouch pwned\n",
    "\n#SBATCH --partition=paid\n",
    "\x00\x1b[2J",
    "${IFS}",
]


def job(name: str, user: str = "anna") -> Job:
    return Job(id="7", name=name, user=user, account="", partition="jupyter", state="RUNNING")


def test_a_job_is_found_again_by_its_name() -> None:
    name = job_name("hpchub", "anna", INSTALL)
    assert named("hpchub", job(name)) == Named("notebook", INSTALL.id, "install")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("hpchub-env/ben/notebook/0123456789abcdef/install", "anna"),
        ("hpchub/anna/default/0badcafe", "anna"),
        ("other-env/anna/notebook/0123456789abcdef/install", "anna"),
        ("hpchub-env/anna/notebook/0123456789abcdef/sh", "anna"),
        ("hpchub-env/anna/notebook/../install", "anna"),
        ("hpchub-env/anna/notebook/0123456789abcdef", "anna"),
    ],
)
def test_what_has_another_name_or_owner_is_none_of_ours(name: str, user: str) -> None:
    assert named("hpchub", job(name, user)) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_user_typed_reaches_the_program_as_it_is_and_no_shell(tmp_path: Path, text: str) -> None:
    action = replace(INSTALL, verb="import", text=text, label=text, specs=(text,))
    program = tmp_path / "run.py"
    program.write_text("import sys; sys.stdout.write(sys.stdin.read())")
    script = script_of(action, sys.executable, str(program))
    told = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert told == ["#SBATCH --no-requeue"]
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(done.stdout) == action.as_json()
    assert not (tmp_path / "pwned").exists()


def test_the_program_is_the_job_itself_so_that_its_cancellation_reaches_it(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text("import os; print(os.getppid())")
    script = script_of(INSTALL, sys.executable, str(program))
    child = subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out, _errors = child.communicate(script)
    # exec: no shell stands between Slurm and the program.
    assert int(out) != child.pid


def test_too_much_for_a_job_is_refused() -> None:
    action = replace(INSTALL, verb="import", text='"' * 256 * 1024)
    with pytest.raises(Problem, match="too-large"):
        script_of(action, sys.executable, "/srv/run.py")
