"""Solves and installs with py-rattler, in a process of its own that may crash, hang or be killed.

It is run by path with ``-I`` and speaks as `environments.supervising` expects. py-rattler 0.28 may crash the
interpreter when it ends, so it never ends by itself, and asyncio's cancelling does not stop an install.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

TRIED_BYTES: Final = 2**18

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    # Not PYTHONPATH, which is not ours; our own packages come last.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no line of ours
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_live_with, args=(sys.stdin,), daemon=True).start()
    say = _sayer(out)
    asyncio.new_event_loop().run_until_complete(_answer(request, say))
    os._exit(0)


async def _answer(request: dict[str, Any], say: Say) -> None:
    try:
        from environments.rattling import do_fill, do_solve

        do = {"fill": do_fill, "solve": do_solve}[request["do"]]
        result = await do(request, say)
    except Exception as error:
        # As py-rattler words it, by which it is told what this means.
        number = f"\nCaused by: (os error {error.errno})" if isinstance(error, OSError) else ""
        result = {"failed": type(error).__name__, "text": f"{error}{number}{_why_not_written(request)}"}
    say({"result": result})


def _why_not_written(request: dict[str, Any]) -> str:
    """Return what hinders writing right now, as py-rattler words it, which does not always tell."""
    if not request.get("prefix"):
        return ""
    try:
        with tempfile.TemporaryFile(dir=Path(request["prefix"]).parent) as file:
            file.write(bytes(TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"\nCaused by: {error.strerror} (os error {error.errno})"
    return ""


def _sayer(out: IO[str]) -> Say:
    def say(about: dict[str, Any]) -> None:
        out.write(json.dumps(about) + "\n")
        out.flush()

    return say


def _live_with(pipe: IO[str]) -> None:
    """End, with all children, as soon as whoever started us is gone."""
    pipe.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
