"""The audit: one JSON line per event, in the hub's log and in a file of its own."""

import logging
from typing import Any

from authenticator.audit.events import KINDS, Event, safe_name
from authenticator.audit.reader import read_events
from authenticator.audit.recorder import Audit

__all__ = ["KINDS", "Audit", "Event", "LogAudit", "LoginEvent", "read_events", "safe_name"]


def LoginEvent(result: str, reason: str, user: str, address: str) -> Event:  # noqa: N802 - was a class
    """Return a login as an event: the name until the door says `Event` itself."""
    return Event("login", result, reason, user, address)


class LogAudit(Audit):
    """The audit without a file: the name until the door makes an `Audit` itself."""

    def __init__(self, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        super().__init__(log=log)
