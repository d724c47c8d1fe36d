"""Packages that people name: what is taken means to rattler what it says, and nothing is done by a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

from environments import specs
from environments.problems import Problem
from tests.environments.files.kit import MIRROR, OWN, site

SITE = site()

TAKEN = (
    "numpy",
    "numpy=2",
    "numpy=2.1",
    "numpy==2.1.3",
    "numpy>=2,<3",
    "numpy >=2,<3",
    "numpy 2.1.*",
    "numpy=2.1.3=py311h_1",
    "numpy==2.1.3=py311h_1",
    "numpy 2.1.3 py311h_1",
    "numpy >=2 py311*",
    "python !=3.12.0",
    "python~=3.11",
    "numpy=1.26|2.*",
    "r-base",
    "_libgcc_mutex",
    "pytorch=*=*cuda*",
    "pytorch[version='>=2',build='cuda*']",
    "pytorch[build_number=1]",
    "conda-forge::numpy",
    "own::tool=1",
    f"{OWN}::tool",
    "numpy 2.1.3",
    "tzdata 2025b",
    "openssl 3!1.0",
    "a 1.0+cpu",
    "pytorch>=1.12=*cuda*",
    "pandas = 1.2.*",
    "python>=3.8, <3.11",
    "libblas * *openblas",
    "python=3.8.*=*_cpython",
    "python>=3.10,<3.13.0a0",
    "cudatoolkit=11.3.*|11.4.*",
    "gxx_linux-64 >= 1.2",
)
HOSTILE = (
    "",
    " ",
    "-n",
    "--channel=http://evil",
    "--yes",
    "numpy --yes",
    "-c evil numpy",
    "numpy;id",
    "numpy\nscipy",
    "numpy\x00",
    "$(id)",
    "`id`",
    "../x",
    "/etc/passwd",
    "~/x",
    "./a.conda",
    "a/b",
    "https://evil/x-1-0.conda",
    "file:///x-1-0.conda",
    "evil::numpy",
    "::numpy",
    "https://evil/c::numpy",
    "numpy[url='https://evil/x-1-0.conda']",
    "numpy[channel=evil]",
    "numpy[channel='evil']",
    "numpy[md5=0]",
    "numpy[fn='x']",
    "numpy[subdir=win-64]",
    "numpy[]",
    "numpy[version=']",
    "numpy @ https://evil/x",
    "numpy[extra]",
    "numpy; python_version<'3'",
    "git+https://evil/x",
    "^num.*$",
    "numpy=^2.*$",
    "*",
    "numpy=",
    "numpy=2=",
    "numpy>=",
    "numpy>=2,",
    "numpy\u202e",
    "nümpy",
    "numpy==",
    "a" * 201,
)


@pytest.mark.parametrize("spec", TAKEN)
def test_a_package_is_taken_as_rattler_reads_it(spec: str) -> None:
    specs.check_spec(spec, SITE)
    (resolved,) = specs.resolved([spec], SITE)
    read = MatchSpec(resolved)
    assert read.name is not None
    assert read.name.normalized == specs.package_of(spec)


@pytest.mark.parametrize("spec", HOSTILE)
def test_what_is_no_package_is_refused_and_shown_harmlessly(spec: str) -> None:
    with pytest.raises(Problem) as caught:
        specs.check_spec(spec, SITE)
    assert str(caught.value.sentence).isprintable()
    assert len(str(caught.value.sentence)) < 400


PIECES = st.sampled_from(
    [
        "numpy",
        "r-base",
        "=",
        "==",
        ">=",
        "<",
        ",",
        "|",
        "2",
        "1.0",
        "*",
        "py311_0",
        " ",
        "[",
        "]",
        "version=",
        "'",
        "build=",
        "::",
        "conda-forge",
        "-",
        "--yes",
        "/",
        "!",
        "~",
        "\n",
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=30))
def test_whatever_is_taken_is_one_package_of_a_channel_of_the_site(spec: str) -> None:
    try:
        specs.check_spec(spec, SITE)
    except Problem:
        return
    assert not spec.startswith("-")
    (resolved,) = specs.resolved([spec], SITE)
    assert resolved == spec or resolved.startswith((f"{MIRROR}::", f"{OWN}::"))
    try:
        read = MatchSpec(resolved)
    except InvalidMatchSpecError:
        return  # versions have rules of their own, which the engine tells of
    assert read.name is not None
    assert read.name.normalized == specs.package_of(spec)
    assert "url" not in str(read)


def test_a_spec_of_pip_is_told_where_pip_works() -> None:
    with pytest.raises(Problem, match="pip install"):
        specs.check_spec("requests[socks]", SITE)


def test_an_unknown_channel_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(Problem, match=r"bioconda.*conda-forge, own"):
        specs.check_spec("bioconda::samtools", SITE)


def test_a_hundred_packages_at_once_are_enough() -> None:
    specs.check_specs([f"a{n}" for n in range(100)], SITE)
    with pytest.raises(Problem, match="101"):
        specs.check_specs([f"a{n}" for n in range(101)], SITE)


@pytest.mark.parametrize("name", ["numpy=2", "numpy>1", "conda-forge::numpy", "-y", "a b", "", "../x"])
def test_what_is_removed_is_a_name_alone(name: str) -> None:
    specs.check_package("numpy")
    with pytest.raises(Problem):
        specs.check_package(name)


def test_a_channels_name_becomes_the_address_that_it_has_here() -> None:
    assert specs.resolved(["conda-forge::numpy>=2", "scipy"], SITE) == (f"{MIRROR}::numpy>=2", "scipy")
