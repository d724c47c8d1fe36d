"""IPyParallel's profile in the user's folder: made, brought up to date, and never over what is the user's."""

import sys
from pathlib import Path

import pytest
from traitlets.config.loader import PyFileConfigLoader

from environments.clusters import profile as profiles
from environments.site_profile import Profile
from tests.environments.actions.kit import tree

SITE = Profile(queue="gpu", options=("--gres=gpu:4",), minutes=30, engines_per_node=2)
NAMES = ("ipcluster_config.py", "ipcontroller_config.py", *profiles.MODULES)


def write(folder: Path, site: Profile = SITE) -> profiles.Outcome:
    return profiles.write(folder, profiles.files_of(site, "anna"))


@pytest.fixture(autouse=True)
def _own_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the profile's files import from their own folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".ipython" / "profile_slurm"


def test_it_is_made_for_its_user_alone_and_then_left_as_it_is(folder: Path) -> None:
    assert write(folder).kind == "made"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(tree(folder)) == sorted(NAMES)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write(folder).kind == "same"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_it_says_what_the_site_says(folder: Path) -> None:
    write(folder)
    config = PyFileConfigLoader("ipcluster_config.py", path=str(folder)).load_config()
    assert config.Cluster.engine_launcher_class == "hpchub_slurm_engines.SlurmEngines"
    assert (config.Cluster.n, config.Cluster.engine_timeout) == (4, 600)
    assert dict(config.SlurmEngineSetLauncher) == {"queue": "gpu", "timelimit": "30"}
    assert dict(config.SlurmEngines) == {
        "engines_per_node": 2,
        "cpus_per_engine": 1,
        "site_options": ["--gres=gpu:4"],
        "log_folder": "/scratch/anna/log",
    }


def test_the_controller_is_encrypted(folder: Path) -> None:
    write(folder)
    config = PyFileConfigLoader("ipcontroller_config.py", path=str(folder)).load_config()
    assert config.IPController.enable_curve is True
    assert config.IPController.ip
    again = PyFileConfigLoader("ipcontroller_config.py", path=str(folder)).load_config()
    assert len(config.Session.key) == 64
    assert config.Session.key != again.Session.key


def test_a_partition_of_another_name_is_what_slurm_is_asked_for(folder: Path) -> None:
    write(folder, Profile(queue="course", partition="mixed"))
    assert "queue = 'mixed'" in (folder / "ipcluster_config.py").read_text()


def test_a_change_of_the_site_reaches_it(folder: Path) -> None:
    write(folder)
    assert write(folder, Profile(queue="other")).kind == "updated"
    assert "queue = 'other'" in (folder / "ipcluster_config.py").read_text()


def test_a_file_that_went_is_written_again(folder: Path) -> None:
    write(folder)
    (folder / profiles.MODULES[0]).unlink()
    assert write(folder).kind == "updated"
    assert sorted(tree(folder)) == sorted(NAMES)


def test_an_empty_profile_that_ipython_made_is_filled(folder: Path) -> None:
    (folder / "startup").mkdir(parents=True)
    (folder / "startup" / "00-mine.py").write_text("mine = 1")
    assert write(folder).kind == "made"
    assert (folder / "startup" / "00-mine.py").read_text() == "mine = 1"


@pytest.mark.parametrize("name", [*NAMES, "ipcluster_config.json"])
def test_a_profile_of_the_users_own_is_not_touched(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / name).write_text("c.Cluster.n = 3  # mine\n")
    before = tree(folder)
    outcome = write(folder)
    assert (outcome.kind, outcome.foreign) == ("kept", (name,))
    assert tree(folder) == before


@pytest.mark.parametrize("name", NAMES)
def test_an_edited_file_of_ours_is_the_users_from_then_on(folder: Path, name: str) -> None:
    write(folder)
    with (folder / name).open("a") as file:
        file.write("c.Cluster.n = 3\n")
    before = tree(folder)
    outcome = write(folder, Profile(queue="other"))
    assert (outcome.kind, outcome.foreign) == ("kept", (name,))
    assert tree(folder) == before


def test_settings_beside_it_are_the_users_and_do_not_stop_an_update(folder: Path) -> None:
    write(folder)
    own = folder / "ipcluster_config.json"
    own.write_text('{"Cluster": {"n": 8}}')
    assert write(folder, Profile(queue="other")).kind == "updated"
    assert own.read_text() == '{"Cluster": {"n": 8}}'


def test_a_link_to_a_file_elsewhere_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    write(folder)
    elsewhere = tmp_path / "dotfiles.py"
    (folder / "ipcluster_config.py").rename(elsewhere)
    (folder / "ipcluster_config.py").symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert write(folder, Profile(queue="other")).kind == "kept"
    assert elsewhere.read_bytes() == before


def test_a_link_that_leads_nowhere_stays(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "ipcluster_config.py").symlink_to("/nowhere/at-all")
    assert write(folder).kind == "kept"
    assert (folder / "ipcluster_config.py").is_symlink()


def test_it_lies_where_ipython_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert profiles.folder_of(SITE, {}) == Path("/home/anna/.ipython/profile_slurm")
    assert profiles.folder_of(SITE, {"IPYTHONDIR": "/scratch/anna/ipy"}) == Path(
        "/scratch/anna/ipy/profile_slurm"
    )
    assert profiles.folder_of(SITE, {"IPYTHONDIR": "elsewhere"}).is_absolute()


def test_what_switches_it_on_is_written_last_and_nothing_is_written_into(folder: Path) -> None:
    assert list(profiles.files_of(SITE, "anna"))[-1] == "ipcluster_config.py"
    write(folder)
    before = (folder / "ipcluster_config.py").read_text()
    (folder.parent / "read").hardlink_to(folder / "ipcluster_config.py")  # as who reads it meanwhile
    write(folder, Profile(queue="other"))
    assert (folder.parent / "read").read_text() == before
