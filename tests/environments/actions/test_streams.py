"""Standard streams that are closed, full or cannot show a letter: what is done is done, and exits so."""

import subprocess
import sys
from pathlib import Path

import pytest

from environments.site import own_name
from tests.environments.actions.kit import User

SOURCE = Path(__file__).resolve().parents[3]
WAYS = {
    "by path": [sys.executable, "-I", str(SOURCE / "environments" / "run.py"), "env"],
    "hpchub": [sys.executable, "-m", "hpchub", "env"],
}


@pytest.fixture
def settings(user: User, tmp_path: Path) -> Path:
    path = tmp_path / "environments.toml"
    path.write_text(
        f'root = "{tmp_path}/{{user}}/.conda"\nchannels = ["{user.site.channels[0]}"]\n'
        f'platform = "linux-64"\nleast_free_mb = 0\ndefinitions = "{user.site.definitions}"\n'
        f'[[sets]]\nname = "small"\n'
    )
    user.layout.root.parent.mkdir(exist_ok=True)
    (tmp_path / own_name()).symlink_to(user.layout.root.parent)
    return path


@pytest.fixture(params=WAYS)
def shell(request: pytest.FixtureRequest, settings: Path) -> "Shell":
    return Shell(WAYS[request.param], settings)


class Shell:
    """Somebody's shell, in which a command's streams can be anything."""

    def __init__(self, command: list[str], settings: Path) -> None:
        self._command, self._settings = command, settings

    def runs(self, words: str, streams: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        about = {"HPCHUB_ENVIRONMENTS": str(self._settings), "PYTHONPATH": str(SOURCE), **environ}
        script = f'"$@" {words} {streams}'
        return subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", script, "bash", *self._command],
            env=about,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", "2>&1 | true"]
)
def test_an_action_is_done_though_nobody_hears_of_it(shell: Shell, user: User, streams: str) -> None:
    result = shell.runs("bootstrap", streams)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert user.tool() == "one"
    assert [one.name for one in user.layout.actions.iterdir() if one.read_text().count('"end"')]


def test_whoever_reads_on_no_more_has_read_enough(shell: Shell) -> None:
    result = shell.runs("list", "| true")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_list_that_could_not_be_written_is_no_success(shell: Shell, user: User) -> None:
    user.does("bootstrap")
    result = shell.runs("list", ">/dev/full")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_a_terminal_that_cannot_show_korean_stops_nothing(settings: Path, user: User) -> None:
    shell = Shell(WAYS["hpchub"], settings)
    result = shell.runs("bootstrap", "", LC_ALL="ko_KR.UTF-8", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert user.tool() == "one"
