"""Run all measurements, or one: ``python -m benchmarks [start|logins|load|page]``.

``load`` takes options (``python -m benchmarks load --help``); ``page`` writes its page anew from the figures.
"""

import sys
from collections.abc import Callable

from benchmarks import logins, start
from benchmarks.load import page, session
from tests.centre import running_centre

ON_THE_CENTRE = {"start": start.measure}
ALONE: dict[str, Callable[[], str]] = {"logins": logins.measure, "load": session.measure}
NAMES = ("logins", "start", "load")


def main() -> None:
    words = sys.argv[1:]
    if words[:1] == ["load"]:
        print(session.measure(words[1:]), flush=True)
        return
    if words == ["page"]:
        page.write()
        return
    if unknown := [name for name in words if name not in NAMES]:
        sys.exit(f"no measurement called {unknown[0]}; there are {', '.join(NAMES)}, and page")
    for name in words or NAMES:
        measure(name)


def measure(name: str) -> None:
    """Run one measurement; the load has a centre of its own on the same ports, so no two are up at once."""
    if name in ALONE:
        print(ALONE[name](), flush=True)
        return
    with running_centre() as centre:
        print(ON_THE_CENTRE[name](centre), flush=True)


if __name__ == "__main__":
    main()
