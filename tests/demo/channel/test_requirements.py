"""What a wheel asks for is what conda is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from packaging.requirements import Requirement
from packaging.tags import parse_tag

from demo.channel.requirements import Requires, conda_name, conda_spec, depends
from demo.channel.target import Target, glibc_of, is_pure

HERE = Target("3.11.2", "x86_64")


def requires(table: Mapping[str, Sequence[str]]) -> Requires:
    return {name: tuple(map(Requirement, lines)) for name, lines in table.items()}


@pytest.mark.parametrize(
    ("requirement", "spec"),
    [
        ("numpy", "numpy"),
        ("Send2Trash>=1.8.2", "send2trash >=1.8.2"),
        ("click (<7.2.0,>=7.1.1)", "click <7.2.0,>=7.1.1"),
        ("thing==1.*", "thing 1.*"),
        ("thing!=1.*,>=0.5", "thing !=1.*,>=0.5"),
        ("thing===1.0", "thing ==1.0"),
        ("thing~=2.1", "thing ~=2.1"),
        ("typing_extensions>=4", "typing_extensions >=4"),
        ("jupyter-server<3", "jupyter_server <3"),
    ],
)
def test_a_requirement_becomes_a_match_spec(requirement: str, spec: str) -> None:
    assert conda_spec(Requirement(requirement)) == spec


def test_jupyterhub_has_the_name_under_which_conda_forge_has_it_without_a_proxy() -> None:
    assert conda_name("JupyterHub") == "jupyterhub-base"


def test_what_is_for_another_python_or_system_is_not_needed() -> None:
    table = requires(
        {
            "a": [
                "old; python_version < '3.11'",
                "windows; sys_platform == 'win32'",
                "arm; platform_machine == 'aarch64'",
                "new; python_full_version >= '3.11.1'",
                "tests; extra == 'test'",
            ]
        }
    )
    assert depends("a", table, HERE) == ("new",)
    assert depends("a", table, Target("3.11.0", "aarch64")) == ("arm",)


def test_extras_are_followed_through_others_and_round_in_a_circle() -> None:
    table = requires(
        {
            "a": ["b[x]>=1"],
            "b": ["plain", "c[y]; extra == 'x'", "other; extra == 'z'"],
            "c": ["d; extra == 'y'", "a[loop]; extra == 'y'"],
            "a[loop]": [],
        }
    )
    # What b needs by itself is b's own matter.
    assert depends("a", table, HERE) == ("b >=1", "c", "d")


def test_a_package_that_asks_for_an_extra_of_its_own_does_not_need_itself() -> None:
    table = requires(
        {"a": ["a[full]; extra == 'all'", "b; extra == 'full'", "c[z]"], "c": ["a[all]; extra == 'z'"]}
    )
    assert depends("a", table, HERE) == ("b", "c")


@pytest.mark.parametrize(
    ("tag", "pure", "glibc"),
    [
        ("py3-none-any", True, ""),
        ("py2.py3-none-any", True, ""),
        ("cp311-none-any", False, ""),
        ("py3-none-manylinux_2_31_x86_64", False, "2.31"),
        ("cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64", False, "2.17"),
        ("cp311-abi3-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64", False, "2.5"),
        ("cp311-cp311-linux_x86_64", False, ""),
    ],
)
def test_the_name_of_a_wheel_says_where_it_works(tag: str, pure: bool, glibc: str) -> None:
    tags = parse_tag(tag)
    assert is_pure(tags) is pure
    assert glibc_of(tags) == glibc
