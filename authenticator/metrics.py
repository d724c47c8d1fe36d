"""The login's figures, beside JupyterHub's own at /hub/metrics.

No label ever holds what somebody typed, nor a user or an address: the page is often readable by many, and
every new value of a label is a series kept for as long as the hub runs.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

__all__ = [
    "audit_lost",
    "counters_dropped",
    "directory_states",
    "event_happened",
    "login_ended",
    "login_took",
]

Figure = TypeVar("Figure", Counter, Gauge, Histogram)

RESULTS: Final = ("success", "refused", "unavailable")
THROTTLED: Final = {"throttled": "account", "throttled_address": "address", "throttled_locked": "locked"}
LABEL_VALUES_AT_MOST: Final = 64
SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30)
OTHER: Final = "other"
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


def _once(kind: type[Figure], name: str, text: str, labels: Sequence[str] = (), **options: Any) -> Figure:
    """Register a figure, or return the one that an earlier import of this module registered."""
    try:
        return kind(name, text, labels, **options)
    except ValueError:
        # prometheus_client offers no look-up by name.
        return REGISTRY._names_to_collectors[name]  # type: ignore[return-value]


_LOGINS = _once(Counter, "hpchub_logins_total", "Logins by result and reason.", ["result", "reason"])
_LOGIN_SECONDS = _once(
    Histogram,
    "hpchub_login_seconds",
    "Seconds that a login was checked, waiting for a thread included.",
    ["result"],
    buckets=SECONDS,
)
_THROTTLED = _once(
    Counter, "hpchub_login_throttled_total", "Logins not looked at, by what had too many failures.", ["scope"]
)
_EVENTS = _once(
    Counter,
    "hpchub_otp_events_total",
    "Events of second factors: enrolments, resets and the like.",
    ["event"],
)
_DIRECTORY = _once(Gauge, "hpchub_directory_up", "1 while this directory server answers, else 0.", ["server"])
_AUDIT_LOST = _once(
    Counter, "hpchub_audit_lost_total", "Events that are in the hub's log and not in audit_file.", ["why"]
)
_DROPPED = _once(
    Counter, "hpchub_throttle_dropped_total", "Counters of failures given up because their table was full."
)

_known: dict[str, set[str]] = {}


def _label(name: str, value: str, fits: Callable[[str], object] = _WORD.fullmatch) -> str:
    """Return the value if it is one of a few words, else `OTHER`."""
    known = _known.setdefault(name, set())
    if value not in known:
        if not fits(value) or len(known) >= LABEL_VALUES_AT_MOST:
            return OTHER
        known.add(value)
    return value


def login_ended(result: str, reason: str) -> None:
    """Count a login; every one is counted by its audit event, so nobody else need call this."""
    result = result if result in RESULTS else OTHER
    _LOGINS.labels(result, _label("reason", reason) if reason else "").inc()
    if scope := THROTTLED.get(reason):
        _THROTTLED.labels(scope).inc()


def login_took(seconds: float, result: str) -> None:
    """Note how long the door took to answer."""
    _LOGIN_SECONDS.labels(result if result in RESULTS else OTHER).observe(seconds)


def event_happened(kind: str) -> None:
    """Count an event that is not a login."""
    _EVENTS.labels(_label("event", kind)).inc()


class _ServerState(Protocol):
    @property
    def uri(self) -> str: ...
    @property
    def up(self) -> bool: ...


def directory_states(states: Callable[[], Iterable[_ServerState]]) -> None:
    """Have every look at the figures ask `states`, which must not block, which servers answer."""

    def is_up(uri: str) -> float:
        return float(any(state.up for state in states() if state.uri == uri))

    for state in states():
        figure = _DIRECTORY.labels(_label("server", state.uri, str.isprintable))
        figure.set_function(partial(is_up, state.uri))


def audit_lost(why: str) -> None:
    """Count an event that could not be written to the audit file."""
    _AUDIT_LOST.labels(_label("why", why)).inc()


def counters_dropped(count: int) -> None:
    """Count rows that the throttle gave up at the limit of its table."""
    _DROPPED.inc(count)
