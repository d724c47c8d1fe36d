"""What is noted of an event, as one line of JSON that nobody can forge by what they type."""

import datetime
import json
from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "Event", "line_of", "safe_name"]

LONGEST_NAME: Final = 32
LONGEST_WORD: Final = 32
LONGEST_ADDRESS: Final = 64
KINDS: Final = (
    "login",
    "enrolment_code",
    "enrolled",
    "reset",
    "disabled",
    "enabled",
    "locked",
    "unlocked",
    "recovery",
    "codes_replaced",
    "resync",
    "import",
    "key_rotated",
    "revoked",
    "gone",
    "exempt",
    "outage",
    "extended",
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the door or to a second factor.

    Attributes
    ----------
    kind
        One of `KINDS`.
    result
        ``success``, ``refused`` or ``unavailable``; nothing where there is no such thing.
    reason
        One word, such as those that `LoginError` carries.
    user, address
        Whom it is about, and from where it came.
    by
        Who did it, where that is somebody else: an administrator.
    how
        What stood for the second factor, or the means.
    """

    kind: str
    result: str = ""
    reason: str = ""
    user: str = ""
    address: str = ""
    by: str = ""
    how: str = ""


def line_of(event: Event, at: datetime.datetime) -> str:
    """Return the event as JSON in ASCII, without a line break, at most about 400 characters long.

    >>> moment = datetime.datetime(2026, 11, 21, 10, 25, 32, tzinfo=datetime.UTC)
    >>> line_of(Event("login", "refused", "password", "a1113a01", "192.0.2.7"), moment)  # doctest: +ELLIPSIS
    '{"time": "2026-11-21T10:25:32.000+00:00", "event": "login", "result": "refused", "reason": ...
    """
    fields = {
        "time": at.astimezone(datetime.UTC).isoformat(timespec="milliseconds"),
        "event": _printable(event.kind, LONGEST_WORD),
        "result": _printable(event.result, LONGEST_WORD),
        "reason": _printable(event.reason, LONGEST_WORD),
        "user": safe_name(event.user),
        "address": _printable(event.address, LONGEST_ADDRESS),
    }
    if event.by:
        fields["by"] = safe_name(event.by)
    if event.how:
        fields["how"] = _printable(event.how, LONGEST_WORD)
    # ensure_ascii (the default) leaves no line break or terminal sequence in the text.
    return json.dumps(fields)


def safe_name(text: object) -> str:
    r"""Return what was typed as a name, fit for a log: short, and printable ASCII.

    >>> safe_name("a1113a01"), safe_name("x\n" + "y" * 99), safe_name(None)
    ('a1113a01', 'x?yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy', '')
    """
    return _printable(text, LONGEST_NAME)


def _printable(text: object, longest: int) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if not isinstance(words, str):
        return ""
    return "".join(sign if " " < sign <= "~" else "?" for sign in words[:longest])
