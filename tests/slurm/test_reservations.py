from datetime import UTC, datetime

import pytest

from slurm.errors import SlurmNotUnderstood
from slurm.records import Reservation
from slurm.reservations import open_to, parse_reservations

# What Slurm 22.05.8 printed, in UTC and seconds of the epoch.
ANSWER = """\
ReservationName=course StartTime=1795277100 EndTime=1795280700 Duration=01:00:00 Nodes=gpu06 NodeCnt=1 \
CoreCnt=64 Features=(null) PartitionName=(null) Flags=SPEC_NODES TRES=cpu=64 Users=a1113a01,a1113a02 \
Groups=(null) Accounts=(null) Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
ReservationName=later StartTime=1795284300 EndTime=1795291500 Duration=02:00:00 Nodes=gpu[01-02] NodeCnt=2 \
CoreCnt=20 Features=(null) PartitionName=jupyter Flags= TRES=cpu=20 Users=(null) Groups=(null) \
Accounts=proj01 Licenses=(null) State=INACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
ReservationName=notx StartTime=1795277100 EndTime=1795280700 Duration=01:00:00 Nodes=gpu09 NodeCnt=1 \
CoreCnt=64 Features=(null) PartitionName=(null) Flags=SPEC_NODES TRES=cpu=64 Users=-a1113a03 Groups=(null) \
Accounts=-proj02 Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
ReservationName=floating StartTime=1795277100 EndTime=1795280700 Duration=01:00:00 Nodes=(null) NodeCnt=1 \
CoreCnt=64 Features=(null) PartitionName=(null) Flags=DAILY,TIME_FLOAT TRES=(null) Users=(null) Groups=ops \
Accounts=(null) Licenses=(null) State=INACTIVE Comment=for Users=everybody
"""


def test_a_real_answer_is_read_whole() -> None:
    (course, later, notx, floating), strange = parse_reservations(ANSWER)
    assert strange == []
    assert course == Reservation(
        name="course",
        active=True,
        starts=datetime(2026, 11, 21, 16, 5, tzinfo=UTC),
        ends=datetime(2026, 11, 21, 17, 5, tzinfo=UTC),
        nodes=("gpu06",),
        users=frozenset({"a1113a01", "a1113a02"}),
    )
    assert (later.active, later.partition, later.nodes) == (False, "jupyter", ("gpu01", "gpu02"))
    assert (later.users, later.accounts) == (None, {"proj01"})
    assert (notx.users, notx.accounts) == (None, None)
    assert (notx.denied_users, notx.denied_accounts) == ({"a1113a03"}, {"proj02"})
    assert (floating.groups, floating.users, floating.nodes) == ({"ops"}, None, ())


def test_no_reservations_is_an_answer_and_nothing_is_none() -> None:
    assert parse_reservations("No reservations in the system\n") == ([], [])
    for text in ("", "welcome\n", ANSWER[:-30]):
        with pytest.raises(SlurmNotUnderstood):
            parse_reservations(text)


def test_a_strange_reservation_hides_only_itself() -> None:
    found, strange = parse_reservations(ANSWER + "ReservationName=x StartTime=soon State=ACTIVE\n")
    assert (len(found), len(strange)) == (4, 1)


@pytest.mark.parametrize(
    ("reservation", "user", "accounts", "may"),
    [
        (Reservation("r"), "anna", {"p"}, True),
        (Reservation("r", users=frozenset({"anna"})), "anna", {"p"}, True),
        (Reservation("r", users=frozenset({"root"})), "anna", {"p"}, False),
        (Reservation("r", accounts=frozenset({"p"})), "anna", {"p", "q"}, True),
        (Reservation("r", accounts=frozenset({"x"})), "anna", {"p", "q"}, False),
        (Reservation("r", accounts=frozenset({"x"})), "anna", None, True),
        (Reservation("r", users=frozenset({"anna"}), accounts=frozenset({"x"})), "anna", {"p"}, False),
        (Reservation("r", users=frozenset({"bert"}), accounts=frozenset({"p"})), "anna", {"p"}, False),
        (Reservation("r", users=frozenset({"bert"}), accounts=frozenset({"p"})), "anna", None, False),
        (Reservation("r", denied_users=frozenset({"bert"})), "anna", {"p"}, True),
        (Reservation("r", denied_users=frozenset({"anna"})), "anna", {"p"}, False),
        (Reservation("r", denied_accounts=frozenset({"p"})), "anna", {"p"}, False),
        (Reservation("r", denied_accounts=frozenset({"p"})), "anna", {"p", "q"}, True),
        (Reservation("r", groups=frozenset({"ops"})), "anna", {"p"}, False),
        (Reservation("r", groups=frozenset({"students"})), "anna", {"p"}, True),
    ],
)
def test_who_may_use_a_reservation(
    reservation: Reservation, user: str, accounts: set[str] | None, may: bool
) -> None:
    assert open_to(reservation, user=user, groups={"students"}, accounts=accounts) is may
