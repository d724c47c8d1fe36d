"""Explicit lists and lock files: every package has its address here and its hash; none is from elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.explicit import listed
from environments.importing import parse
from environments.problems import Problem
from tests.environments.files.kit import MIRROR, OWN, PUBLIC, site

SITE = site()
MD5 = "0123456789abcdef0123456789abcdef"
SHA256 = MD5 * 2

# As `conda list --explicit --md5` writes it.
EXPLICIT = f"""\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
# created-by: conda 25.5.1
@EXPLICIT
{PUBLIC}/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2#{MD5}
{PUBLIC}/noarch/tzdata-2025b-h78e105d_0.conda#sha256:{SHA256}
{OWN}/linux-64/tool-1.0-0.conda
"""

PIXI = f"""\
version: 6
environments:
  default:
    channels:
    - url: {PUBLIC}/
    indexes:
    - https://wheels.example/simple
    packages:
      linux-64:
      - conda: {PUBLIC}/linux-64/python-3.11.9-h1_0_cpython.conda
      - conda: {PUBLIC}/noarch/tzdata-2025b-h78e105d_0.conda
      - pypi: https://files.example/six-1.17.0-py2.py3-none-any.whl
      osx-arm64:
      - conda: {PUBLIC}/osx-arm64/python-3.11.9-h2_0_cpython.conda
packages:
- conda: {PUBLIC}/linux-64/python-3.11.9-h1_0_cpython.conda
  sha256: {SHA256}
  md5: {MD5}
  depends:
  - tzdata
  license: Python-2.0
  size: 30000000
  timestamp: 1712000000000
- conda: {PUBLIC}/noarch/tzdata-2025b-h78e105d_0.conda
  sha256: {SHA256}
- pypi: https://files.example/six-1.17.0-py2.py3-none-any.whl
  name: six
  version: 1.17.0
  sha256: {SHA256}
"""

CONDA_LOCK = f"""\
version: 1
metadata:
  content_hash:
    linux-64: {SHA256}
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms:
  - linux-64
  - osx-64
package:
- name: python
  version: 3.11.9
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: {PUBLIC}/linux-64/python-3.11.9-h1_0_cpython.conda
  hash:
    md5: {MD5}
    sha256: {SHA256}
  category: main
  optional: false
- name: python
  version: 3.11.9
  manager: conda
  platform: osx-64
  url: {PUBLIC}/osx-64/python-3.11.9-h3_0_cpython.conda
  hash: {{md5: {MD5}}}
  category: main
- name: six
  version: 1.17.0
  manager: pip
  platform: linux-64
  url: https://files.example/six-1.17.0-py2.py3-none-any.whl
  hash: {{sha256: {SHA256}}}
  category: main
- name: pytest
  version: 8.0.0
  manager: conda
  platform: linux-64
  url: {PUBLIC}/noarch/pytest-8.0.0-0.conda
  hash: {{md5: {MD5}}}
  category: dev
"""


def refusal(text: str, kind: str, platform: str = "linux-64") -> str:
    with pytest.raises(Problem) as caught:
        parse(text, kind, SITE, platform)
    said = str(caught.value.sentence)
    assert said.isprintable()
    return said


def test_an_explicit_list_is_read_with_the_mirrors_addresses_and_all_hashes() -> None:
    read = parse(EXPLICIT, "explicit", SITE)
    assert read.lock.splitlines() == [
        "# platform: linux-64",
        "@EXPLICIT",
        f"{MIRROR}/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2#{MD5}",
        f"{MIRROR}/noarch/tzdata-2025b-h78e105d_0.conda#sha256:{SHA256}",
        f"{OWN}/linux-64/tool-1.0-0.conda",
    ]
    assert read.channels == (MIRROR, OWN)
    assert read.specs == ()


def test_a_lock_file_of_pixi_is_read_for_this_platform() -> None:
    read = parse(PIXI, "lock", SITE)
    assert [package.url for package in listed(read.lock)] == [
        f"{MIRROR}/linux-64/python-3.11.9-h1_0_cpython.conda",
        f"{MIRROR}/noarch/tzdata-2025b-h78e105d_0.conda",
    ]
    assert [package.md5 or package.sha256 for package in listed(read.lock)] == [MD5, SHA256]
    assert read.pip == ("six==1.17.0",)
    assert "pip install six==1.17.0" in str(read.notes[-1])


def test_a_lock_file_of_conda_lock_is_read_without_what_is_for_developers() -> None:
    read = parse(CONDA_LOCK, "lock", SITE)
    assert [package.url for package in listed(read.lock)] == [
        f"{MIRROR}/linux-64/python-3.11.9-h1_0_cpython.conda"
    ]
    assert read.pip == ("six==1.17.0",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "@EXPLICIT"),
        (f"{OWN}/linux-64/a-1-0.conda\n@EXPLICIT\n", "@EXPLICIT"),
        ("@EXPLICIT\n", "lists 0"),
        ("@EXPLICIT\nnumpy=2\n", "numpy=2"),
        ("@EXPLICIT\n/tmp/a-1-0.conda\n", "/tmp/a-1-0.conda"),
        ("@EXPLICIT\n../a-1-0.conda\n", "../a-1-0.conda"),
        ("@EXPLICIT\nfile:///tmp/a-1-0.conda\n", "file:///tmp"),
        ("@EXPLICIT\nhttps://evil.example/linux-64/a-1-0.conda\n", "evil.example"),
        (f"@EXPLICIT\n{OWN}/linux-64/../../x/linux-64/a-1-0.conda\n", ".."),
        (f"@EXPLICIT\n{OWN}/linux-64/a-1-0.conda#abc\n", "md5"),
        (f"@EXPLICIT\n{OWN}/linux-64/a-1-0.conda --yes\n", "Line 2"),
        (f"# platform: osx-64\n@EXPLICIT\n{OWN}/osx-64/a-1-0.conda\n", "osx-64"),
        (f"@EXPLICIT\n{OWN}/linux-aarch64/a-1-0.conda\n", "linux-aarch64"),
        ("@EXPLICIT\n" + f"{OWN}/linux-64/a-1-0.conda\n" * 2001, "2001"),
    ],
)
def test_a_list_with_anything_else_is_refused(text: str, said: str) -> None:
    assert said in refusal(text, "explicit")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "packages is missing"),
        ("version: 3\npackages: []", "not a lock file that is read here"),
        ("version: 99\npackages: []", "not a lock file that is read here"),
        ("version: 6\npackages: []", "packages is missing"),
        ("version: 6\npackages: x\nenvironments: {default: {packages: {linux-64: []}}}", "missing"),
        ("version: 6\npackages: []\nenvironments: {default: {packages: {linux-64: []}}}", "lists 0"),
        ("version: 6\npackages: []\nenvironments: {a: {}, b: {}}", "several environments"),
        (PIXI.replace("linux-64:", "win-64:"), "win-64, osx-arm64"),
        (PIXI.replace(f"{PUBLIC}/noarch", "https://evil.example/noarch"), "evil.example"),
        (
            PIXI.replace(f"conda: {PUBLIC}/noarch/tzdata-2025b-h78e105d_0.conda", "conda: ./recipe"),
            "./recipe",
        ),
        (PIXI.replace(f"md5: {MD5}", "md5: xyz"), "xyz"),
        (CONDA_LOCK.replace(f"url: {PUBLIC}/linux-64", "url: file:///tmp/linux-64"), "file:///tmp"),
        (CONDA_LOCK.replace("linux-64", "osx-arm64"), "osx-arm64, osx-64"),
        ("version: !!python/object:os.system 6", "tag"),
    ],
)
def test_a_lock_file_with_anything_else_is_refused(text: str, said: str) -> None:
    assert said in refusal(text, "lock")


@given(
    st.lists(
        st.sampled_from(
            [*EXPLICIT.splitlines(), "x", "#", "@EXPLICIT", f"{OWN}/linux-64/a-1-0.conda#", "\t"]
        ),
        max_size=8,
    )
)
def test_whatever_is_read_names_only_packages_of_the_site(lines: list[str]) -> None:
    try:
        read = parse("\n".join(lines), "explicit", SITE)
    except Problem:
        return
    packages = listed(read.lock)
    assert packages
    assert all(package.channel in (MIRROR, OWN) for package in packages)
