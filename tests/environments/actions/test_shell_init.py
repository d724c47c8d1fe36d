"""~/.bashrc: changed only when asked, one block, and taken away without a trace."""

import subprocess
from pathlib import Path

import pytest

from environments.command import main
from environments.command.shell import BEGIN, END, block, with_block, without_block
from environments.problems import Problem
from environments.site import load_site, own_name


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    site = tmp_path / "environments.toml"
    site.write_text(f'root = "{tmp_path}/it\'s {{user}}/.conda"\nchannels = ["file:///nowhere"]\n')
    monkeypatch.setenv("HPCHUB_ENVIRONMENTS", str(site))
    monkeypatch.setenv("HOME", str(home))
    return home


BLOCK = block(Path("/scratch/me/.conda/envs/notebook"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "export A=1\n",
        "export A=1",
        "a\r\nb\r\n",
        "한글\n",
        "a\n\n\n",
        "# >>> conda initialize >>>\n",
        "\f\v\n",
    ],
)
def test_the_block_comes_and_goes_without_a_trace(text: str) -> None:
    once = with_block(text, BLOCK)
    assert once.startswith(text)
    assert (once.count(BEGIN), once.count(END)) == (1, 1)
    assert without_block(with_block(once, BLOCK)) == text
    assert with_block(once, BLOCK) == once
    assert without_block(once) == text
    assert without_block(text) == text


def test_what_was_added_after_the_block_stays() -> None:
    text = with_block("before\n", BLOCK) + "after\n"
    assert without_block(text) == "before\nafter\n"
    other = block(Path("/elsewhere"))
    assert with_block(text, other) == f"before\n{other}after\n"


@pytest.mark.parametrize("cut", [f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", BLOCK + BLOCK])
def test_a_block_that_somebody_cut_is_left_alone(cut: str) -> None:
    for change in (lambda: with_block(cut, BLOCK), lambda: without_block(cut)):
        with pytest.raises(Problem):
            change()


def test_nothing_is_written_without_being_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shell-init"]) == 0
    assert BEGIN in capsys.readouterr().out
    assert not list(home.iterdir())
    assert main(["shell-init", "--remove"]) == 0
    assert not list(home.iterdir())


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(home: Path) -> None:
    real = home / "dotfiles"
    real.write_bytes(b"export A=1\n# \xff not UTF-8\n")
    real.chmod(0o640)
    (home / ".bashrc").symlink_to("dotfiles")
    assert main(["shell-init", "--write"]) == 0
    changed = real.read_bytes()
    assert changed.count(BEGIN.encode()) == 1
    assert main(["shell-init", "--write"]) == 0
    assert real.read_bytes() == changed
    assert (home / ".bashrc").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert main(["shell-init", "--remove"]) == 0
    assert real.read_bytes() == b"export A=1\n# \xff not UTF-8\n"
    assert sorted(path.name for path in home.iterdir()) == [".bashrc", "dotfiles"]


def test_a_shell_finds_the_environments_programs_once(home: Path) -> None:
    assert main(["shell-init", "--write"]) == 0
    source = '. ~/.bashrc; . ~/.bashrc; printf %s "$PATH"'
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin"}

    def path() -> str:
        return subprocess.run(
            ["bash", "--norc", "-euc", source], env=environ, capture_output=True, text=True, check=True
        ).stdout

    assert path() == "/usr/bin:/bin"
    folder = load_site().layout_of(own_name()).address("notebook") / "bin"
    folder.mkdir(parents=True)
    assert path() == f"{folder}:/usr/bin:/bin"


def test_no_home_no_change(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home / "none"))
    assert main(["shell-init", "--write"]) == 1
