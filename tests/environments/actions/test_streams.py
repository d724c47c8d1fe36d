"""Standard streams that are closed, full or cannot show a letter: what is done is done, and exits so."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
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


def test_control_c_after_the_switch_makes_no_failure_of_it(settings: Path, user: User) -> None:
    """The reader of what is said at the end is slow, so that there is time for it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 1024)
    os.set_blocking(writing, True)
    with subprocess.Popen(
        [*WAYS["by path"], "bootstrap"],
        env={"HPCHUB_ENVIRONMENTS": str(settings)},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writing)
        until = time.monotonic() + 30
        while not _ended(user) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        with open(reading, "rb") as pipe:
            said = pipe.read().strip(b"x").decode()
        assert process.wait(30) == 0
    assert "3 packages" in said
    assert user.tool() == "one"


def _ended(user: User) -> bool:
    return any('"end"' in one.read_text() for one in user.layout.actions.glob("*.jsonl"))
