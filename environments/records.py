"""What is asked for, what is going on, and what is there: the words that all parts of this room share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, get_args

__all__ = ["STEPS", "VERBS", "Action", "Environment", "Event", "Progress", "Step", "Tell", "Verb"]

Verb = Literal[
    "bootstrap", "plugins", "reset", "install", "remove", "snapshot", "rollback", "import", "clone", "delete"
]
VERBS: Final[tuple[str, ...]] = get_args(Verb)

Step = Literal["prepare", "solve", "install", "carry", "check", "switch", "clean"]
STEPS: Final[tuple[str, ...]] = get_args(Step)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to be done to one environment of a user.

    Attributes
    ----------
    id : str
        16 hexadecimal digits, chosen by who asks; the same everywhere (job name, journal, page).
    environment : str
        Which one is made or changed; see `environments.names`.
    set : str
        bootstrap, reset: which of the site's sets; empty for the usual one (reset: the one it was made from).
    specs : tuple of str
        install: conda match specs; remove: package names.
    source : str
        clone: the environment that is copied; rollback: the generation to go back to (empty: the one before).
    label : str
        snapshot: what the user calls it.
    text, format : str
        import: the file's text, and ``yml``, ``explicit`` or ``lock``.
    cuda : str
        CUDA version for which packages are chosen, such as ``12.8``; empty for no GPU.
    """

    id: str
    verb: Verb
    environment: str
    set: str = ""
    specs: tuple[str, ...] = ()
    source: str = ""
    label: str = ""
    text: str = ""
    format: str = ""
    cuda: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "specs": list(self.specs)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Action:
        """Take what `as_json` gave. What is in it is checked by `environments.names.check`, not here."""
        known = {one.name for one in fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        return cls(**{**values, "specs": tuple(values.get("specs") or ())})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is; the totals are 0 while they are not known.

    Attributes
    ----------
    bytes_done, bytes_total : int
        Of what is fetched, in bytes.
    current : str
        The package that is worked on.
    """

    step: Step
    packages_done: int = 0
    packages_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    current: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an action's journal.

    Attributes
    ----------
    kind : str
        ``begin`` (about: action, host, job, pid, user), ``progress`` (about: `Progress`), ``line`` (about:
        text, what a tool said), ``end`` (about: result ``done``, ``failed`` or ``cancelled``; problem;
        packages; generation; seconds; notes, a list of sentences as ``{msgid, params}``).
    at : float
        Unix seconds.
    """

    kind: Literal["begin", "progress", "line", "end"]
    at: float
    about: Mapping[str, Any] = field(default_factory=dict)


Tell = Callable[[Progress | str], None]
"""Hears of progress, and of lines that a tool said; quick, and never raises."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a user, as it is found on the disk.

    Attributes
    ----------
    prefix : str
        Its address for everybody: ``ROOT/envs/NAME``.
    engine : str
        ``rattler``, ``conda``, ``mamba`` or ``micromamba``; empty for one that we did not make.
    made : float
        Unix seconds; 0 when not known.
    packages : int
        How many conda packages are in it.
    python : str
        Its Python's version; empty when there is none that could be run.
    server : bool
        Whether a notebook server can be started from it.
    kernel : bool
        Whether it can be a kernel (it has ipykernel).
    generations : tuple of Mapping
        Where it can go back to, newest first: id, made (Unix seconds), label, verb, current (bool), packages.
    busy : str
        The id of the action that works on it; empty for none.
    """

    name: str
    prefix: str
    engine: str = ""
    set: str = ""
    made: float = 0.0
    packages: int = 0
    python: str = ""
    server: bool = False
    kernel: bool = False
    generations: tuple[Mapping[str, Any], ...] = ()
    busy: str = ""
