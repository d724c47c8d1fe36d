"""Whether the directory has switched an account off: a pure function of its attributes and the time.

A server that keeps these rules itself refuses the bind; this is for those that do not (shadowExpire is a
matter of PAM, not of the server), and for people who are logged in and bind no more. A pause after wrong
passwords is no such thing: anybody could throw others out by guessing.

389-DS also switches off by role (nsRoleDN with nsManagedDisabledRole): it shows as the computed attribute
nsAccountLock, which is read like any other. Its account policy plugin (inactive for too long) leaves no mark
on the entry: a login is refused by the bind, a session stays until it ends.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

__all__ = ["ATTRIBUTES", "disabled"]

# Most are operational: a server sends them only to who asks by name.
ATTRIBUTES: Final = (
    "pwdAccountLockedTime",
    "pwdStartTime",
    "pwdEndTime",
    "nsAccountLock",
    "krbPrincipalExpiration",
    "userAccountControl",
    "accountExpires",
    "shadowExpire",
)

# OpenLDAP's ppolicy: locked until an administrator unlocks (draft-behera-ldap-password-policy-10, 5.3.3). Any
# other time is when the pause after wrong passwords began.
LOCKED_FOR_EVER: Final = "000001010000Z"
ACCOUNT_DISABLE: Final = 0x2  # [MS-ADTS] 2.2.16
NEVER: Final = (0, 0x7FFFFFFFFFFFFFFF)  # [MS-ADA1] accountExpires
SECONDS_1601_TO_1970: Final = 11_644_473_600
DAY: Final = 86_400
# RFC 4517, 3.3.13
GENERALIZED_TIME: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,]\d+)?(?:Z|([+-])(\d\d)(\d\d)?)"
)


def disabled(attributes: Mapping[str, Sequence[bytes]], now: float) -> str:
    """Return why this account may not be used, in one word, or nothing.

    Parameters
    ----------
    attributes
        Raw values by name, as the server spells it.
    now
        Unix seconds.
    """
    values = {
        name.lower(): [value.decode("ascii", "replace") for value in all_]
        for name, all_ in attributes.items()
    }

    def of(name: str) -> list[str]:
        return values.get(name.lower(), [])

    if LOCKED_FOR_EVER in of("pwdAccountLockedTime"):
        return "locked"
    if any(value.lower() == "true" for value in of("nsAccountLock")):
        return "disabled"
    if any(_number(value, ACCOUNT_DISABLE) & ACCOUNT_DISABLE for value in of("userAccountControl")):
        return "disabled"
    if any(_moment(value, now + 1) > now for value in of("pwdStartTime")):
        return "not_yet"
    ends = [_moment(value, 0) for name in ("pwdEndTime", "krbPrincipalExpiration") for value in of(name)]
    ends += [_windows_time(value) for value in of("accountExpires")]
    ends += [_shadow_day(value) for value in of("shadowExpire")]
    return "expired" if any(end <= now for end in ends) else ""


def _windows_time(value: str) -> float:
    """Read tenths of microseconds since 1601."""
    ticks = _number(value, 1)
    return float("inf") if ticks in NEVER else ticks / 10_000_000 - SECONDS_1601_TO_1970


def _shadow_day(value: str) -> float:
    """Read days since 1970 as pam_unix does: -1 is never, and the day itself is one too late."""
    days = _number(value, 0)
    return float("inf") if days < 0 else float(days * DAY)


def _number(value: str, unreadable: int) -> int:
    return int(value) if re.fullmatch(r"-?[0-9]{1,20}", value) else unreadable


def _moment(value: str, unreadable: float) -> float:
    found = GENERALIZED_TIME.fullmatch(value)
    if found is None:
        return unreadable
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    sign, hours, minutes = found.groups()[6:]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset) if sign else UTC
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()
    except ValueError:
        return unreadable
