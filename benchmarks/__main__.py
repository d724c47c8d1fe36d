"""Run all measurements, or those named: ``python -m benchmarks [start|logins]``."""

import sys

from benchmarks import logins, start
from tests.centre import running_centre

ON_THE_CENTRE = {"start": start.measure}
ALONE = {"logins": logins.measure}


def main() -> None:
    names = sys.argv[1:] or [*ALONE, *ON_THE_CENTRE]
    unknown = [name for name in names if name not in ALONE and name not in ON_THE_CENTRE]
    if unknown:
        sys.exit(f"no measurement called {unknown[0]}; there are {', '.join([*ALONE, *ON_THE_CENTRE])}")
    for name in names:
        if name in ALONE:
            print(ALONE[name](), flush=True)
    if on_the_centre := [name for name in names if name in ON_THE_CENTRE]:
        with running_centre() as centre:
            for name in on_the_centre:
                print(ON_THE_CENTRE[name](centre), flush=True)


if __name__ == "__main__":
    main()
