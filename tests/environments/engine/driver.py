"""A process of its own that changes an environment, and kills itself when it is told to.

``python driver.py JSON``: root, url, specs, keep, carry; kill, a step at which it ends as if by kill -9;
settings of the site. It prints the problem's code, or nothing.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from environments import building, generations, holding
from environments.engine import Wanted
from environments.layout import Layout
from environments.problems import Cancelled, Problem
from environments.records import Progress
from environments.site import Site

NAME = "notebook"


def main() -> None:
    about = json.loads(sys.argv[1])
    layout = Layout(Path(about["root"]))
    site = Site(channels=(about["url"],), least_free_mb=0, **about.get("settings", {}))

    def tell(said: Progress | str) -> None:
        step = said.step if isinstance(said, Progress) else "line"
        print(step, file=sys.stderr, flush=True)
        if step == about.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with holding.hold(layout, NAME, about.get("action", "a")):
            _work(layout, site, about, tell)
    except Problem as problem:
        print(problem.code)
    except Cancelled:
        print("cancelled")


def _work(layout, site, about, tell):  # type: ignore[no-untyped-def]
    generations.clean(layout, NAME, site.keep_generations)
    now = generations.current(layout, NAME)
    wanted = Wanted(
        channels=site.channels, specs=tuple(about["specs"]), keep=now if about.get("keep") else None
    )
    made = building.build(
        layout,
        NAME,
        wanted,
        site=site,
        marks={"verb": "install"},
        tell=tell,
        carry=now if about.get("carry") else None,
        needs=about.get("needs", "nothing"),
    )
    tell(Progress("switch"))
    generations.switch(layout, NAME, made)
    tell(Progress("clean"))
    generations.clean(layout, NAME, 1)


main()
