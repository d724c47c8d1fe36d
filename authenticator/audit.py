"""The seam for the audit. What stands here writes one JSON line per login to the hub's log."""

import datetime
import json
import logging
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Audit", "LogAudit", "LoginEvent", "safe_name"]

LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """One attempt to log in: never a password, a code, or more of a name than fits a line."""

    result: str  # "success", "refused" or "unavailable"
    reason: str
    user: str
    address: str


class Audit(Protocol):
    """Takes note of every attempt. Must neither block nor raise."""

    def record(self, event: LoginEvent) -> None:
        """Take note of one attempt."""


class LogAudit:
    """Writes each event as ``audit {...}``, times in UTC."""

    def __init__(self, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._log = log

    def record(self, event: LoginEvent) -> None:
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "event": "login",
            "result": event.result,
            "reason": event.reason,
            "user": safe_name(event.user),
            "address": event.address,
        }
        # ensure_ascii (the default) leaves no line break or terminal sequence in the text.
        self._log.info("audit %s", json.dumps(line))


def safe_name(text: object) -> str:
    r"""Return what was typed as a name, fit for a log: short, and printable ASCII.

    >>> safe_name("a1113a01"), safe_name("x\n" + "y" * 99), safe_name(None)
    ('a1113a01', 'x?yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy', '')
    """
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if not isinstance(words, str):
        return ""
    return "".join(sign if " " < sign <= "~" else "?" for sign in words[:LONGEST_NAME])
