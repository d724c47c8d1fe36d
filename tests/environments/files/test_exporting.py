"""What comes out of an environment goes in again, here and elsewhere, and takes no secret along."""

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from environments.conda_meta import pip_packages, records, without_secrets
from environments.explicit import listed
from environments.exporting import export
from environments.importing import parse
from environments.problems import Problem
from tests.environments.files.kit import MIRROR, OWN, PUBLIC, Prefix, notebook, site

SITE = site()


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return notebook(tmp_path / "nb")


def packages_of(prefix: Path) -> set[str]:
    return {f"{one.name}={one.version}={one.build}" for one in records(prefix)}


@pytest.mark.parametrize("here", [SITE, None])
def test_the_same_packages_come_back_from_an_environment_yml(prefix: Prefix, here: object) -> None:
    text = export(prefix.path, "yml", site=SITE if here else None)
    read = parse(text, "yml", SITE)
    assert set(read.specs) == packages_of(prefix.path)
    assert read.channels == (MIRROR, OWN)
    assert read.name == "nb"


@pytest.mark.parametrize("kind", ["explicit", "lock"])
@pytest.mark.parametrize("here", [SITE, None])
def test_the_same_files_come_back_from_a_list(prefix: Prefix, kind: str, here: object) -> None:
    text = export(prefix.path, kind, site=SITE if here else None)
    read = parse(text, kind, SITE)
    assert {one.url for one in listed(read.lock)} == {one.url for one in records(prefix.path)}
    assert {one.md5 for one in listed(read.lock)} == {one.md5 for one in records(prefix.path)}
    assert (PUBLIC in text) is bool(here)
    assert (MIRROR in text) is not bool(here)


def test_what_was_asked_for_is_enough_to_choose_anew(prefix: Prefix) -> None:
    document = yaml.safe_load(export(prefix.path, "requested", site=SITE))
    assert document["dependencies"] == ["jupyterlab", "numpy", "python >=3.11"]
    assert document["channels"] == ["conda-forge", OWN]


def test_an_environment_of_condas_says_what_was_asked_for_in_its_own_way(tmp_path: Path) -> None:
    prefix = Prefix(tmp_path / "x")
    prefix.add("a", "1", requested_spec="a=1")
    prefix.add("b", "1", requested_spec="None")
    assert yaml.safe_load(export(prefix.path, "requested"))["dependencies"] == ["a=1"]


def test_the_history_knows_what_was_asked_for(prefix: Prefix) -> None:
    (prefix.path / "conda-meta/history").write_text(
        "==> 2026-01-01 10:00:00 <==\n# cmd: hpchub env\n+conda-forge/linux-64::python-3.11.9-h1_0_cpython\n"
        f"# update specs: ['python =3.11', '{MIRROR}::numpy', 'gone']\n"
    )
    text = export(prefix.path, "requested", site=SITE)
    assert yaml.safe_load(text)["dependencies"] == ["python =3.11", "conda-forge::numpy"]
    assert parse(text, "yml", SITE).specs == ("python =3.11", f"{MIRROR}::numpy")


def test_packages_of_pip_are_told_and_come_back(prefix: Prefix) -> None:
    prefix.pip("seaborn", "0.13.2")
    prefix.pip(
        "tool", "1.0", {"url": "https://me:pw@git.example/t", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}}
    )
    prefix.pip("wheel_only", "2.0", {"url": "https://files.example/w-2.0.whl", "archive_info": {}})
    prefix.pip("mine", "0.1", {"url": "file:///home/anna/mine", "dir_info": {"editable": True}})
    text = export(prefix.path, "yml")
    read = parse(text, "yml", SITE)
    assert read.pip == (
        "seaborn==0.13.2",
        "tool @ git+https://git.example/t@0a1b",
        "wheel_only @ https://files.example/w-2.0.whl",
    )
    assert "# mine 0.1 was installed from a folder" in text
    assert "pw" not in text
    assert "seaborn 0.13.2" in export(prefix.path, "explicit")


def test_a_package_that_conda_installed_is_not_one_of_pips(prefix: Prefix) -> None:
    prefix.pip("numpy", "2.1.3")
    (prefix.path / "lib/python3.11/site-packages/numpy-2.1.3.dist-info/INSTALLER").write_text("conda")
    assert pip_packages(prefix.path) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"{OWN}/linux-64/a-1-0.conda", f"{OWN}/linux-64/a-1-0.conda"),
        ("https://me:pw@h/c/noarch/a-1-0.conda", "https://h/c/noarch/a-1-0.conda"),
        ("https://h/t/tk-123/c/noarch/a-1-0.conda", "https://h/c/noarch/a-1-0.conda"),
        ("https://h/c/noarch/a-1-0.conda?token=x#y", "https://h/c/noarch/a-1-0.conda"),
        ("file:///srv/c/noarch/a-1-0.conda", "file:///srv/c/noarch/a-1-0.conda"),
    ],
)
def test_an_address_is_told_without_what_was_secret_in_it(url: str, told: str) -> None:
    assert without_secrets(url) == told


@pytest.mark.parametrize("kind", ["yml", "requested", "explicit", "lock"])
def test_no_format_tells_a_token(prefix: Prefix, kind: str) -> None:
    prefix.add("secretive", "1", channel="https://me:canary1@repo.example/t/canary2/x")
    text = export(prefix.path, kind, site=SITE)
    assert "repo.example" in text
    assert "canary" not in text


@pytest.mark.parametrize("kind", ["explicit", "lock"])
def test_a_package_of_unknown_origin_is_named(prefix: Prefix, kind: str) -> None:
    prefix.add("handmade", "1", url="")
    with pytest.raises(Problem, match="handmade"):
        export(prefix.path, kind)
    assert "handmade=1=0" in export(prefix.path, "yml")


@pytest.mark.parametrize(
    "about",
    [{"name": "a\n- evil"}, {"version": "1\n"}, {"build": "x y"}, {"name": None}, {"name": ["a"]}],
)
def test_a_record_that_is_no_record_is_told_by_its_file(prefix: Prefix, about: dict[str, object]) -> None:
    prefix.add("odd", "1")
    path = prefix.path / "conda-meta/odd-1-0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **about}))
    with pytest.raises(Problem, match=r"odd-1-0\.json"):
        export(prefix.path, "yml")


def test_a_record_that_is_cut_short_is_told(prefix: Prefix) -> None:
    (prefix.path / "conda-meta/cut-1-0.json").write_text('{"name": "cut", "vers')
    with pytest.raises(Problem, match=r"cut-1-0\.json.*Reset"):
        export(prefix.path, "yml")


def test_an_address_with_a_line_in_it_is_no_address(prefix: Prefix) -> None:
    prefix.add("odd", "1", url=f"{OWN}/linux-64/odd-1-0.conda\nhttps://evil.example/x")
    with pytest.raises(Problem, match="odd"):
        export(prefix.path, "explicit")


def test_a_folder_that_is_no_environment_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no packages"):
        export(tmp_path, "yml")
    with pytest.raises(Problem, match="yml, requested, explicit, lock"):
        export(tmp_path, "zip")


def test_our_own_marks_are_no_package(prefix: Prefix) -> None:
    (prefix.path / "conda-meta/hpchub").write_text(json.dumps({"engine": "rattler"}))
    assert len(records(prefix.path)) == 5


def test_a_name_that_cannot_be_read_back_is_not_written(prefix: Prefix) -> None:
    assert yaml.safe_load(export(prefix.path, "yml", "../../x"))["name"] == "notebook"


WORDS = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,12}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9a-z]{1,4}){0,3}", fullmatch=True)


@given(st.dictionaries(WORDS, st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=6))
def test_whatever_is_installed_comes_back(
    tmp_path_factory: pytest.TempPathFactory, packages: dict[str, tuple[str, str]]
) -> None:
    prefix = Prefix(tmp_path_factory.mktemp("any") / "x")
    for name, (version, build) in packages.items():
        prefix.add(name, version, build)
    assert set(parse(export(prefix.path, "yml", site=SITE), "yml", SITE).specs) == packages_of(prefix.path)
    read = listed(parse(export(prefix.path, "explicit", site=SITE), "explicit", SITE).lock)
    assert {one.url for one in read} == {one.url for one in records(prefix.path)}
    assert all(dataclasses.asdict(one)["md5"] for one in read)
