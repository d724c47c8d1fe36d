"""Run all measurements, or those named: ``python -m benchmarks [start]``."""

import sys

from benchmarks import start
from tests.centre import running_centre

MEASUREMENTS = {"start": start.measure}


def main() -> None:
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"no measurement called {unknown[0]}; there are {', '.join(MEASUREMENTS)}")
    with running_centre() as centre:
        for name in names:
            print(MEASUREMENTS[name](centre), flush=True)


if __name__ == "__main__":
    main()
