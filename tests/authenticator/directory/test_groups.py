"""Groups on a real slapd: by member, uniqueMember, memberUid and memberOf, nested, and in circles."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from authenticator import LDAPOTPAuthenticator
from authenticator.directory import Directory
from authenticator.directory.groups import chunks, own_groups
from authenticator.directory.ldap import Entry as LDAPEntry
from authenticator.directory.sweep import Members, members_in
from authenticator.errors import Unavailable
from authenticator.workers import Deadline
from demo.entries import Entry
from tests.authenticator.directory.small_slapd import (
    GROUPS,
    LIMIT,
    PASSWORD,
    PEOPLE,
    SUFFIX,
    SmallSlapd,
    dn,
    group,
    person,
    running,
)

OWN = f"ou=own,{SUFFIX}"


# Every character that means something in a name or in a filter.
STAR = rf"cn=Star \28*\29\2c Inc.,{PEOPLE}"


def group_dn(name: str) -> str:
    return f"cn={name},{GROUPS}"


def posix(name: str, *members: str) -> dict[str, Entry]:
    entry = {"objectClass": ["posixGroup"], "cn": [name], "gidNumber": ["30001"], "memberUid": list(members)}
    return {group_dn(name): entry}


def unique(name: str, *members: str) -> dict[str, Entry]:
    return {
        group_dn(name): {"objectClass": ["groupOfUniqueNames"], "cn": [name], "uniqueMember": list(members)}
    }


@pytest.fixture(scope="module")
def slapd() -> Iterator[SmallSlapd]:
    # deep1 holds erin, deep2 holds deep1, and so on.
    chain = {"deep1": dn("erin")} | {f"deep{level}": group_dn(f"deep{level - 1}") for level in range(2, 12)}
    people = person("alice") | person("bob") | person("carol") | person("dave") | person("erin")
    people |= {STAR: {**person("star")[dn("star")], "cn": ["Star (*), Inc."]}}
    with running(people) as server:
        # With the server, not before it starts: the overlay writes memberOf as groups are added.
        server.add(
            posix("unix", "alice", "bob")
            | unique("unique", dn("alice"), group_dn("parent"))
            | group("child", dn("alice"), group_dn("grand"))
            | group("parent", group_dn("child"))
            | group("grand", group_dn("parent"))
            | group("unix-in-a-group", group_dn("unix"))
            | group("other", dn("carol"))
            | group("starred", STAR)
            | {key: entry for name, member in chain.items() for key, entry in group(name, member).items()}
            | {OWN: {"objectClass": ["organizationalUnit"], "ou": ["own"]}}
            | {
                f"cn=admins,{OWN}": {
                    "objectClass": ["groupOfNames"],
                    "cn": ["admins"],
                    "member": [dn("dave")],
                }
            }
        )
        yield server


def groups(slapd: SmallSlapd, name: str, **changes: Any) -> set[str]:
    """Log in, and see that the looks without a password and in bulk tell the same."""
    directory = Directory(slapd.settings(**changes), logging.getLogger("hpchub.test"))
    found = directory.check(name, PASSWORD.encode(), Deadline(15)).groups
    account = directory.look_up(name, Deadline(15))
    assert account is not None
    assert account.groups == found
    return set(found)


NESTED = {"unix", "unique", "child", "parent", "grand", "unix-in-a-group"}


def test_all_kinds_of_groups_and_their_groups_although_they_go_in_a_circle(slapd: SmallSlapd) -> None:
    assert groups(slapd, "alice") == NESTED


def test_one_search_a_level_and_a_last_one_that_finds_nothing_new(slapd: SmallSlapd) -> None:
    directory = Directory(slapd.settings(), logging.getLogger("hpchub.test"))
    before = slapd.searches()
    directory.look_up("alice", Deadline(15))
    # The person; unix, unique, child; parent and unix-in-a-group; grand; nothing new.
    assert slapd.searches() - before == 1 + 4


def test_without_nesting_only_what_names_the_person(slapd: SmallSlapd) -> None:
    assert groups(slapd, "alice", nested_group_depth=0) == {"unix", "unique", "child"}


def test_nesting_ends_at_the_depth_that_is_set(slapd: SmallSlapd) -> None:
    assert groups(slapd, "erin") == {f"deep{level}" for level in range(1, 10)}
    assert groups(slapd, "erin", nested_group_depth=2) == {"deep1", "deep2", "deep3"}


def test_a_name_with_characters_of_filters_in_it(slapd: SmallSlapd) -> None:
    assert groups(slapd, "star") == {"starred"}
    assert groups(slapd, "star", group_filter="", member_of_attribute="memberOf") == {"starred"}


def test_a_person_without_groups(slapd: SmallSlapd) -> None:
    assert groups(slapd, "dave") == set()


def test_no_groups_where_none_are_wanted(slapd: SmallSlapd) -> None:
    assert groups(slapd, "alice", group_base="", member_of_attribute="memberOf") == set()


def test_member_of_alone_costs_no_search(slapd: SmallSlapd) -> None:
    changes = {"group_filter": "", "member_of_attribute": "memberOf"}
    assert groups(slapd, "carol", **changes) == {"other"}
    directory = Directory(slapd.settings(**changes), logging.getLogger("hpchub.test"))
    before = slapd.searches()
    directory.look_up("carol", Deadline(15))
    assert slapd.searches() - before == 1


def test_member_of_and_the_filter_together(slapd: SmallSlapd) -> None:
    changes = {"group_filter": "(memberUid={username})", "member_of_attribute": "memberOf"}
    assert groups(slapd, "alice", **changes) == {"unix", "child"}


def test_groups_of_those_that_member_of_names(slapd: SmallSlapd) -> None:
    changes = {
        "group_filter": "(&(objectClass=groupOfNames)(member={dn}))",
        "member_of_attribute": "memberOf",
    }
    assert groups(slapd, "alice", **changes) == {"child", "parent", "grand"}


def test_a_group_outside_the_base_does_not_count_whatever_it_is_called(slapd: SmallSlapd) -> None:
    assert groups(slapd, "dave", member_of_attribute="memberOf") == set()
    assert groups(slapd, "dave", member_of_attribute="memberOf", group_base=SUFFIX) == {"admins"}


def test_a_group_whose_name_cannot_be_told_is_no_answer(slapd: SmallSlapd) -> None:
    changes = {"member_of_attribute": "memberOf", "group_name_attribute": "ou"}
    with pytest.raises(Unavailable, match="whose name has no ou"):
        groups(slapd, "carol", **changes)


def test_a_part_of_member_of_is_no_answer(slapd: SmallSlapd) -> None:
    entry = LDAPEntry(dn("carol"), {"memberof;range=0-1499": (group_dn("other").encode(),), "memberof": ()})
    with pytest.raises(Unavailable, match="only some of the values"):
        own_groups(slapd.settings(member_of_attribute="memberOf"), entry)


def test_a_search_that_fails_is_no_answer(slapd: SmallSlapd) -> None:
    with pytest.raises(Unavailable, match="search for groups"):
        groups(slapd, "alice", group_base=f"ou=nowhere,{SUFFIX}")


def test_a_part_of_the_groups_is_no_answer(slapd: SmallSlapd) -> None:
    slapd.add(
        {
            key: entry
            for number in range(LIMIT + 1)
            for key, entry in group(f"many{number}", f"uid=frank,{PEOPLE}").items()
        }
        | person("frank")
    )
    with pytest.raises(Unavailable, match="search for groups"):
        groups(slapd, "frank")


@pytest.mark.parametrize(
    ("group_filter", "members"),
    [
        ("(member={dn})", Members((), ("member",))),
        (
            "(|(memberUid={username})(member={dn})(uniqueMember={dn}))",
            Members(("memberuid",), ("member", "uniquemember")),
        ),
        ("(&(objectClass=posixGroup)(memberUid={username}))", Members(("memberuid",), ())),
        ("(& (a=b) (| (member={dn}) (c={username})) (d=*) )", Members(("c",), ("member",))),
        # What only the server can apply.
        ("(member:1.2.840.113556.1.4.1941:={dn})", None),
        ("(memberUid=x{username})", None),
        ("(&(member={dn})(memberUid={username}))", None),
        ("(!(member={dn}))", None),
        ("(&(member={dn})(!(a=b)))", None),
        ("(|(member={dn})(a=b))", None),
        ("", None),
    ],
)
def test_which_filters_can_be_applied_in_memory(group_filter: str, members: Members | None) -> None:
    assert members_in(group_filter) == members


def test_long_lists_of_names_go_into_several_filters() -> None:
    assert [len(some) for some in chunks(range(101))] == [50, 50, 1]
    assert list(chunks([])) == []


def test_a_depth_that_is_none_is_not_taken() -> None:
    with pytest.raises(TraitError, match="nested_group_depth is -1"):
        LDAPOTPAuthenticator(nested_group_depth=-1)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"member_of_attribute": "memberOf"}, "member_of_attribute is set, and group_search_base is not"),
        ({"group_search_base": GROUPS, "group_filter": ""}, "who is in a group"),
    ],
)
def test_settings_that_would_find_no_groups_are_named(settings: dict[str, str], problem: str) -> None:
    problems = " ".join(LDAPOTPAuthenticator(**settings).directory_problems())
    assert problem in problems


def test_the_settings_of_groups_reach_the_directory(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")
    given = LDAPOTPAuthenticator(
        member_of_attribute="memberOf", nested_group_depth=3, bind_password_file=str(tmp_path / "password")
    ).directory_settings()
    assert (given.member_of_attribute, given.nested_group_depth) == ("memberOf", 3)
