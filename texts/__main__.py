"""``python -m texts`` says what the catalogues lack."""

import sys
from pathlib import Path

from texts.extract import find_texts, problems


def main() -> int:
    lines = list(problems(find_texts(Path(__file__).resolve().parent.parent)))
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
