"""`hpchub env lock`: one solve by the administrator, from which everybody installs."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from rattler import LockFile

from environments import definitions, locking
from environments.checks_site import look
from environments.importing import parse
from environments.problems import Problem
from environments.site import Set, Site
from hpchub.findings import Finding, Level
from tests.environments.engine.tiny import Channel, tiny_channel
from tests.environments.files.kit import site

DEFINITION = "name: tools\nchannels: [conda-forge]\ndependencies:\n  - python\n  - tool >=1\n"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return tiny_channel(tmp_path / "channel")


@pytest.fixture
def here(tmp_path: Path, channel: Channel) -> Site:
    """Have a site with one set, nothing locked yet."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/tools.yml").write_text(DEFINITION)
    (tmp_path / "locks").mkdir()
    return site(
        channels=(channel.url,),
        public_channels={},
        sets=(Set(name="tools"),),
        definitions=tmp_path / "definitions",
        locks=tmp_path / "locks",
        platforms=("linux-64",),
        cuda={"gpu": "12.8"},
    )


def lock(here: Site, cuda: str = "", platform: str = "linux-64") -> Path:
    assert here.locks is not None
    out = here.locks / locking.lock_name("tools", platform, cuda)
    locking.lock(here, here.sets[0], platform, cuda, out, lambda said: None)
    return out


def test_what_is_locked_is_found_by_set_platform_and_cuda(here: Site) -> None:
    assert locking.lock_file(here, "tools", "linux-64") is None
    out = lock(here)
    assert locking.lock_file(here, "tools", "linux-64") == out
    assert locking.lock_file(here, "", "linux-64") == out
    assert locking.lock_file(here, "tools", "linux-64", "12.8") is None
    assert locking.lock_file(here, "tools", "linux-aarch64") is None
    assert lock(here, "12.8").name == "tools-linux-64-cuda12.8.lock"
    assert locking.lock_file(here, "tools", "linux-64", "12.8") is not None


def test_a_lock_file_is_rattlers_with_a_line_about_it(here: Site) -> None:
    out = lock(here)
    environment = LockFile.from_path(out).default_environment()
    assert environment is not None
    packages = environment.packages(environment.platforms()[0])
    assert packages is not None
    assert sorted(one.name for one in packages) == ["base", "python", "tool"]
    about = locking.about(out)
    assert (about["set"], about["platform"], about["cuda"], about["packages"]) == ("tools", "linux-64", "", 3)
    assert len(parse(out.read_text(), "lock", here).lock.splitlines()) == 5


def test_a_cuda_version_chooses_packages(here: Site) -> None:
    assert here.definitions is not None
    (here.definitions / "tools.yml").write_text("dependencies: [gpu]")
    assert locking.about(lock(here, "12.8"))["packages"] == 1
    with pytest.raises(Problem):
        lock(here)


def test_everything_that_the_site_names_is_planned(here: Site) -> None:
    plan = [(one.name, platform, cuda) for one, platform, cuda in locking.plan(here)]
    assert plan == [("tools", "linux-64", ""), ("tools", "linux-64", "12.8")]


def test_a_platform_that_the_channel_has_not_leaves_the_others_alone(here: Site) -> None:
    out = lock(here)
    before = out.read_bytes()
    with pytest.raises(Problem, match="No packages for linux-aarch64"):
        lock(here, platform="linux-aarch64")
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_failed_solve_leaves_the_old_lock_file(here: Site) -> None:
    out = lock(here)
    before = out.read_bytes()
    assert here.definitions is not None
    (here.definitions / "tools.yml").write_text("dependencies: [nosuchpackage]")
    with pytest.raises(Problem, match="nosuchpackage"):
        lock(here)
    assert out.read_bytes() == before


def test_a_lock_file_is_stale_once_its_definition_or_channels_change(here: Site) -> None:
    out = lock(here)
    chosen = here.sets[0]
    assert locking.is_fresh(here, chosen, "linux-64", "", out)
    assert not locking.is_fresh(here, chosen, "linux-64", "12.8", out)
    moved = here.model_copy(update={"channels": ("http://elsewhere.example/x",)})
    assert not locking.is_fresh(moved, chosen, "linux-64", "", out)
    assert here.definitions is not None
    (here.definitions / "tools.yml").write_text(f"# a comment changes nothing\n{DEFINITION}")
    assert locking.is_fresh(here, chosen, "linux-64", "", out)
    (here.definitions / "tools.yml").write_text(DEFINITION.replace(">=1", ">=2"))
    assert not locking.is_fresh(here, chosen, "linux-64", "", out)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies: [python, {pip: [six]}]", "pip"),
        ("dependencies: ['--yes']", "option"),
        ("dependencies: !!python/name:os.system [x]", "tag"),
        ("numpy", "environment.yml"),
    ],
)
def test_a_definition_that_cannot_be_locked_is_told(here: Site, text: str, said: str) -> None:
    assert here.definitions is not None
    (here.definitions / "tools.yml").write_text(text)
    with pytest.raises(Problem, match=said):
        definitions.read(here, here.sets[0])


def test_a_definition_is_the_sites_or_hpchubs_or_a_path(here: Site, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(DEFINITION)
    for name in ("tools", "tools.yml", str(tmp_path / "own.yml")):
        assert definitions.find(here, Set(name="x", definition=name)).is_file()
    assert definitions.find(here, Set(name="base")) == definitions.OWN / "base.yml"
    assert definitions.find(here, Set(name="x", definition="environments/base.yml")).name == "base.yml"
    with pytest.raises(Problem, match="nosuchset"):
        definitions.find(here, Set(name="nosuchset"))


def test_every_definition_that_comes_with_hpchub_can_be_read(here: Site) -> None:
    names = sorted(path.stem for path in definitions.OWN.glob("*.yml"))
    assert "base" in names
    for name in names:
        assert definitions.read(here, Set(name=name)).specs


def levels(found: Iterator[Finding]) -> dict[str, Level]:
    return {finding.check: finding.level for finding in found}


def test_the_doctor_tells_missing_stale_and_fresh_lock_files_apart(here: Site) -> None:
    lock(here)
    found = levels(look(here))
    assert found["lock tools-linux-64.lock"] is Level.OK
    assert found["lock tools-linux-64-cuda12.8.lock"] is Level.WARNING
    assert here.definitions is not None
    (here.definitions / "tools.yml").write_text("dependencies: [extra]")
    assert levels(look(here))["lock tools-linux-64.lock"] is Level.WARNING


@pytest.fixture
def served(channel: Channel) -> Iterator[str]:
    """Serve the channel over HTTP; return its address."""
    handler = partial(_Quiet, directory=str(channel.path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
        pass


def test_the_doctor_hears_whether_channels_answer(here: Site, served: str) -> None:
    gone = "http://127.0.0.1:9/x"
    found = levels(look(here.model_copy(update={"channels": (served, f"{served}/nosuch", gone)})))
    assert found[f"channel {served}"] is Level.OK
    assert found[f"channel {served}/nosuch"] is Level.FAULT
    assert found[f"channel {gone}"] is Level.FAULT
