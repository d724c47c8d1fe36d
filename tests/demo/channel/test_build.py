"""A channel is made of wheels and this machine's Python, and environments are made from it."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.channel import serve
from demo.channel.build import Contents, Places, build, ensure, is_ready
from demo.channel.fetching import FetchError, fetch
from demo.settings import default_venv
from tests.demo.channel.made import extra_words, greeter, installed, polite
from tests.ports import free_port

CONTENTS = Contents({"one": ("greeter",), "two": ("polite==1.0",)}, {"hello": ("greeter", "polite")})


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have pip know the wheels of one folder, and nothing else."""
    folder = tmp_path_factory.mktemp("index")
    for make in (greeter, polite, extra_words, functools.partial(polite, version="2.0")):
        make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        yield folder


@pytest.fixture(scope="module")
def places(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("places")
    made = Places(folder / "channel", folder / "wheels")
    # What a killed attempt left.
    (folder / "channel.new" / "noarch").mkdir(parents=True)
    (folder / "channel.new" / "noarch" / "half.conda").touch()
    told: list[str] = []
    ensure(made, told.append, CONTENTS)
    ensure(made, told.append, CONTENTS)
    assert told == [f"making the conda channel {made.channel}"]
    return made


@pytest.fixture(scope="module")
def prefix(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("environments") / "first"
    packages = installed(places.channel, prefix, "hello")
    # polite in the newest version, and what greeter asks for through polite's extra.
    assert [one for one in packages if not one.startswith("python=")] == [
        "extra-words=1.0",
        "greeter=1.0",
        "hello=1.0",
        "polite=2.0",
    ]
    return prefix


def run(*argv: str | Path) -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_everybody_can_read_the_channel_and_nothing_of_an_attempt_is_left(places: Places) -> None:
    assert sorted(path.name for path in places.channel.parent.iterdir()) == [
        "channel",
        "channel.lock",
        "wheels",
    ]
    for path in (places.channel, *places.channel.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)
    assert not list(places.channel.rglob("half*"))


def test_commands_of_an_environment_run_and_know_where_they_are(prefix: Path) -> None:
    assert run(prefix / "bin" / "greet") == "hello Anna"
    assert run(prefix / "bin" / "ask") == "please"
    assert run(prefix / "bin" / "greet-script") == str(prefix)


def test_its_python_finds_and_installs_packages_where_everybody_does(prefix: Path) -> None:
    site = f"{prefix}/lib/python3.11/site-packages"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    assert run(prefix / "bin" / "python", "-I", "-c", code) == site
    standard = (
        "import ssl, sqlite3, ctypes, lzma, bz2, curses, readline, uuid, decimal, zoneinfo, venv, ensurepip"
    )
    run(prefix / "bin" / "python", "-I", "-c", standard)


def test_pip_can_remove_what_conda_installed(prefix: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    run("cp", "-a", prefix, copy)
    removed = [sys.executable, "-m", "pip", f"--python={copy}/bin/python", "uninstall", "--yes", "greeter"]
    run(*removed)
    assert not [path for path in copy.rglob("*greet*") if "conda-meta" not in path.parts]


def test_only_what_is_new_is_converted_when_the_channel_is_made_again(places: Places, index: Path) -> None:
    before = {path.name: path.stat().st_ino for path in places.channel.rglob("*.conda")}
    more = Contents({**CONTENTS.selections, "three": ("polite==2.0",)}, {})
    assert not is_ready(places, more)
    ensure(places, lambda _: None, more)
    after = {path.name: path.stat().st_ino for path in places.channel.rglob("*.conda")}
    assert set(before) - set(after) == {name for name in before if name.startswith("hello-")}
    assert {name: node for name, node in after.items() if name in before}.items() <= before.items()


def test_wheels_are_fetched_once(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selections = {"one": ("polite==1.0",)}
    (first,) = fetch(tmp_path, selections)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert fetch(tmp_path, selections) == [first]
    with pytest.raises(FetchError, match=r"(?s)pip could not fetch wheels.*greeter"):
        fetch(tmp_path, {"one": ("greeter",)})
    first.unlink()
    with pytest.raises(FetchError):
        fetch(tmp_path, selections)


def test_without_anything_to_begin_with_there_is_python(tmp_path: Path) -> None:
    build(tmp_path / "channel", [])
    (only,) = (tmp_path / "channel").rglob("*.conda")
    assert only.name.startswith("python-3.11.")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def address(places: Places) -> Iterator[str]:
    port = free_port()
    program = Path(serve.__file__)
    server = subprocess.Popen(
        [sys.executable, "-I", str(program), str(port), str(places.channel)], stderr=subprocess.PIPE
    )
    try:
        while not _answers(port):
            assert server.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=10)


def test_the_channel_is_served_and_nothing_beside_it(address: str, places: Places) -> None:
    with urllib.request.urlopen(f"{address}/noarch/repodata.json", timeout=10) as answer:
        assert answer.read() == (places.channel / "noarch" / "repodata.json").read_bytes()
    for path in ("/../wheels/", "/%2e%2e/wheels/", "/noarch/none.conda"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{address}{path}", timeout=10)
        assert refusal.value.code == 404


def test_the_set_that_the_demo_offers_can_be_solved_with_the_demo_s_channel() -> None:
    from environments.environment_yml import read_yml

    definition = Path(__file__).resolve().parents[3] / "environments" / "base.yml"
    specs = read_yml(definition.read_text(encoding="utf-8")).specs
    channel = default_venv().parent / "channel"
    assert channel.is_dir(), "demo/install.sh makes it"
    packages = installed(channel, None, *specs, "tensorboard", "ipyparallel")
    assert {one.partition("=")[0] for one in packages} >= {
        "jupyterhub-base",
        "jupyterlab",
        "notebook",
        "numpy",
    }
