"""The three scripts of the login node, run by an ordinary account, with and without a terminal."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.environments.engine.tiny import PYTHON, tiny_channel

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
ACCOUNT = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
BASE = Path(sys.prefix).parent / "channel"


@dataclass
class Login:
    """An ordinary account at a login node, with a home of its own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> Path:
        return self.folder / ACCOUNT / ".conda" / "envs" / "notebook"

    def write_site(self, channel: str, definition: str, plugins: str) -> None:
        (self.folder / "definitions").mkdir(exist_ok=True)
        (self.folder / "definitions" / "small.yml").write_text(definition)
        (self.folder / "environments.toml").write_text(
            f'root = "{self.folder}/{{user}}/.conda"\nchannels = ["{channel}"]\nplatform = "linux-64"\n'
            f'definitions = "{self.folder}/definitions"\nleast_free_mb = 0\n'
            f'[[sets]]\nname = "small"\n[plugins]\nspecs = [{plugins}]\n'
        )

    def runs(self, script: str, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SCRIPTS / script, *words],
            user=ACCOUNT if os.getuid() == 0 else None,
            env={
                "HOME": str(self.home),
                "PATH": "/usr/bin:/bin",
                "HPCHUB_PYTHON": sys.executable,
                "HPCHUB_ENVIRONMENTS": str(self.folder / "environments.toml"),
                **environ,
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )


def _quick_folder() -> str | None:
    """Return a folder in memory, if one is large and lets programs run: the base set is many files."""
    try:
        there = os.statvfs("/dev/shm")
    except OSError:
        return None
    large = there.f_bavail * there.f_frsize > 3 << 30
    return "/dev/shm" if large and not there.f_flag & os.ST_NOEXEC else None


@pytest.fixture
def login() -> Iterator[Login]:
    # Not below pytest's folder, which others may not enter.
    folder = Path(tempfile.mkdtemp(prefix="hpchub-login-", dir=_quick_folder()))
    folder.chmod(0o755)
    login = Login(folder)
    for path in (login.home, folder / ACCOUNT):
        path.mkdir()
        if os.getuid() == 0:
            shutil.chown(path, ACCOUNT)
    channel = tiny_channel(folder / "channel")
    channel.add("python", "3.11.1", {"bin/python": PYTHON, "lib/python3.11/LICENSE.txt": "a license"})
    login.write_site(channel.url, "dependencies: [python, tool=1.0]\n", '"extra"')
    yield login
    shutil.rmtree(folder)


def test_the_three_scripts_do_their_work_and_leave_bashrc_alone(login: Login) -> None:
    made = login.runs("bootstrap_env.sh")
    assert made.returncode == 0, made.stderr
    assert "3 packages" in made.stdout
    assert "--shell-init" in made.stderr
    added = login.runs("install_plugins.sh")
    assert added.returncode == 0, added.stderr
    assert (login.environment / "share" / "extra.txt").is_file()
    anew = login.runs("reset_env.sh", "--yes")
    assert anew.returncode == 0, anew.stderr
    assert not (login.environment / "share" / "extra.txt").exists()
    assert not (login.home / ".bashrc").exists()
    assert (login.environment / "conda-meta").stat().st_uid == pwd.getpwnam(ACCOUNT).pw_uid


def test_bashrc_is_changed_when_asked_and_changed_back(login: Login) -> None:
    bashrc = login.home / ".bashrc"
    bashrc.write_text("export A=1")
    if os.getuid() == 0:
        shutil.chown(bashrc, ACCOUNT)
    assert login.runs("bootstrap_env.sh", "--shell-init").returncode == 0
    once = bashrc.read_text()
    assert str(login.environment / "bin") in once
    assert login.runs("bootstrap_env.sh", "--shell-init").returncode == 0
    assert bashrc.read_text() == once
    assert login.runs("reset_env.sh", "--remove-shell-init").returncode == 0
    assert bashrc.read_text() == "export A=1"


def test_exit_codes_and_help(login: Login) -> None:
    for script in ("bootstrap_env.sh", "install_plugins.sh", "reset_env.sh"):
        told = login.runs(script, "--help")
        assert (told.returncode, "exit codes" in told.stdout) == (0, True)
        assert login.runs(script, "--fly").returncode == 2
    assert login.runs("install_plugins.sh").returncode == 1
    # Nobody can be asked without a terminal.
    assert login.runs("reset_env.sh").returncode == 2
    lost = login.runs("bootstrap_env.sh", HPCHUB_PYTHON="/nonexistent")
    assert lost.returncode == 1
    assert "HPCHUB_PYTHON" in lost.stderr


def test_a_script_is_found_through_a_link(login: Login) -> None:
    link = login.folder / "bootstrap"
    link.symlink_to(SCRIPTS / "bootstrap_env.sh")
    told = subprocess.run(
        [link, "--help"], env={"HPCHUB_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}, capture_output=True
    )
    assert told.returncode == 0, told.stderr


def test_the_base_set_is_a_notebook_environment(login: Login) -> None:
    if not (BASE / "linux-64" / "repodata.json").is_file():
        pytest.skip(f"{BASE} is not made yet; python -m demo channel makes it")
    base = (SCRIPTS.parent / "environments" / "base.yml").read_text()
    login.write_site(BASE.as_uri(), base, '"numpy"')
    made = login.runs("bootstrap_env.sh")
    assert made.returncode == 0, made.stderr
    server = [login.environment / "bin" / "jupyterhub-singleuser", "--version"]
    assert subprocess.run(server, capture_output=True, check=True, env={"HOME": "/nonexistent"}).stdout
    # What the set has already is not installed again.
    assert "Nothing to do" in login.runs("install_plugins.sh").stdout
