"""Distinguished names that are the same, and those that are not."""

import pytest

from authenticator.directory.names import below, first_value, normal

BASE = "ou=groups,dc=hpc,dc=example"


@pytest.mark.parametrize(
    "other",
    [
        "uid=fry,ou=people,dc=hpc,dc=example",
        "UID=Fry, OU=People,DC=hpc , dc=example",
        r"uid=\66ry,ou=people,dc=hpc,dc=example",
        "uid=fry ,ou= people,dc=hpc,dc=example",
    ],
)
def test_one_name_in_several_spellings(other: str) -> None:
    assert normal(other) == normal("uid=fry,ou=people,dc=hpc,dc=example")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=fry,ou=people", r"uid=fry\,ou=people"),
        ("cn=a+sn=b", r"cn=a\+sn=b"),
        ("cn=a", "cn=a,cn=a"),
        ("", "cn=a"),
    ],
)
def test_two_names_that_look_alike(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_the_order_of_a_name_of_two_attributes_does_not_count() -> None:
    assert normal("cn=a+sn=b,dc=x") == normal("SN=B + cn=A,dc=x")


def test_escapes_of_one_character_are_the_same() -> None:
    assert normal(r"cn=Kim\, Minseo,dc=x") == normal(r"cn=Kim\2c Minseo,dc=x")
    assert normal(r"cn=\ea\b9\80,dc=x") == normal("cn=김,dc=x")


def test_a_group_is_below_its_base_and_not_below_a_look_alike() -> None:
    base = normal(BASE)
    assert below(normal("cn=admins,OU=Groups,dc=hpc,dc=example"), base)
    assert below(normal(f"cn=admins,ou=sub,{BASE}"), base)
    assert not below(normal(rf"cn=admins\,{BASE}"), base)
    assert not below(normal("cn=admins,ou=own,dc=hpc,dc=example"), base)
    assert not below(base, base)


@pytest.mark.parametrize(
    ("dn", "value"),
    [
        ("cn=admins,dc=x", "admins"),
        ("CN = admins ,dc=x", "admins"),
        (r"cn=Kim\, M,dc=x", "Kim, M"),
        (r"cn=a\ ,dc=x", "a "),
        (r"cn=a\\ ,dc=x", "a\\"),
        ("gid=1+cn=admins,dc=x", "admins"),
        ("ou=admins,cn=x", None),
        ("", None),
    ],
)
def test_the_first_value_of_a_name(dn: str, value: str | None) -> None:
    assert first_value(dn, "cn") == value
