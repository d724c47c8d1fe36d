"""Environments on the node: how one is entered, how all of them become kernels, and the user's settings."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import NoSuchKernel

from singleuser import LAUNCHER
from singleuser.kernels import MOST, EnvironmentKernels, Looks, folders_of, kernels_in
from singleuser.notebook_settings import Refused, apply_settings, chosen_interface, interface_of, kept, parse

ENTER = LAUNCHER.with_name("enter.sh")
SHOWN = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PATH", "PYTHONNOUSERSITE", "ACTIVATED")


def environment(prefix: Path, *packages: str) -> Path:
    """Make an environment whose Python is this one, and whose packages are empty but there."""
    (prefix / "bin").mkdir(parents=True)
    python = prefix / "bin" / "python3.11"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (prefix / "bin" / "python").symlink_to("python3.11")
    site_packages = prefix / "lib" / "python3.11" / "site-packages"
    site_packages.mkdir(parents=True)
    for package in packages:
        (site_packages / package).mkdir()
        (site_packages / package / "__init__.py").touch()
    return prefix


def entered(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", **variables}
    argv = ["/bin/bash", str(ENTER), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False, timeout=30)


class TestEnter:
    def test_a_command_finds_the_environment_around_it(self, tmp_path: Path) -> None:
        made = environment(tmp_path / "generations" / "x-00000001")
        (tmp_path / "link").symlink_to(made)
        done = entered(
            "x", tmp_path / "link", "@python@", "-c", f"import os; print(*map(os.environ.get, {SHOWN}))"
        )
        assert done.stdout.split() == [str(made), "x", f"{made}/bin:/usr/bin:/bin", "1", "None"]

    def test_words_stay_as_they_are(self, tmp_path: Path) -> None:
        made = environment(tmp_path / "x")
        words = ("a b", "$(id)", "*", "", "'")
        assert entered("x", made, "/usr/bin/printf", "%s|", *words).stdout == "|".join(words) + "|"

    def test_what_packages_do_on_activation_is_done_even_if_they_fail(self, tmp_path: Path) -> None:
        made = environment(tmp_path / "x")
        hooks = made / "etc" / "conda" / "activate.d"
        hooks.mkdir(parents=True)
        (hooks / "1.sh").write_text("echo $NOT_SET; false\n")
        (hooks / "2.sh").write_text("export ACTIVATED=yes\n")
        assert entered("x", made, "/usr/bin/printenv", "ACTIVATED").stdout.split() == ["yes"]

    def test_a_kernel_leaves_the_environment_of_its_server(self, tmp_path: Path) -> None:
        server, made = tmp_path / "server", environment(tmp_path / "x")
        path = f"{server}/bin:/usr/bin:/bin"
        done = entered(
            "x", made, "/usr/bin/printenv", "PATH", PATH=path, CONDA_PREFIX=str(server), PYTHONHOME="/no"
        )
        assert done.stdout.strip() == f"{made}/bin:/usr/bin:/bin"
        assert entered("x", made, "/usr/bin/printenv", "PYTHONHOME", PYTHONHOME="/no").stdout == ""

    def test_slurms_signals_reach_the_command_itself(self, tmp_path: Path) -> None:
        made = environment(tmp_path / "x")
        argv = ["/bin/bash", str(ENTER), "x", str(made), "/bin/sh", "-c", "echo $$"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.communicate(timeout=30)[0].strip() == str(process.pid)

    def test_what_lies_in_the_folder_that_we_are_in_is_no_server(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = environment(tmp_path / "x")
        (made / "bin" / "python3.11").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
        for package in ("jupyterhub", "jupyter_server"):
            (tmp_path / package).mkdir()
            (tmp_path / package / "__init__.py").touch()
        monkeypatch.chdir(tmp_path)
        assert entered("--server", "x", made, "/bin/true").returncode == 66

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ("rm -r x", "it is not there"),
            ("rm x/bin/python", "no Python in it"),
            ("echo 'exit 1' > x/bin/python3.11", "its Python does not start"),
        ],
    )
    def test_one_that_cannot_serve_is_named_with_the_reason(
        self, tmp_path: Path, broken: str, why: str
    ) -> None:
        environment(tmp_path / "x")
        subprocess.run(["sh", "-c", broken], cwd=tmp_path, check=True)
        done = entered("--server", "x", tmp_path / "x", "@python@", "-c", "print('started')")
        assert (done.returncode, done.stdout) == (66, "")
        assert why in done.stderr


class TestKernels:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        own = tmp_path / "envs"
        own.mkdir()
        shared = environment(tmp_path / "course", "ipykernel")
        told = {"own": str(own), "shared": {"course": str(shared), "away": str(tmp_path / "away")}}
        monkeypatch.setenv("HPCHUB_ENV_FOLDERS", json.dumps(told))
        return own

    def ours(self, manager: EnvironmentKernels) -> set[str]:
        return {name for name in manager.find_kernel_specs() if name.startswith("conda-")}

    def test_each_with_ipykernel_is_one_also_when_made_later(self, folder: Path) -> None:
        environment(folder / "plain")
        environment(folder / "Mine", "ipykernel")
        manager = EnvironmentKernels()
        assert self.ours(manager) == {"conda-env-Mine-py", "conda-shared-course-py"}
        environment(folder / "later", "ipykernel")
        assert "conda-env-later-py" in self.ours(manager)
        specs = manager.get_all_specs()
        assert specs["conda-env-Mine-py"]["spec"]["display_name"] == "Python 3.11 (Mine)"
        assert "python3" in specs

    def test_ipykernel_that_comes_or_goes_is_noticed(self, folder: Path) -> None:
        made = environment(folder / "x")
        manager = EnvironmentKernels()
        assert "conda-env-x-py" not in self.ours(manager)
        package = made / "lib" / "python3.11" / "site-packages" / "ipykernel"
        package.mkdir()
        (package / "__init__.py").touch()
        assert "conda-env-x-py" in self.ours(manager)
        (package / "__init__.py").unlink()
        package.rmdir()
        assert "conda-env-x-py" not in self.ours(manager)

    def test_a_kernel_is_entered_by_the_environments_address(self, folder: Path) -> None:
        environment(folder / "x", "ipykernel")
        argv = EnvironmentKernels().get_kernel_spec("conda-env-x-py").argv
        assert argv[:5] == ["/bin/bash", str(ENTER), "x", str(folder / "x"), "@python@"]
        assert argv[-2:] == ["-f", "{connection_file}"]

    def test_broken_ones_are_left_out(self, folder: Path) -> None:
        (folder / "gone").symlink_to("../generations/gone")
        (folder / "file").touch()
        (folder / "loop").symlink_to("loop")
        (folder / "no python").mkdir()
        (environment(folder / "noexec", "ipykernel") / "bin" / "python3.11").chmod(0o644)
        assert self.ours(EnvironmentKernels()) == {"conda-shared-course-py"}

    def test_one_that_is_gone_is_no_kernel_any_more(self, folder: Path) -> None:
        environment(folder / "x", "ipykernel")
        manager = EnvironmentKernels()
        assert "conda-env-x-py" in self.ours(manager)
        (folder / "x").rename(folder.parent / "away-x")
        with pytest.raises(NoSuchKernel):
            manager.get_kernel_spec("conda-env-x-py")

    def test_an_installed_kernel_of_the_same_name_is_the_stronger_one(
        self, folder: Path, tmp_path: Path
    ) -> None:
        environment(folder / "x", "ipykernel")
        installed = tmp_path / "kernels" / "conda-env-x-py"
        installed.mkdir(parents=True)
        (installed / "kernel.json").write_text(json.dumps({"argv": ["mine"], "display_name": "mine"}))
        manager = EnvironmentKernels(kernel_dirs=[str(installed.parent)])
        assert manager.get_kernel_spec("conda-env-x-py").argv == ["mine"]

    def test_an_environments_kernel_cannot_be_removed_from_it(self, folder: Path) -> None:
        made = environment(folder / "x", "ipykernel")
        with pytest.raises(KeyError):
            EnvironmentKernels().remove_kernel_spec("conda-env-x-py")
        assert (made / "lib" / "python3.11" / "site-packages" / "ipykernel").is_dir()

    def test_what_has_not_changed_is_not_looked_at_again(self, folder: Path) -> None:
        class Counting(Looks):
            count = 0

            @staticmethod
            def _look(packages: str, version: str) -> tuple[str, str] | None:
                Counting.count += 1
                return Looks._look(packages, version)

        environment(folder / "x", "ipykernel")
        looks, folders = Counting(), folders_of(os.environ["HPCHUB_ENV_FOLDERS"])
        for _ in range(3):
            assert len(kernels_in(folders, looks)) == 2
        assert Counting.count == 2

    def test_a_list_of_two_hundred_is_one_look_at_each(self, folder: Path) -> None:
        class Counting(Looks):
            count = 0

            def at(self, address: str) -> tuple[str, str] | None:
                self.count += 1
                return super().at(address)

        made = environment(folder / "first", "ipykernel")
        for number in range(200):
            (folder / f"course-{number:03}").symlink_to(made)
        manager = EnvironmentKernels()
        manager._looks = looks = Counting()
        specs = manager.get_all_specs()
        assert len([name for name in specs if name.startswith("conda-env-")]) == 201
        assert looks.count == 203  # the site's two as well

    def test_what_is_left_out_is_said_once(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        for number in range(MOST + 1):
            (folder / f"x-{number:04}").mkdir()
        manager = EnvironmentKernels()
        for _ in range(2):
            manager.get_all_specs()
        assert [one.getMessage() for one in caplog.records if "the others are no kernels" in one.message] == [
            "There are more than 500 environments; the others are no kernels."
        ]

    @pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"shared": 1}'])
    def test_without_folders_there_are_jupyters_own_alone(
        self, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.setenv("HPCHUB_ENV_FOLDERS", text)
        assert self.ours(EnvironmentKernels()) == set()


class TestSettings:
    def test_lines_that_are_none_are_named_and_have_no_effect(self) -> None:
        text = "# mine\n\nexport A=1\nB = 2\nJUPYTERHUB_API_TOKEN=x\nHPCHUB_PORTS=1-2\n"
        text += "C='x y'\nD='x\nE=$(id)\n1=2\n"
        settings, problems = parse(text)
        assert settings == {"A": "1", "C": "x y", "E": "$(id)"}
        assert [problem.split(":")[0] for problem in problems] == [
            "line 4",
            "line 5",
            "line 6",
            "line 8",
            "line 10",
        ]

    def test_the_users_file_reaches_the_server_and_the_hubs_words_stay(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(os, "environ", dict(os.environ, JUPYTERHUB_USER="anna", SECRET="x"))
        file = tmp_path / "notebook.env"
        file.write_text(
            "MINE=1\nJUPYTERHUB_USER=root\nJUPYTER_ENV_VARS_TO_UNSET=SECRET,JUPYTERHUB_USER\nNB_UMASK=0027\n"
        )
        before = os.umask(0o077)
        try:
            apply_settings(file)
            (tmp_path / "new").touch()
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
        assert (os.environ["MINE"], os.environ["JUPYTERHUB_USER"]) == ("1", "anna")
        assert "SECRET" not in os.environ
        assert "JUPYTERHUB_USER is for the hub to set; it has no effect" in capfd.readouterr().err

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"A=1\n" * 20_000])
    def test_a_file_that_is_none_changes_nothing(
        self, tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "notebook.env"
        file.write_bytes(content)
        apply_settings(file)
        assert "A" not in os.environ
        assert str(file) in capfd.readouterr().err

    def test_nobody_says_what_the_hub_says(self, capfd: pytest.CaptureFixture[str]) -> None:
        ours = ["--ServerApp.port=7", "--LabApp.news_url=None"]
        words = "--debug --port=1 --ServerApp.ip 0.0.0.0 --news-url x --NotebookApp.base_url=/x"
        words += " --Other.trait='a b' file"
        assert kept(words, ours) == ["--debug", "--Other.trait=a b", "file"]
        assert capfd.readouterr().err.count("is for the hub to say") == 4
        assert kept("'", ours) == []

    def test_the_interface_that_the_user_knows_by_name(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert interface_of("lab") == ("/lab", {})
        assert interface_of("notebook") == ("/tree", {})
        assert interface_of("server")[1] == {"jupyterlab": False, "notebook": False, "nbclassic": False}
        with pytest.raises(Refused):
            interface_of("vim")
        assert chosen_interface({}) == ("", {})
        assert chosen_interface({"DOCKER_STACKS_JUPYTER_CMD": "vim"}) == ("", {})
        assert "none of lab, notebook, nbclassic and server" in capfd.readouterr().err
