"""What can be seen: who has a token, and what happened at the door. Never a secret."""

import argparse
import datetime
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from authenticator.audit import read_events
from authenticator.store import TokenListing
from authenticator.store.schema import EnrolmentRow
from authenticator.throttle import Locked
from hpchub.otp.place import CommandError, Place, name_of, now
from hpchub.printing import printable

__all__ = ["audit", "listing", "parse_since"]

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def listing(place: Place, options: argparse.Namespace) -> None:
    rows = _rows(place)
    if options.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        _print_table(rows)
    unreadable, total = place.store.tokens.unreadable()
    if unreadable:
        sys.stderr.write(
            f"hpchub: {unreadable} of {total} tokens cannot be read with the keys in {place.key_file}: "
            "their users cannot log in\n"
        )


def audit(place: Place, options: argparse.Namespace) -> None:
    path = place.audit.audit_file
    if not path:
        raise CommandError("audit_file is not set, so events are in the hub's log only")
    since = parse_since(options.since, at=now()) if options.since else None
    user = name_of(options.user) if options.user else None
    for event in read_events(Path(path), since, user):
        print(json.dumps(event) if options.json else _line(event))


def parse_since(text: str, *, at: float) -> datetime.datetime:
    """Return the moment that people mean by ``2h``, ``2026-11-21`` or ``2026-11-21T10:00``, in UTC.

    >>> parse_since("2h", at=7200.0).timestamp()
    0.0
    """
    if match := re.fullmatch(r"(\d{1,5})([mhd])", text):
        span = datetime.timedelta(**{UNITS[match[2]]: int(match[1])})
        return datetime.datetime.fromtimestamp(at, datetime.UTC) - span
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--since is {text[:32]!r}; write 30m, 2h, 7d, or a date such as 2026-11-21"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _rows(place: Place) -> list[dict[str, Any]]:
    """Return everybody who has a token, or a code to get one."""
    tokens = {each.user: each for each in place.store.tokens.listing()}
    codes = _codes(place)
    names = sorted({*tokens, *codes})
    waiting = {each.user: each for each in place.throttle.locked(names, now=now())}
    rows = []
    for name in names:
        token, waits = tokens.get(name), waiting.get(name)
        rows.append(
            {
                "user": name,
                "state": _state(token, waits),
                "device": token.label if token else "",
                "since": _moment(token.created if token else None),
                "last_used": _moment(token.last_used if token else None),
                "disabled_why": token.why if token else "",
                "failures": waits.failures if waits else 0,
                "code_until": _moment(codes.get(name)),
            }
        )
    return rows


def _codes(place: Place) -> dict[str, datetime.datetime]:
    good = select(EnrolmentRow.user, EnrolmentRow.expires).where(EnrolmentRow.expires > now())
    with place.store.database.reading() as session:
        return {
            user: datetime.datetime.fromtimestamp(expires, datetime.UTC)
            for user, expires in session.execute(good)
        }


def _state(listed: TokenListing | None, waits: Locked | None) -> str:
    """Return one word: ``locked`` is until an administrator unlocks, ``waits`` ends by itself."""
    if listed is None:
        return "code issued"
    if listed.disabled:
        return "disabled"
    if waits is None:
        return "enrolled"
    return "locked" if waits.seconds is None else "waits"


def _print_table(rows: list[dict[str, Any]]) -> None:
    header = {
        "user": "user",
        "state": "state",
        "since": "since",
        "last_used": "last used (UTC)",
        "device": "device",
    }
    cells = [
        header,
        *(_cells(row) for row in rows),
    ]
    widths = {name: max(len(str(row[name])) for row in cells) for name in header}
    for row in cells:
        words = "  ".join(f"{row[name]:{widths[name]}}" for name in header)
        notes = [
            row.get("disabled_why"),
            row.get("code_until") and f"code until {_minute(row['code_until'])}",
        ]
        print("  ".join([words, *(printable(note) for note in notes if note)]).rstrip())


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    seen = {"since": _day(row["since"]), "last_used": _minute(row["last_used"])}
    return {**row, **seen, "device": printable(row["device"])}  # a user's own words


def _line(event: Mapping[str, Any]) -> str:
    """Return an event for people: time, kind, result, and the rest as far as there is any."""
    time = str(event.get("time", ""))[:19].replace("T", " ")
    words = [time, *(str(event.get(name, "")) for name in ("event", "result", "reason", "user"))]
    words += [f"{name} {event[name]}" for name in ("address", "by", "how") if event.get(name)]
    return "  ".join(printable(word) for word in words if word)


def _moment(value: datetime.datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds")


def _day(value: str | None) -> str:
    return (value or "")[:10]


def _minute(value: str | None) -> str:
    """Return the minute of a moment; nothing of the kind is never."""
    return value[:16].replace("T", " ") if value else "never"
