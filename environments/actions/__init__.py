"""The things that can be done to an environment, each as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from environments import generations, holding, names
from environments.actions import changing, making, states
from environments.actions.work import Done, Work, inside
from environments.explaining import explain_os
from environments.layout import Layout
from environments.records import Action, Progress, Tell
from environments.site import Site

__all__ = ["Done", "run"]

_DOING: Final[Mapping[str, Callable[[Work], Done]]] = {
    "bootstrap": making.bootstrap,
    "reset": making.reset,
    "import": making.import_file,
    "clone": making.clone,
    "plugins": changing.plugins,
    "install": changing.install,
    "remove": changing.remove,
    "snapshot": states.snapshot,
    "rollback": states.rollback,
    "delete": states.delete,
}


def run(action: Action, site: Site, layout: Layout, tell: Tell) -> Done:
    """Do it: hold, clean, build, switch, clean. What was there before works until the moment of the switch.

    Raises
    ------
    environments.problems.Problem
        When it cannot be done or was not; the environment is as it was.
    environments.problems.Cancelled
        When somebody wanted it to end before the switch.
    """
    try:
        names.check(action, site, existing=_existing(layout))
        tell(Progress("prepare"))
        inside(layout)
        with holding.hold(layout, action.environment, action.id) as hold:
            generations.clean(layout, action.environment, site.keep_generations)
            work = Work(action, site, layout, tell, hold)
            return _DOING[action.verb](work)
    except OSError as error:
        raise explain_os(error) from error


def _existing(layout: Layout) -> list[str]:
    try:
        return [path.name for path in layout.envs.iterdir()]
    except OSError:
        return []
