"""What happened to somebody's second factor, and how it stands, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import texts
from authenticator.store import Notice

__all__ = ["Told", "closed_words", "told", "why_words"]

Sentence = tuple[str, Mapping[str, Any]]

HAPPENED: Final = {
    "enrolled": texts.mark("A device was set up for your account."),
    "enrolment_code": texts.mark("The administrator %(by)s made an enrolment code for your account."),
    "recovery_used": texts.mark("One of your recovery codes was used. Your device is out of use since then."),
    "codes_replaced": texts.mark("New recovery codes were made. The old ones do not work any more."),
    "resync": texts.mark("The clock of your device was matched with ours."),
    "reset": texts.mark("The administrator %(by)s removed your device and your recovery codes."),
    "disabled": texts.mark("The administrator %(by)s put your device out of use."),
    "enabled": texts.mark("The administrator %(by)s put your device in use again."),
    "locked": texts.mark("Your account was closed after too many attempts to log in."),
    "unlocked": texts.mark("The administrator %(by)s opened your account again after too many attempts."),
    "import": texts.mark("The administrator %(by)s gave your account the seed of a device."),
}
OTHER: Final = texts.mark("Something about your one-time passwords has changed: %(event)s.")

WHY: Final = {
    "recovery": texts.mark("a recovery code was used"),
    "administrator": texts.mark("by an administrator"),
    "locked": texts.mark("too many attempts"),
}

CLOSED: Final = {
    "locked": texts.mark("locked"),
    "disabled": texts.mark("disabled"),
    "expired": texts.mark("expired"),
    "not_yet": texts.mark("not valid yet"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """Something to tell somebody: when it was, and a sentence."""

    id: int
    at: datetime
    sentence: Sentence


def told(notice: Notice) -> Told:
    """Return a notice of the store in words."""
    msgid = HAPPENED.get(notice.event, OTHER)
    return Told(notice.id, notice.created, (msgid, {"by": notice.by, "event": notice.event}))


def closed_words(why: str) -> Sentence:
    """Return why the directory has closed an account."""
    return CLOSED.get(why, why), {}


def why_words(why: str) -> Sentence:
    """Return why a device is out of use; a word of somebody else's stays as it is."""
    return (WHY[why], {}) if why in WHY else ("%(why)s", {"why": why})
