"""What the hub knows of people who are logged in: who may stay, and how old that knowledge is.

Times are seconds of a clock that only goes forward. Nothing here asks anybody anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Known", "too_many"]

# More than half of at least ten people do not leave within two minutes: that directory is not to be believed.
FEWEST: Final = 10
SHARE: Final = 0.5


@dataclass(slots=True)
class _Entry:
    answered: float  # when the directory was last asked with success, or the person first seen
    why_not: str = ""  # one word why the person may not stay
    asked: bool = True


class Known:
    """Remembers answers of the directory.

    Parameters
    ----------
    grace
        For how many seconds an answer is good when there is no newer one.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._entries: dict[str, _Entry] = {}
        self._wanted: dict[str, None] = {}  # in the order of their coming

    def may_stay(self, name: str, now: float) -> bool:
        """Answer from memory; who is not known yet may stay, and is asked about next."""
        entry = self._entries.get(name)
        if entry is None:
            self._entries[name] = _Entry(now, asked=False)
            self._wanted[name] = None
            return True
        if entry.why_not:
            self._wanted[name] = None
            return False
        return now - entry.answered <= self._grace

    def age(self, name: str, now: float) -> float:
        """Return how old the directory's last answer about somebody is."""
        entry = self._entries.get(name)
        return now - entry.answered if entry and entry.asked else float("inf")

    def learn(self, name: str, why_not: str, asked_at: float) -> bool:
        """Take an answer to a question of that time; False when it is older than what is known."""
        old = self._entries.get(name)
        if old and old.asked and old.answered > asked_at:
            return False  # the person has just logged in, for one
        self._entries[name] = _Entry(asked_at, why_not)
        return True

    def is_out(self, name: str) -> bool:
        """Tell whether the last answer was that somebody must go."""
        entry = self._entries.get(name)
        return bool(entry and entry.why_not)

    @property
    def somebody_is_wanted(self) -> bool:
        return bool(self._wanted)

    def take_wanted(self) -> list[str]:
        """Return who is to be asked about before all others, and forget that."""
        wanted, self._wanted = list(self._wanted), {}
        return wanted

    def oldest_first(self, names: Iterable[str]) -> list[str]:
        """Sort names by the age of what is known, so that a look that fails is continued by the next."""
        entries = self._entries
        return sorted(names, key=lambda name: entries[name].answered if name in entries else float("-inf"))

    def keep_only(self, names: Iterable[str], now: float) -> None:
        """Forget who has nothing to lose any more."""
        needed = set(names)
        gone = [name for name, one in self._entries.items() if name not in needed]
        for name in gone:
            # Somebody may have come in since the names were listed.
            if now - self._entries[name].answered > self._grace:
                del self._entries[name]


def too_many(answers: Mapping[str, str], out_already: Iterable[str]) -> bool:
    """Tell whether more people are said to be gone, all at once, than can be true.

    >>> too_many({f"a{number}": "gone" for number in range(10)}, []), too_many({"anna": "gone"}, [])
    (True, False)
    """
    newly = set(answers) - set(out_already)
    gone = sum(bool(answers[name]) for name in newly)
    return gone >= FEWEST and gone > SHARE * len(newly)
