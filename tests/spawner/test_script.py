"""The batch script: what is in it, and that nothing in it can be anything else."""

import subprocess
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from spawner.script import DEFAULT_TEMPLATE, render_script


def render(template: Path = DEFAULT_TEMPLATE, **changes: object) -> str:
    words: dict[str, object] = {
        "user": "a1113a01",
        "queue": "jupyter",
        "command": ["/opt/python", "/opt/launch.py"],
        "umask": "0077",
        "prologue": "module() { :; }; module load cuda",
    }
    return render_script(template, **{**words, **changes})  # type: ignore[arg-type]


def test_script_runs_the_command_word_for_word(tmp_path: Path) -> None:
    words = ["/usr/bin/printf", "%s|", "a b", "$(id)", "';reboot;'", "`id`", "\n", "*"]
    script = render(command=words)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.endswith("|".join(words[2:]) + "|")


def test_user_name_cannot_leave_its_quotes(tmp_path: Path) -> None:
    marker = tmp_path / "broken"
    script = render(user=f"x'; touch {marker}; echo '", command=["true"])
    subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    assert not marker.exists()


def test_script_asks_slurm_for_nothing_itself() -> None:
    assert "#SBATCH" not in render()


def test_script_is_shell_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n"], input=render(), text=True, check=True)


def test_unknown_name_in_a_sites_template_is_named(tmp_path: Path) -> None:
    template = tmp_path / "site.sh.j2"
    template.write_text("#!/bin/bash\n{{ qeue }}\n")
    with pytest.raises(UndefinedError, match="qeue"):
        render(template)
