"""Run all measurements, or one: ``python -m benchmarks [environments|load|logins|start|page]``.

``environments`` and ``load`` take options (``--help`` lists them); ``page`` writes docs/benchmarks.md anew
from the newest figures.
"""

import sys
from collections.abc import Callable, Sequence

from benchmarks import logins, start
from benchmarks.environments import session as environments_session
from benchmarks.load import page as load_page
from benchmarks.load import session as load_session
from tests.centre import running_centre

ON_THE_CENTRE = {"start": start.measure}
WITH_OPTIONS: dict[str, Callable[[Sequence[str]], str]] = {
    "environments": environments_session.measure,
    "load": load_session.measure,
}
ALONE: dict[str, Callable[[], str]] = {"logins": logins.measure}
NAMES = ("logins", "start", "environments", "load")


def main() -> None:
    words = sys.argv[1:]
    if words and words[0] in WITH_OPTIONS:
        print(WITH_OPTIONS[words[0]](words[1:]), flush=True)
        return
    if words == ["page"]:
        load_page.write()
        environments_session.write()
        return
    if unknown := [name for name in words if name not in NAMES]:
        sys.exit(f"no measurement called {unknown[0]}; there are {', '.join(NAMES)}, and page")
    for name in words or NAMES:
        measure(name)


def measure(name: str) -> None:
    """Run one measurement; the load has a centre of its own on the same ports, so no two are up at once."""
    if name in WITH_OPTIONS:
        print(WITH_OPTIONS[name](()), flush=True)
    elif name in ALONE:
        print(ALONE[name](), flush=True)
    else:
        with running_centre() as centre:
            print(ON_THE_CENTRE[name](centre), flush=True)


if __name__ == "__main__":
    main()
