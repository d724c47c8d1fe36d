"""What happens on the node before the notebook server starts, with a real shell and real hooks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

START = Path(__file__).resolve().parents[3] / "singleuser" / "start.sh"
LAUNCHER = """
import json, os, pathlib, signal, sys
mask = os.umask(0)
seen = {"environment": dict(os.environ), "umask": mask, "cwd": os.getcwd(), "arguments": sys.argv[1:],
        "interrupts": signal.getsignal(signal.SIGINT) is signal.default_int_handler, "pid": os.getpid()}
with open(os.environ["SEEN"], "a") as file:
    file.write(json.dumps(seen) + "\\n")
"""
HUBS = {
    "JUPYTERHUB_API_TOKEN": "s3cret",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JPY_API_TOKEN": "s3cret",
    "HPCHUB_PORTS": "40000-40100",
}


class Node:
    """A node with folders of hooks, on which the script runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.local = folder / "local"  # seen as /usr/local/bin
        self.mine = self.home / ".config" / "hpchub" / "before-notebook.d"
        self.work = folder / "work"
        for one in (self.local, self.mine, self.work):
            one.mkdir(parents=True)
        self.launcher = folder / "launch.py"
        self.launcher.write_text(LAUNCHER)
        self.variables: dict[str, str] = {}
        self.said = ""

    def hook(self, folder: str, name: str, text: str, *, executable: bool = False) -> None:
        place = self.mine if folder == "mine" else self.local / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        (place / name).chmod(0o755 if executable else 0o644)

    def begin(self) -> subprocess.Popen[str]:
        python = self.folder / "bin" / "python"
        python.parent.mkdir(exist_ok=True)
        if not python.exists():
            python.symlink_to(sys.executable)
        # A mount of its own instead of files in the machine's /usr/local/bin.
        mount = 'mount --bind "$1" /usr/local/bin && shift && exec "$@"'
        # As Slurm starts jobs: what a shell finds ignored, as it may be where tests run, it cannot mend.
        argv = [shutil.which("env") or "env", "--default-signal=INT"]
        argv += [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
        argv += ["bash", "-c", mount, "bash", str(self.local)]
        return subprocess.Popen(
            [*argv, "/bin/bash", str(START), str(python), str(self.launcher), "--debug", "a b"],
            cwd=self.work,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.home),
                "SEEN": str(self.seen),
                **HUBS,
                **self.variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def seen(self) -> Path:
        return self.folder / "seen.jsonl"

    def starts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.seen.read_text().splitlines()] if self.seen.exists() else []

    def run(self) -> dict[str, Any]:
        """Run the script to its end; return what the one server saw."""
        process = self.begin()
        self.said = process.communicate(timeout=30)[0]
        assert process.returncode == 0, self.said
        (only,) = self.starts()
        return only

    def order(self) -> list[str]:
        return self.run()["environment"]["ORDER"].split()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def adds(word: str) -> str:
    return f'export ORDER="$ORDER {word}"\n'


class TestHooks:
    def test_a_server_without_hooks_gets_its_arguments_and_folder(self, node: Node) -> None:
        seen = node.run()
        assert seen["arguments"] == ["--debug", "a b"]
        assert seen["cwd"] == str(node.work)
        assert node.said == ""

    def test_hooks_and_server_begin_in_the_workspace_wherever_the_runtime_does(self, node: Node) -> None:
        workspace = node.folder / "a workspace"
        workspace.mkdir()
        node.variables = {"JUPYTERHUB_ROOT_DIR": str(workspace)}
        node.hook("start-notebook.d", "10-where.sh", 'export AT_HOOK="$PWD"\n')
        seen = node.run()
        assert (seen["cwd"], seen["environment"]["AT_HOOK"]) == (str(workspace), str(workspace))

    def test_a_workspace_that_is_not_there_keeps_nobody_out(self, node: Node) -> None:
        node.variables = {"JUPYTERHUB_ROOT_DIR": "/no/such/folder"}
        assert node.run()["cwd"] == str(node.work)

    def test_the_images_hooks_come_first_and_each_folder_in_order(self, node: Node) -> None:
        node.hook("mine", "05-mine.sh", adds("mine"))
        node.hook("before-notebook.d", "20-b.sh", adds("b"))
        node.hook("before-notebook.d", "10-a.sh", adds("a"))
        node.hook("start-notebook.d", "99-first.sh", adds("first"))
        assert node.order() == ["first", "a", "b", "mine"]

    def test_a_program_is_run_and_a_file_that_is_neither_is_named(self, node: Node) -> None:
        node.hook("before-notebook.d", "10-program", "#!/bin/sh\ntouch ran\nORDER=lost\n", executable=True)
        node.hook("before-notebook.d", "20-notes.txt", "touch wrong\n")
        node.hook("before-notebook.d", "30-shell.sh", adds("shell"))
        assert node.order() == ["shell"]
        assert (node.work / "ran").exists()
        assert not (node.work / "wrong").exists()
        assert "20-notes.txt is neither NAME.sh nor executable: left out" in node.said

    @pytest.mark.parametrize("text", ["false\n", "return 3\n", "syntax error (\n", "no-such-command\n"])
    def test_a_failing_hook_is_told_and_the_others_run(self, node: Node, text: str) -> None:
        node.hook("before-notebook.d", "10-bad.sh", text)
        node.hook("before-notebook.d", "20-good.sh", adds("good"))
        assert node.order() == ["good"]
        assert "10-bad.sh failed with status" in node.said

    @pytest.mark.parametrize("text", ["exit 7\n", "set -e\nfalse\n", "set -u\n: $NO_SUCH\n"])
    def test_a_hook_that_ends_the_shell_does_not_end_the_server(self, node: Node, text: str) -> None:
        node.hook("before-notebook.d", "10-bad.sh", text)
        node.hook("before-notebook.d", "20-good.sh", adds("good"))
        seen = node.run()
        assert "ORDER" not in seen["environment"]
        assert "10-bad.sh ended the start script; going on without further hooks" in node.said

    def test_what_a_hook_leaves_behind_does_not_reach_the_next_ones_or_the_server(self, node: Node) -> None:
        node.hook("before-notebook.d", "10-bad.sh", "set -eu\ncd /\nset -- other words\n")
        node.hook("before-notebook.d", "20-good.sh", "false\n" + adds("good"))
        seen = node.run()
        assert seen["environment"]["ORDER"].split() == ["good"]
        assert seen["cwd"] == str(node.work)
        assert seen["arguments"] == ["--debug", "a b"]

    def test_the_hub_hears_of_the_server_whatever_a_hook_does_to_its_variables(self, node: Node) -> None:
        text = (
            "export JUPYTERHUB_API_TOKEN=other\nunset JUPYTERHUB_API_URL JPY_API_TOKEN\nHPCHUB_PORTS='a b'\n"
        )
        node.hook("before-notebook.d", "10-bad.sh", text + "export JUPYTERHUB_SINGLEUSER_APP=my.app.App\n")
        seen = node.run()["environment"]
        assert {name: seen[name] for name in HUBS} == HUBS
        assert seen["JUPYTERHUB_SINGLEUSER_APP"] == "my.app.App", "what the hub has not set is the image's"

    def test_a_value_with_quotes_and_lines_survives(self, node: Node) -> None:
        strange = 'it\'s "$(id)" `id` \\ $HOME\nsecond line'
        node.variables = {"JUPYTERHUB_STRANGE": strange}
        node.hook("before-notebook.d", "10-bad.sh", "JUPYTERHUB_STRANGE=other\n")
        assert node.run()["environment"]["JUPYTERHUB_STRANGE"] == strange


class TestSettings:
    def test_variables_are_unset_after_the_hooks_and_never_the_hubs(self, node: Node) -> None:
        node.variables = {
            "SECRET_ONE": "1",
            "SECRET_TWO": "2",
            "JUPYTER_ENV_VARS_TO_UNSET": "SECRET_ONE,SECRET_TWO,JUPYTERHUB_API_TOKEN,$(touch wrong)",
        }
        node.hook("before-notebook.d", "10-uses.sh", 'export USED="$SECRET_ONE$SECRET_TWO"\n')
        seen = node.run()["environment"]
        assert seen["USED"] == "12"
        assert not {"SECRET_ONE", "SECRET_TWO", "JUPYTER_ENV_VARS_TO_UNSET"} & set(seen)
        assert seen["JUPYTERHUB_API_TOKEN"] == "s3cret"
        assert "JUPYTERHUB_API_TOKEN stays" in node.said
        assert not (node.work / "wrong").exists()

    def test_the_umask_is_the_servers_and_not_the_hooks(self, node: Node) -> None:
        node.variables = {"NB_UMASK": "0027"}
        node.hook("before-notebook.d", "10-umask.sh", "export AT_HOOK=$(umask)\n")
        seen = node.run()
        assert seen["umask"] == 0o027
        assert seen["environment"]["AT_HOOK"] != "0027"

    def test_a_umask_that_is_none_is_told_and_left(self, node: Node) -> None:
        node.variables = {"NB_UMASK": "rwx; touch wrong"}
        node.run()
        assert "NB_UMASK is 'rwx; touch wrong', which is not three octal digits" in node.said
        assert not (node.work / "wrong").exists()

    def test_commands_are_those_of_the_servers_own_environment(self, node: Node) -> None:
        assert node.run()["environment"]["PATH"] == f"{node.folder}/bin:/usr/bin:/bin"

    def test_an_image_has_its_own_place_for_what_the_user_installs(self, node: Node) -> None:
        node.variables = {"HPCHUB_IMAGE": "base"}
        seen = node.run()["environment"]
        assert seen["PYTHONUSERBASE"] == f"{node.home}/.local/share/hpchub/images/base"

    def test_without_an_image_python_is_as_it_was(self, node: Node) -> None:
        assert "PYTHONUSERBASE" not in node.run()["environment"]


class TestRestartable:
    @staticmethod
    def until(node: Node, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 30
        while len(starts := node.starts()) < count:
            assert time.monotonic() < deadline, starts
            time.sleep(0.05)
        return starts

    def test_a_server_that_ends_is_started_again_and_knows_its_port(self, node: Node) -> None:
        node.variables = {"RESTARTABLE": "yes"}
        process = node.begin()
        try:
            first, second = self.until(node, 2)[:2]
        finally:
            process.terminate()
            process.communicate(timeout=30)
        assert first["pid"] != second["pid"]
        assert first["interrupts"], "a kernel that ignores SIGINT cannot be interrupted"
        file = first["environment"]["HPCHUB_PORT_FILE"]
        assert second["environment"]["HPCHUB_PORT_FILE"] == file
        assert not Path(file).exists()

    def test_one_that_the_hub_has_refused_is_not(self, node: Node) -> None:
        node.variables = {"RESTARTABLE": "yes"}
        more = '\npathlib.Path(os.environ["HPCHUB_PORT_FILE"]).write_text("refused")\n'
        node.launcher.write_text(LAUNCHER + more)
        process = node.begin()
        process.communicate(timeout=30)
        assert process.returncode == 1
        assert len(node.starts()) == 1

    def test_the_end_of_the_job_is_the_end_of_the_server(self, node: Node) -> None:
        node.variables = {"RESTARTABLE": "yes"}
        more = """
def end(*_):
    pathlib.Path("said-goodbye").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path("ready").touch()
while True:
    signal.pause()
"""
        node.launcher.write_text(LAUNCHER + more)
        process = node.begin()
        while not (node.work / "ready").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert (node.work / "said-goodbye").exists()
        (only,) = node.starts()
        with pytest.raises(ProcessLookupError):
            os.kill(only["pid"], 0)
