"""The batch script: what is in it, and that nothing in it can be anything else."""

import subprocess
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from queues.surroundings import fill_comment
from spawner.script import DEFAULT_TEMPLATE, compose_prologue, render_script


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


def test_variables_of_a_queue_reach_the_server_word_for_word() -> None:
    values = {"A": "it's $HOME; `id` $(id)", "B": "a  b", "C": '"', "D": ""}
    prologue = compose_prologue("A=site; export A", values, "")
    script = render(command=["/usr/bin/printenv", *values], prologue=prologue)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == list(values.values())


def test_a_queues_lines_come_after_the_sites_and_see_its_variables() -> None:
    prologue = compose_prologue("X=site\n", {"Y": "queue"}, 'echo "$X $Y"\nX=mine\n')
    assert prologue == 'X=site\nexport Y=queue\necho "$X $Y"\nX=mine'
    script = render(prologue=prologue, command=["true"])
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "site queue"


def test_a_queue_without_anything_of_its_own_changes_nothing() -> None:
    assert compose_prologue("module load cuda\n", {}, "") == "module load cuda"
    assert compose_prologue("", {}, "") == ""


@pytest.mark.parametrize(
    ("template", "comment"),
    [
        (
            "jupyter {username} {queue} {account} {interface} {hours}h {gpus}",
            "jupyter a1113a01 mixed  lab 4h 2",
        ),
        ("{{literal}} {username}", "{literal} a1113a01"),
        ("", None),
        ("  ", None),
    ],
)
def test_comment_is_filled_in_from_its_template(template: str, comment: str | None) -> None:
    values = {
        "username": "a1113a01",
        "queue": "mixed",
        "account": "",
        "interface": "lab",
        "hours": 4,
        "gpus": 2,
    }
    assert fill_comment(template, values) == comment


def test_no_name_can_break_the_comment() -> None:
    assert (
        fill_comment("for {username}", {"username": "x\n#SBATCH --wrap {queue}\0"})
        == "for x?#SBATCH --wrap {queue}?"
    )
    assert len(fill_comment("{username}", {"username": "x" * 999}) or "") == 500
