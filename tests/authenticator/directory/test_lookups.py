"""A thousand people looked up without a password: the same answers as one by one, in few searches."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from authenticator.directory import Account, Directory
from authenticator.directory.ldap import Entry as LDAPEntry
from authenticator.directory.sweep import complete
from authenticator.errors import Unavailable
from authenticator.workers import Deadline
from demo.entries import Entry
from tests.authenticator.directory.small_slapd import (
    GROUPS,
    LIMIT,
    PEOPLE,
    SHY,
    SUFFIX,
    SmallSlapd,
    dn,
    group,
    person,
    policy,
    running,
)

NAMES = [f"user{number:04d}" for number in range(1000)]
SOME = NAMES[:30]  # enough to read all groups at once
LOCKED = "user0007"
# Every project has fifty people, in one of three ways; every department has ten projects.
WAYS = ("memberUid", "member", "uniqueMember")


def projects() -> dict[str, Entry]:
    made: dict[str, Entry] = {}
    for number in range(20):
        names, name = NAMES[number::20], f"project{number:02d}"
        kind, way = (("posixGroup", "groupOfNames", "groupOfUniqueNames")[number % 3], WAYS[number % 3])
        made[f"cn={name},{GROUPS}"] = {
            "objectClass": [kind],
            "cn": [name],
            way: names if way == "memberUid" else [dn(each) for each in names],
            **({"gidNumber": [str(30000 + number)]} if way == "memberUid" else {}),
        }
    return made


def departments() -> dict[str, Entry]:
    made: dict[str, Entry] = {}
    for number in range(2):
        inside = [f"cn=project{project:02d},{GROUPS}" for project in range(number, 20, 2)]
        made |= group(f"department{number}", *inside, f"cn=department{1 - number},{GROUPS}")
    return made


@pytest.fixture(scope="module")
def slapd() -> Iterator[SmallSlapd]:
    people = {key: entry for name in NAMES for key, entry in person(name).items()}
    people |= person(LOCKED, pwdAccountLockedTime="000001010000Z")
    twins = {f"cn={each},{PEOPLE}": {**person("twin")[dn("twin")], "cn": [each]} for each in ("one", "two")}
    with running(policy("locks", pwdLockout="TRUE") | people | twins | projects() | departments()) as server:
        yield server


@pytest.fixture(scope="module")
def directory(slapd: SmallSlapd) -> Directory:
    return Directory(slapd.settings(), logging.getLogger("hpchub.test"))


def test_a_thousand_people_take_one_search_for_fifty_and_one_for_all_groups(
    slapd: SmallSlapd, directory: Directory
) -> None:
    before = slapd.searches()
    accounts = directory.look_up_many(NAMES, Deadline(60))
    assert slapd.searches() - before == 20 + 1
    assert list(accounts) == NAMES
    assert accounts["user0021"] == Account(
        "user0021", dn("user0021"), frozenset({"project01", "department0", "department1"})
    )
    assert [name for name, account in accounts.items() if account and account.disabled] == [LOCKED]


@pytest.mark.parametrize("depth", [0, 1, 8])
def test_in_bulk_and_one_by_one_tell_the_same(slapd: SmallSlapd, depth: int) -> None:
    directory = Directory(slapd.settings(nested_group_depth=depth), logging.getLogger("hpchub.test"))
    assert directory.look_up_many(SOME, Deadline(60)) == {
        name: directory.look_up(name, Deadline(15)) for name in SOME
    }


def test_who_is_not_there_or_there_twice_is_nobody(directory: Directory) -> None:
    names = ["user0001", "nobody", "twin", "user0002", "*", "a)(uid=*"]
    accounts = directory.look_up_many(names, Deadline(15))
    assert [name for name, account in accounts.items() if account is None] == [
        "nobody",
        "twin",
        "*",
        "a)(uid=*",
    ]


def test_nobody_at_all_costs_nothing(slapd: SmallSlapd, directory: Directory) -> None:
    before = slapd.searches()
    assert directory.look_up_many([], Deadline(15)) == {}
    assert slapd.searches() == before


def test_a_name_template_finds_the_same_people(slapd: SmallSlapd, directory: Directory) -> None:
    settings = slapd.settings(user_dn_template=f"uid={{username}},{PEOPLE}", user_base="")
    some = [*SOME, "nobody"]
    by_template = Directory(settings, logging.getLogger("hpchub.test"))
    assert by_template.look_up_many(some, Deadline(15)) == directory.look_up_many(some, Deadline(15))


def test_a_filter_that_only_the_server_applies_is_asked_for_everybody(
    slapd: SmallSlapd, directory: Directory
) -> None:
    filter_ = "(|(memberUid={username})(member={dn})(uniqueMember={dn})(cn=project00))"
    server_only = Directory(slapd.settings(group_filter=filter_), logging.getLogger("hpchub.test"))
    accounts = server_only.look_up_many(SOME, Deadline(15))
    known = directory.look_up_many(SOME, Deadline(15))
    for name, account in accounts.items():
        before = known[name]
        assert account is not None
        assert before is not None
        assert account == replace(before, groups=before.groups | {"project00", "department0", "department1"})


def test_members_that_may_be_compared_but_not_read_are_asked_for_one_by_one(
    slapd: SmallSlapd, directory: Directory
) -> None:
    shy = Directory(slapd.settings(bind_dn=SHY), logging.getLogger("hpchub.test"))
    assert shy.look_up_many(SOME, Deadline(15)) == directory.look_up_many(SOME, Deadline(15))


def test_whether_another_spelling_is_the_same_person_is_for_the_server_to_say(
    slapd: SmallSlapd, directory: Directory
) -> None:
    shouted = {
        "objectClass": ["posixGroup"],
        "cn": ["shouted"],
        "gidNumber": ["4"],
        "memberUid": ["USER0003"],
    }
    slapd.add({f"cn=shouted,{GROUPS}": shouted})
    before = slapd.searches()
    account = directory.look_up_many(SOME, Deadline(15))["user0003"]
    # The people, all groups; then one person: project, department, the other one, nothing new.
    assert slapd.searches() - before == 2 + 4
    assert account == directory.look_up("user0003", Deadline(15))


def test_members_of_which_only_some_were_sent_are_asked_for_one_by_one() -> None:
    """Active Directory sends 1,500 values of an attribute and says so in its name."""
    whole, ranged = ("member", (b"cn=a",)), ("member;range=0-1499", (b"cn=a",))
    assert complete(LDAPEntry("cn=g", dict([whole])), ("member",))
    assert not complete(LDAPEntry("cn=g", dict([ranged])), ("member",))
    assert not complete(LDAPEntry("cn=g", dict([ranged, whole])), ("member",))


def test_people_below_a_base_that_is_not_there_are_no_answer(slapd: SmallSlapd) -> None:
    directory = Directory(slapd.settings(user_base=f"ou=nowhere,{SUFFIX}"), logging.getLogger("hpchub.test"))
    with pytest.raises(Unavailable, match="search for people"):
        directory.look_up_many(NAMES[:60], Deadline(15))


def test_when_the_time_is_up_nobody_is_taken_for_gone(directory: Directory) -> None:
    with pytest.raises(Unavailable):
        directory.look_up_many(NAMES, Deadline(0))


def test_with_more_groups_than_the_server_sends_everybody_is_asked_for_one_by_one(
    slapd: SmallSlapd, directory: Directory
) -> None:
    before = directory.look_up_many(SOME, Deadline(15))
    slapd.add(
        {key: entry for number in range(LIMIT) for key, entry in group(f"more{number}", dn("else")).items()}
    )
    assert directory.look_up_many(SOME, Deadline(15)) == before
