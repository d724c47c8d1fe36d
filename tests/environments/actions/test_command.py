"""`hpchub env` in a terminal: what it says, what it asks, and what it exits with."""

import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from environments.command import main
from environments.command.saying import language
from environments.site import own_name
from hpchub.__main__ import main as hpchub
from tests.environments.actions.kit import User, stalled_channel


class Said(NamedTuple):
    code: int
    out: str
    err: str


Env = Callable[..., Said]


@pytest.fixture
def env(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Env:
    """Run ``hpchub env WORDS`` without a terminal."""
    path = tmp_path / "environments.toml"
    path.write_text(
        f'root = "{tmp_path}/{{user}}/.conda"\nworkspace = "{tmp_path}/{{user}}/workspace"\n'
        f'channels = ["{user.site.channels[0]}"]\nplatform = "linux-64"\nleast_free_mb = 0\n'
        f'definitions = "{user.site.definitions}"\nlocks = "{tmp_path}/locks"\nplatforms = ["linux-64"]\n'
        '[[sets]]\nname = "small"\n[plugins]\nspecs = ["extra"]\n'
    )
    user.layout.root.parent.mkdir(exist_ok=True)
    (tmp_path / own_name()).symlink_to(user.layout.root.parent)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HPCHUB_ENVIRONMENTS", str(path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(*words: str, feed: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(feed.encode()), "utf-8"))
        capsys.readouterr()
        return Said(main(words), *capsys.readouterr())

    return run


def test_from_nothing_to_a_snapshot_and_back(env: Env, user: User) -> None:
    assert env("list").out.strip() == "You have no environment yet: hpchub env bootstrap makes one."
    made = env("bootstrap")
    assert (made.code, "3 packages" in made.out) == (0, True)
    assert "installing" in made.err
    assert "\x1b" not in made.err
    assert env("snapshot", "as it began").code == 0
    assert env("install", "tool=2.0").code == 0
    assert user.tool() == "two"
    assert env("plugins").code == 0
    again = env("plugins")
    assert (again.code, "Nothing to do" in again.out) == (0, True)
    assert env("remove", "extra").code == 0
    states = json.loads(env("history", "--json").out)
    kept = next(one for one in states["generations"] if one["label"])
    assert env("rollback", kept["id"]).code == 0
    assert user.tool() == "one"
    assert [one["verb"] for one in states["actions"]][::-1] == [
        "bootstrap",
        "snapshot",
        "install",
        "plugins",
        "plugins",
        "remove",
    ]
    assert env("log").out.splitlines()[-1].endswith("s)")
    assert env("where").out.strip().endswith("/.conda/envs/notebook/bin/python")
    assert env("packages").out.splitlines()[0].split("\t")[:2] == ["base", "1.0"]
    listed = json.loads(env("list", "--json").out)
    assert [one["name"] for one in listed] == ["notebook"]


def test_what_is_exported_is_imported(env: Env, user: User, tmp_path: Path) -> None:
    env("bootstrap")
    for kind in ("yml", "explicit"):
        file = tmp_path / f"exported.{kind}"
        assert env("export", "--format", kind, "-o", str(file)).code == 0
        assert env("import", str(file), "-n", f"from-{kind}").code == 0
        assert user.tool(f"from-{kind}") == "one"
    assert env("export").out.startswith("name: notebook")
    assert env("import", "-", "-n", "fed", feed="dependencies: [base]\n").code == 0
    assert env("import", str(tmp_path / "none"), "-n", "x").code == 1
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00")
    assert env("import", str(tmp_path / "image"), "-n", "x").code == 1


def test_clone_and_delete(env: Env, user: User) -> None:
    env("bootstrap")
    assert env("clone", "notebook", "copy").code == 0
    assert env("delete", "copy", "--yes").code == 0
    assert not user.prefix("copy").is_symlink()
    assert env("delete", "copy", "--yes").code == 1


def test_an_environment_without_its_python_is_not_called_ready(env: Env, user: User) -> None:
    env("bootstrap")
    assert "ready" in env("list").out
    shutil.rmtree(user.layout.address("notebook") / "bin")
    assert "damaged" in env("list").out
    assert env("reset", "--yes").code == 0
    assert "ready" in env("list").out


def test_what_is_not_understood(env: Env, user: User) -> None:
    for words in (
        (),
        ("fly",),
        ("install",),
        ("bootstrap", "-n", "../up"),
        ("bootstrap", "--set", "none"),
        ("bootstrap", "--cuda", "new"),
        ("install", "a;b"),
        ("delete", "notebook"),
        ("reset",),
        ("snapshot", "two\nlines"),
        ("rollback", "../.."),
    ):
        assert env(*words).code == 2, words
    assert not user.layout.root.exists()


def test_root_is_told_that_these_are_not_the_users_environments(env: Env, user: User) -> None:
    told = env("bootstrap").err
    assert ("You are root" in told) == (os.getuid() == 0)
    assert (str(user.layout.root.parent.parent / own_name()) in told) == (os.getuid() == 0)
    assert "You are root" not in env("list").err


def test_failures_say_so_and_nothing_is_on_standard_output(env: Env) -> None:
    for words in (("install", "extra"), ("where",), ("packages",), ("export",), ("log", "../x")):
        said = env(*words)
        assert (said.code, said.out) == (1, ""), words
        assert said.err.strip()
    env("bootstrap")
    said = env("bootstrap")
    assert (said.code, said.out) == (1, "")
    assert "Reset" in said.err


def test_a_broken_site_is_named(env: Env, tmp_path: Path) -> None:
    (tmp_path / "environments.toml").write_text("root = 7\n")
    said = env("list")
    assert said.code == 1
    assert "environments.toml" in said.err
    assert env("--site", str(tmp_path / "other.toml"), "list").code == 1


def test_json_says_what_became_of_it(env: Env) -> None:
    about = json.loads(env("bootstrap", "--json").out)
    assert (about["result"], about["packages"], about["changed"]) == ("done", 3, True)
    said = env("install", "old", "--json")
    assert said.code == 1
    assert json.loads(said.out)["problem"]["code"] == "unsolvable"


def test_the_administrator_locks_the_sets(env: Env, user: User, tmp_path: Path) -> None:
    said = env("lock")
    assert said.code == 0, said.err
    lock = tmp_path / "locks" / "small-linux-64.lock"
    assert said.out == f"{lock}\t3\n"
    assert env("lock", "--stale").out == ""
    assert env("lock", "none").code == 2
    assert env("bootstrap").code == 0
    assert user.tool() == "one"


def test_what_is_taken_along(env: Env, tmp_path: Path) -> None:
    env("bootstrap")
    folder = tmp_path / "paper"
    folder.mkdir()
    said = env("takeaway", str(folder), "-o", str(tmp_path / "out"))
    assert said.code == 0, said.err
    assert (tmp_path / "out" / "Dockerfile").is_file()
    assert env("takeaway", str(folder), "-o", str(tmp_path / "out")).code == 1


def test_it_is_a_word_of_hpchub(env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    env("bootstrap")
    capsys.readouterr()
    assert hpchub(["env", "where"]) == 0
    assert capsys.readouterr().out.endswith("/bin/python\n")
    assert hpchub(["env", "fly"]) == 2
    assert hpchub(["--help"]) == 0


def test_an_ordinary_user_needs_nothing_of_the_administrators(env: Env) -> None:
    env("list")
    program = (
        "import sys; from hpchub.__main__ import main; main(['env', 'list']); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for name in ("authenticator", "sqlalchemy", "hpchub.doctor", "hpchub.otp"):
        assert f"'{name}'" not in done.stdout


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:ko:en"}, "ko"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "ko"}, "en"),
    ],
)
def test_the_language_is_that_of_the_terminal(environ: dict[str, str], expected: str) -> None:
    assert language(environ) == expected


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, *words: str) -> None:
        self.text = ""
        pid, self._file = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            # Whatever runs the tests in the background has it ignored, and terminals do not.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, "-m", "hpchub", "env", *words])
        self.pid = pid

    def until(self, words: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            self._read()

    def types(self, text: str) -> None:
        os.write(self._file, text.encode())

    def ends(self, seconds: float = 60) -> int:
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(self.text)
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self._file)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        if not select.select([self._file], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._file, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def test_on_a_terminal_there_is_a_bar_and_reset_asks_first(env: Env, user: User) -> None:
    terminal = Terminal("bootstrap")
    assert terminal.ends() == 0
    assert "\x1b[" in terminal.text
    user.pip_installs()
    terminal = Terminal("reset")
    terminal.until("[y/N]")
    assert "mine 3.0" in terminal.text
    terminal.types("n\n")
    assert terminal.ends() == 3
    assert user.states() == ["bootstrap"]
    terminal = Terminal("reset")
    terminal.until("[y/N]")
    terminal.types("y\n")
    assert terminal.ends() == 0
    assert user.states() == ["reset", "bootstrap"]


def test_control_c_cancels(env: Env, user: User) -> None:
    env("bootstrap")
    with stalled_channel() as url:
        site = Path(os.environ["HPCHUB_ENVIRONMENTS"])
        site.write_text(site.read_text().replace(user.site.channels[0], url))
        terminal = Terminal("install", "extra")
        terminal.until("choosing packages")
        terminal.types("\x03")
        assert terminal.ends() == 3
    assert "as it was" in terminal.text
    assert user.states() == ["bootstrap"]
    terminal = Terminal("delete", "notebook")
    terminal.until("[y/N]")
    terminal.types("\x03")
    assert terminal.ends() == 3
    assert user.tool() == "one"


def test_korean_for_those_whose_terminal_is_korean(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert env("list").code == 0
    assert env("install", "extra").code == 1
