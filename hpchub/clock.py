"""Is this machine's clock kept right? One-time passwords need it to be (RFC 6238 section 6)."""

import ctypes
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level

__all__ = ["Discipline", "checks", "findings_of", "kernel_state"]

AREA: Final = "clock"
STA_UNSYNC: Final = 0x0040
# struct timex of a 64-bit Linux, read-only part: modes, offset, freq, maxerror, esterror, status
TIMEX: Final = struct.Struct("@i4xqqqqi")
ROOM_FOR_ALL: Final = 512
MOST_ERROR_SECONDS: Final = 5.0
ADVICE: Final = "run chrony, ntpd or systemd-timesyncd on this machine: chronyc tracking, timedatectl"


@dataclass(frozen=True, slots=True)
class Discipline:
    """What the kernel knows of whoever keeps its clock: whether somebody does, and how well at worst."""

    kept: bool
    error_seconds: float


def checks(_configuration: Configuration) -> Iterator[Finding]:
    """Yield what the kernel says of the clock."""
    yield findings_of(kernel_state())


def kernel_state() -> Discipline | None:
    """Ask the kernel (adjtimex(2), which changes nothing here); None where it does not tell."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    buffer = ctypes.create_string_buffer(ROOM_FOR_ALL)
    try:
        answer = ctypes.CDLL(None, use_errno=True).ntp_adjtime(buffer)
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    _modes, _offset, _frequency, most, _estimate, status = TIMEX.unpack_from(buffer)
    return Discipline(kept=not status & STA_UNSYNC, error_seconds=most / 1e6)


def findings_of(state: Discipline | None) -> Finding:
    """Say what it means."""
    check = "kept right"
    if state is None:
        return Finding(AREA, check, Level.WARNING, "this system does not tell whether it is", ADVICE)
    if not state.kept:
        return Finding(AREA, check, Level.WARNING, "the kernel knows of nobody who keeps it", ADVICE)
    if state.error_seconds > MOST_ERROR_SECONDS:
        seen = f"it may be wrong by up to {state.error_seconds:.1f} s"
        return Finding(AREA, check, Level.WARNING, seen, ADVICE)
    return Finding(AREA, check, Level.OK, f"yes, to {state.error_seconds:.3f} s at worst")
