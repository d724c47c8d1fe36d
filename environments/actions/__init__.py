"""The things that can be done to an environment, each as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from environments.layout import Layout
from environments.records import Action, Tell
from environments.site import Site
from slurm.records import Sentence

__all__ = ["Done", "run"]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action.

    Attributes
    ----------
    generation : str
        The id of the one that is in use now; empty after Delete.
    packages : int
        How many conda packages it has.
    notes : tuple of Sentence
        What the user should know: restart the server, what was carried, what was left behind.
    changed : bool
        False when everything was there already.
    """

    generation: str = ""
    packages: int = 0
    notes: tuple[Sentence, ...] = ()
    changed: bool = True


def run(action: Action, site: Site, layout: Layout, tell: Tell) -> Done:
    """Do it: hold, clean, build, switch, clean. What was there before works until the one moment of the switch.

    Raises
    ------
    environments.problems.Problem
        When it cannot be done or was not; the environment is as it was.
    environments.problems.Cancelled
        When somebody wanted it to end before the switch.
    """
    raise NotImplementedError
