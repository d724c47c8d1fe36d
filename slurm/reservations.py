"""Nodes that Slurm keeps for somebody: read from ``scontrol show reservation``, and who may use them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from slurm.hardware import names_of, read_lines, settings_of
from slurm.hostlist import expand
from slurm.parse import Strange, read_rows
from slurm.records import Reservation
from slurm.times import parse_time

__all__ = ["open_to", "parse_reservations"]


def open_to(
    reservation: Reservation,
    *,
    user: str,
    groups: AbstractSet[str],
    accounts: AbstractSet[str] | None,
) -> bool:
    """Say whether a user may use a reservation, by the rules of scontrol(1).

    He has to be one of its users or in one of its groups, **and** charge one of its accounts, as far as it
    names either; names that are denied let everybody else in.

    Parameters
    ----------
    accounts : set of str or None
        The accounts that the user may charge; None when they are not known, which shuts nobody out.
    """
    if user in reservation.denied_users:
        return False
    if reservation.users is not None and user not in reservation.users:
        return False
    if reservation.groups is not None and reservation.groups.isdisjoint(groups):
        return False
    if accounts is None:
        return True
    if reservation.accounts is not None and reservation.accounts.isdisjoint(accounts):
        return False
    return not reservation.denied_accounts or bool(accounts - reservation.denied_accounts)


def parse_reservations(text: str) -> tuple[list[Reservation], Strange]:
    """Read ``scontrol -o show reservation``.

    Raises
    ------
    SlurmNotUnderstood
        The answer is empty, incomplete, or in another format.
    """
    return read_rows("scontrol", read_lines(text, "No reservations in the system"), _read)


def _read(line: str) -> Reservation:
    values = settings_of(line)
    if not values.get("ReservationName") or not values.get("State"):
        raise ValueError("no ReservationName or State")
    users, denied_users = _sides(values.get("Users", ""))
    accounts, denied_accounts = _sides(values.get("Accounts", ""))
    groups, _ = _sides(values.get("Groups", ""))
    partition = values.get("PartitionName", "")
    return Reservation(
        name=values["ReservationName"],
        active=values["State"] == "ACTIVE",
        starts=parse_time(values.get("StartTime", "")),
        ends=parse_time(values.get("EndTime", "")),
        partition="" if partition == "(null)" else partition,
        nodes=expand(values.get("Nodes", "")),
        users=users,
        accounts=accounts,
        groups=groups,
        denied_users=denied_users,
        denied_accounts=denied_accounts,
    )


def _sides(text: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Give those who are let in, None for everybody, and those who are kept out (``-name``)."""
    names = names_of(text)
    denied = frozenset(name[1:] for name in names if name.startswith("-"))
    allowed = frozenset(name for name in names if not name.startswith("-"))
    return allowed or None, denied
