"""Tells which compiled files an environment's Python can load; it is run by path with that Python.

Python believes what it finds without a look at its length. It speaks as `environments.supervising` expects.
"""

from __future__ import annotations

import json
import marshal
import sys
from importlib.util import MAGIC_NUMBER
from types import CodeType

HEAD_BYTES = 16


def main() -> None:
    paths = json.loads(sys.stdin.readline())["paths"]
    print(json.dumps({"result": {"whole": [path for path in paths if is_whole(path)]}}), flush=True)


def is_whole(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            content = file.read()
        # What its owner's Python is about to load anyway.
        code = marshal.loads(content[HEAD_BYTES:])  # noqa: S302
        return content.startswith(MAGIC_NUMBER) and isinstance(code, CodeType)
    except (OSError, ValueError, EOFError, TypeError):
        return False


if __name__ == "__main__":
    main()
