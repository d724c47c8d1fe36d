"""'Take it with me': files that other programs read, made of names that anybody may have chosen."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from environments.problems import Problem
from environments.takeaway import Takeaway, files, take
from environments.workspace import inventory
from tests.environments.files.kit import OWN, PUBLIC, Prefix, notebook, site

SITE = site()


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return notebook(tmp_path / "nb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work space"
    (folder / "data").mkdir(parents=True)
    (folder / "a.ipynb").write_text("{}")
    (folder / "data/#1;x.csv").write_text("1,2\n")
    return folder


def told(taken: Takeaway) -> str:
    return "\n".join(str(note) for note in taken.notes)


def beside(program: str) -> str:
    """Return a program of the tests' own Python."""
    found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{program} is not installed; it is one of the packages for development"
    return found


@pytest.mark.parametrize("with_pip", [True, False])
def test_a_linter_and_composes_own_schema_find_nothing(
    prefix: Prefix, folder: Path, tmp_path: Path, *, with_pip: bool
) -> None:
    if with_pip:
        prefix.pip("seaborn", "0.13.2")
    taken = files(prefix.path, folder, SITE)
    for name in ("Dockerfile", "compose.yaml"):
        (tmp_path / name).write_text(taken[name])
    lint = subprocess.run(
        [beside("hadolint"), "--no-color", "--failure-threshold=style", tmp_path / "Dockerfile"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (lint.returncode, lint.stdout) == (0, "")
    schema = subprocess.run(
        [beside("check-jsonschema"), "--builtin-schema=vendor.compose-spec", tmp_path / "compose.yaml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert schema.returncode == 0, schema.stdout


def test_the_container_is_nobodys_root_and_open_to_this_machine_alone(prefix: Prefix, folder: Path) -> None:
    taken = files(prefix.path, folder, SITE)
    lines = taken["Dockerfile"].splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER $MAMBA_USER"]
    assert f"FROM {SITE.takeaway_image}" in lines
    assert ":latest" not in taken["Dockerfile"]
    service = yaml.safe_load(taken["compose.yaml"])["services"]["notebook"]
    assert service["ports"] == ["127.0.0.1:8888:8888"]
    assert service["cap_drop"] == ["ALL"]
    assert service["platform"] == "linux/amd64"


def test_every_package_is_pinned_by_its_public_address_and_hash(prefix: Prefix, folder: Path) -> None:
    lock = files(prefix.path, folder, SITE)["conda-linux-64.lock"]
    packages = [line for line in lock.splitlines() if line.startswith("http")]
    assert len(packages) == 5
    assert all(len(line.partition("#")[2]) == 32 for line in packages)
    assert sum(line.startswith(f"{PUBLIC}/") for line in packages) == 4


def test_the_server_that_is_there_is_started(prefix: Prefix, folder: Path, tmp_path: Path) -> None:
    assert 'CMD ["jupyter", "lab", ' in files(prefix.path, folder, SITE)["Dockerfile"]
    bare = Prefix(tmp_path / "bare")
    bare.add("python", "3.11.9")
    taken = take(bare.path, folder, SITE)
    assert 'CMD ["python"]' in taken.files["Dockerfile"]
    assert "no notebook server" in told(taken)


def test_an_environment_for_arm_runs_on_arm(tmp_path: Path, folder: Path) -> None:
    prefix = Prefix(tmp_path / "arm")
    prefix.add("python", "3.11.9", subdir="linux-aarch64")
    taken = files(prefix.path, folder, SITE)
    assert "conda-linux-aarch64.lock" in taken
    assert yaml.safe_load(taken["compose.yaml"])["services"]["notebook"]["platform"] == "linux/arm64"


def test_what_cannot_be_taken_is_said_plainly(prefix: Prefix, folder: Path) -> None:
    prefix.add("pytorch", "2.5.1", "cuda126_py311_0")
    prefix.pip("seaborn", "0.13.2")
    prefix.pip("mine", "0.1", {"url": "file:///home/anna/mine", "dir_info": {}})
    taken = take(prefix.path, folder, SITE)
    said = told(taken)
    assert "GPU drivers stay here" in said
    assert "pytorch" in said
    assert OWN in said
    assert "local-tools-1.0-0.conda" in said
    assert "seaborn 0.13.2" in said
    assert "mine 0.1 (file:///home/anna/mine)" in said
    assert all(str(note) in taken.files["README.md"] for note in taken.notes)
    assert taken.files["requirements.txt"] == "seaborn==0.13.2\n"


def test_files_with_the_names_of_secrets_stay(prefix: Prefix, folder: Path) -> None:
    (folder / ".ssh").mkdir()
    (folder / ".ssh/id_ed25519").write_text("canary")
    for name in (".env", "api_token.txt", "server.key", ".netrc", "AWS_Credentials.csv"):
        (folder / name).write_text("canary")
    taken = take(prefix.path, folder, SITE)
    assert taken.files["files.txt"].splitlines() == ["./a.ipynb", "./data/#1;x.csv"]
    assert ".ssh" in told(taken)
    assert "api_token.txt" in told(taken)
    assert "canary" not in json.dumps(taken.files)


def test_links_out_of_the_folder_and_odd_names_stay(prefix: Prefix, folder: Path) -> None:
    (folder / "elsewhere").symlink_to("/etc/passwd")
    (folder / "all").symlink_to("/")
    os.mkfifo(folder / "pipe")
    (folder / "two\nlines").write_text("x")
    (folder / os.fsdecode(b"caf\xe9")).write_text("x")
    found = inventory(folder)
    assert [name for name, _size in found.files] == ["a.ipynb", "data/#1;x.csv"]
    assert len(found.odd) == 5
    assert take(prefix.path, folder, SITE).files["files.txt"] == "./a.ipynb\n./data/#1;x.csv\n"


def test_a_huge_folder_is_not_walked_to_its_end(folder: Path) -> None:
    for number in range(20):
        (folder / f"{number}").touch()
    found = inventory(folder, most=10)
    assert found.more
    assert len(found.files) <= 10


@pytest.mark.parametrize(
    "name",
    ["My Env", "x\nRUN id", "x`id`", "$(id)", "${HOME}", "--x", "노트북", "a" * 300, "x: {y: z}", "'", '"'],
)
def test_hostile_names_stay_words(prefix: Prefix, folder: Path, name: str) -> None:
    odd = folder / name.replace("/", "_")[:200]
    odd.mkdir()
    (odd / "$(id)`x`.ipynb").write_text("{}")
    taken = take(prefix.path, odd, SITE, name=name).files
    usual = take(prefix.path, folder, SITE, name="usual").files
    assert taken["Dockerfile"] == usual["Dockerfile"]
    document = yaml.safe_load(taken["compose.yaml"])
    assert document["services"].keys() == {"notebook"}
    assert set(document["name"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert "$" not in taken["compose.yaml"]
    commands = [line for line in taken["README.md"].splitlines() if line.lstrip().startswith("rsync")]
    assert len(commands) == 1
    assert taken["files.txt"] == "./$(id)`x`.ipynb\n"


def test_a_hostile_package_of_pips_is_no_option(prefix: Prefix, folder: Path) -> None:
    prefix.pip("evil", "1 --index-url=http://evil.example")
    prefix.pip("git", "1", {"url": "https://x/\n--index-url=http://evil.example", "archive_info": {}})
    for name, commit in (("words", "0a --index-url=http://evil.example"), ("lines", "0a\n-r/etc/passwd")):
        vcs = {"vcs": "git", "commit_id": commit}
        prefix.pip(name, "1", {"url": "https://git.example/x", "vcs_info": vcs})
    taken = take(prefix.path, folder, SITE)
    assert taken.files["requirements.txt"] == "git==1\n"
    assert "by hand: lines 1" in told(taken)


def test_a_folder_that_is_not_there_is_told(prefix: Prefix, folder: Path) -> None:
    with pytest.raises(Problem, match="none"):
        take(prefix.path, folder / "none", SITE)
