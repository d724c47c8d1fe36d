"""The audit: one JSON line per event, in the hub's log and in a file of its own."""

from authenticator.audit.events import KINDS, Event, safe_name
from authenticator.audit.reader import read_events
from authenticator.audit.recorder import Audit

__all__ = ["KINDS", "Audit", "Event", "read_events", "safe_name"]
