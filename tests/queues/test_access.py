from datetime import timedelta

import pytest

from queues.access import account_note, accounts_for, effective_hours, no_partition, why_not
from queues.policy import Queue
from slurm.records import Partition

GROUPS = frozenset({"users", "bio"})
BOTH = frozenset({"proj01", "proj02"})


def make_queue(**settings: object) -> Queue:
    return Queue.model_validate({"name": "bigmem", "kind": "exclusive", "max_hours": 48, **settings})


def obstacle(
    queue: Queue | None = None,
    partition: Partition | None = None,
    *,
    user: str = "a1113a01",
    groups: frozenset[str] = GROUPS,
    accounts: frozenset[str] | None = frozenset({"proj01"}),
) -> str | None:
    said = why_not(queue or make_queue(), partition, user=user, groups=groups, accounts=accounts)
    return None if said is None else str(said)


def test_an_open_queue_is_open() -> None:
    assert obstacle(partition=Partition("bigmem")) is None


def test_a_partition_that_is_down_closes_the_queue() -> None:
    said = obstacle(partition=Partition("bigmem", up=False))
    assert said == "This queue is closed at the moment: its partition is down."


def test_a_stranger_to_the_queue_reads_which_groups_it_is_for() -> None:
    queue = make_queue(allowed_groups=["physics", "chem"])
    assert obstacle(queue) == "This queue is for the groups chem, physics, and you are in none of them."


@pytest.mark.parametrize(
    ("settings", "open_to_user"),
    [
        ({"allowed_groups": ["bio"]}, True),
        ({"allowed_groups": ["BIO"]}, False),
        ({"allowed_users": ["a1113a01"]}, True),
        ({"allowed_users": ["a1113a02"]}, False),
        # Either is enough.
        ({"allowed_groups": ["chem"], "allowed_users": ["a1113a01"]}, True),
        ({"allowed_groups": ["bio"], "allowed_users": ["a1113a02"]}, True),
        ({"allowed_groups": ["chem"], "allowed_users": ["a1113a02"]}, False),
    ],
)
def test_a_group_or_a_name_lets_in(settings: dict[str, list[str]], open_to_user: bool) -> None:
    assert (obstacle(make_queue(**settings)) is None) is open_to_user


def test_the_names_of_other_users_stay_unsaid() -> None:
    said = obstacle(make_queue(allowed_users=["a1113a02"]))
    assert said == "This queue is for certain users only, and you are not among them."


def test_the_groups_count_while_slurm_is_silent() -> None:
    assert obstacle(make_queue(allowed_groups=["chem"]), None) is not None
    assert obstacle(make_queue(), None) is None


def test_a_member_of_other_projects_reads_which_ones_the_queue_takes() -> None:
    partition = Partition("bigmem", allow_accounts=frozenset({"proj02", "proj09"}))
    said = obstacle(partition=partition)
    assert said == "This queue takes only jobs of the projects proj02, proj09; yours: proj01."
    assert obstacle(partition=partition, accounts=BOTH) is None


def test_a_member_of_barred_projects_reads_that_they_are() -> None:
    partition = Partition("bigmem", deny_accounts=frozenset({"proj01"}))
    assert obstacle(partition=partition) == "This queue takes no jobs of your projects (proj01)."
    assert obstacle(partition=partition, accounts=BOTH) is None


@pytest.mark.parametrize("accounts", [None, frozenset[str]()])
def test_slurm_has_the_last_word_on_accounts_that_we_do_not_know(accounts: frozenset[str] | None) -> None:
    partition = Partition("bigmem", allow_accounts=frozenset({"proj02"}))
    assert obstacle(partition=partition, accounts=accounts) is None


def test_only_a_user_without_any_project_is_warned() -> None:
    assert str(account_note(frozenset())) == "You are in no project of Slurm's, so it may refuse your job."
    assert account_note(None) is None
    assert account_note(BOTH) is None


@pytest.mark.parametrize(
    ("partition", "accounts", "usable"),
    [
        (None, BOTH, ("proj01", "proj02")),
        (None, None, ()),
        (Partition("q"), BOTH, ("proj01", "proj02")),
        (Partition("q"), frozenset[str](), ()),
        (Partition("q", allow_accounts=frozenset({"proj02", "x"})), BOTH, ("proj02",)),
        (Partition("q", deny_accounts=frozenset({"proj02"})), BOTH, ("proj01",)),
        # With both lists, Slurm looks at the first only.
        (Partition("q", allow_accounts=BOTH, deny_accounts=BOTH), BOTH, ("proj01", "proj02")),
    ],
)
def test_user_chooses_among_the_projects_that_the_queue_takes(
    partition: Partition | None, accounts: frozenset[str] | None, usable: tuple[str, ...]
) -> None:
    assert accounts_for(make_queue(), partition, accounts) == usable


@pytest.mark.parametrize(
    ("max_time", "hours"),
    [
        (None, 48),
        (timedelta(days=7), 48),
        (timedelta(hours=24), 24),
        (timedelta(hours=3, minutes=59), 3),
    ],
)
def test_the_smaller_of_both_time_limits_holds(max_time: timedelta | None, hours: int) -> None:
    assert effective_hours(make_queue(), Partition("bigmem", max_time=max_time)) == hours
    assert effective_hours(make_queue(), None) == 48


def test_a_partition_for_minutes_takes_no_notebooks() -> None:
    said = obstacle(partition=Partition("bigmem", max_time=timedelta(minutes=30)))
    assert said == "This queue's partition ends every job in less than an hour."


def test_a_partition_that_slurm_does_not_have_is_named() -> None:
    assert str(no_partition(make_queue(partition="old"))) == "Slurm has no partition “old”."
