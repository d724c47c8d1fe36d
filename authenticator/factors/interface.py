"""What the door asks of a second factor, whoever checks the codes."""

import enum
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from traitlets import MetaHasTraits
from traitlets.config import Configurable

from authenticator.workers import Deadline

__all__ = ["Attempt", "How", "Proof", "SecondFactor"]


class How(enum.Enum):
    """What stood for the second factor."""

    OTP = "otp"
    RECOVERY = "recovery"
    ENROLMENT = "enrolment"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody at the door: a name that can be one, what was typed as the code, and the password."""

    name: str
    code: str = field(repr=False)
    password: bytes = field(repr=False)
    address: str


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Proof:
    """A code that is right.

    Attributes
    ----------
    how
        Which kind of code it was.
    password
        What the directory is asked to bind with: the password, or password and code in one.
    controls
        LDAP controls of that bind, as ldap3 takes them: (OID, criticality, value).
    settle
        Called once the password has proved right too, in the worker thread. It uses up what is not used up
        by the check itself, and raises `Refused` when somebody else was faster.
    """

    how: How
    password: bytes = field(repr=False)
    controls: tuple[tuple[str, bool, bytes | None], ...] = ()
    settle: Callable[[], None] = _nothing


class _Kind(ABCMeta, MetaHasTraits):
    """Knows of a class with settings whether it is complete."""


class SecondFactor(Configurable, metaclass=_Kind):
    """Checks codes. One instance serves all worker threads, so it holds no state of a single login.

    A subclass says in `title` what people call it, checks its settings in `problems`, and answers `check`.
    """

    title = ""
    enrols = False
    """Whether people enrol with us, at /hub/otp; otherwise the page points elsewhere."""

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that makes the settings unsafe or useless."""
        yield from ()

    @abstractmethod
    def check(self, attempt: Attempt, deadline: Deadline) -> Proof:
        """Check the code, and use it up, before the directory hears of anything.

        Raises
        ------
        Refused
            The code is not right, or was used.
        Unavailable
            We cannot tell: a server or the store does not answer.
        """
