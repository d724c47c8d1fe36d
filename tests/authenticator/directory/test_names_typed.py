"""Whatever name the directory is asked for, nobody else is found."""

import dataclasses
import logging

import pytest

from authenticator.directory import Directory, DirectorySettings
from authenticator.errors import Refused
from authenticator.workers import Deadline
from tests.authenticator.kit import PASSWORDS, SUFFIX

USER = "a1113a01"
PASSWORD = PASSWORDS[USER].encode()
LOG = logging.getLogger("hpchub.test")

# The door lets none of these through; here it is as if it did. RFC 4515 §3 and RFC 4514 §2.4 name the signs.
NAMES = [
    *(
        "*",
        "a1113a0*",
        "a*",
        "a1113a01)(uid=*",
        "*)(objectClass=*",
        "*)(uid=*))(|(uid=*",
        "a1113a01)(|(uid=*))",
    ),
    *("a1113a01)", "(a1113a01", "!(uid=x)", "a1113a01)(&", "nobody)(|(uid=a1113a01)", "x)(uid=a1113a01))("),
    *(
        "a1113a01\\",
        "a1113a01\\2a",
        "\\611113a01",
        "a1113a01\\00",
        "a1113a01\0",
        "\0",
        "a1113a01\n",
        "\ta1113a01",
    ),
    *(
        "a1113a01,ou=people",
        f"a1113a01,ou=people,{SUFFIX}",
        "a1113a01+cn=x",
        "cn=hpchub,ou=services",
        "#04024869",
    ),
    *(
        " a1113a01",
        "a1113a01 ",
        "a1113a01  ",
        '"a1113a01"',
        "a1113a01;x",
        "<a1113a01>",
        "uid=a1113a01",
        "=",
        ",",
    ),
    *("A1113A01", "ａ1113a01", "a1113a01\u00ad", "a1113a01\u200b", "a1113a0１", "\u212aim", "a" * 5000, ""),
    *("a1113a01 or 1=1", "a1113a01'--", "{dn}", "{username}", "%s", "%2a", "..", "/", "a1113a01&password=x"),
    *("~=a1113a01", ">=a", "1.2.3:=a1113a01", ":dn:=a1113a01", "a1113a01)(cn:=x", "a1113a01\r\nuid: x"),
]


@pytest.fixture(params=["search", "template"])
def door(request: pytest.FixtureRequest, settings: DirectorySettings) -> Directory:
    if request.param == "template":
        settings = dataclasses.replace(
            settings, user_base="", user_dn_template=f"uid={{username}},ou=people,{SUFFIX}"
        )
    return Directory(settings, LOG)


def test_no_name_changes_the_question(door: Directory) -> None:
    found = []
    for name in NAMES:
        try:
            found.append(door.check(name, PASSWORD, Deadline(5)))
        except Refused as refusal:
            assert refusal.reason in {"unknown_user", "ambiguous_user"}, name  # noqa: PT017
    assert found == []
    assert [state.up for state in door.states()] == [True]


def test_no_name_finds_an_account_without_a_password(door: Directory) -> None:
    assert door.look_up_many(NAMES, Deadline(15)) == dict.fromkeys(NAMES)


def test_the_name_itself_does(door: Directory) -> None:
    """The counterpart."""
    assert door.check(USER, PASSWORD, Deadline(5)).name == USER
    assert door.look_up(USER, Deadline(5)) is not None
