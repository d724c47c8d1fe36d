"""Whether a prefix works, before anybody has to rely on it: its Python starts, and what is needed answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from environments.problems import Problem
from environments.supervising import run_child
from texts import mark as _

__all__ = ["Needs", "check"]

Needs = Literal["server", "python", "nothing"]

PROBE: Final = Path(__file__).resolve().with_name("probe.py")
LIMIT_SECONDS: Final = 180.0


def check(prefix: Path, needs: Needs, *, variables: Mapping[str, str] | None = None) -> None:
    """Try what is needed of a prefix.

    ``server``: Python starts, ``jupyterhub-singleuser`` answers, a kernel starts and calculates. ``python``:
    Python starts, and a kernel answers if there is one. Nothing of the person's own, such as ``~/.local`` or
    a Jupyter configuration, can help or hinder it.

    Raises
    ------
    Problem
        ``check``, with what was said.
    """
    if needs == "nothing":
        return
    with tempfile.TemporaryDirectory(prefix="hpchub-check-", ignore_cleanup_errors=True) as scratch:
        try:
            result = run_child(
                [str(prefix / "bin" / "python"), "-I", str(PROBE)],
                {"needs": needs},
                environ={**(variables or {}), **_environ(prefix, scratch)},
                stall_seconds=LIMIT_SECONDS,
                limit_seconds=LIMIT_SECONDS,
                hear=lambda about: None,
                cwd=Path(scratch),
            )
        except OSError as error:
            raise _no_python(str(error)) from None
        except Problem as problem:
            raise _no_python(f"{problem.sentence}\n{problem.details}") from None
    if "failed" in result:
        raise _PROBLEMS[str(result["failed"])](str(result["text"]))


def _environ(prefix: Path, scratch: str) -> dict[str, str]:
    return {
        "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": scratch,
        "TMPDIR": scratch,
        "IPYTHONDIR": f"{scratch}/ipython",
        "JUPYTER_CONFIG_DIR": f"{scratch}/config",
        "JUPYTER_DATA_DIR": f"{scratch}/data",
        "JUPYTER_RUNTIME_DIR": f"{scratch}/runtime",
        "PYTHONNOUSERSITE": "1",
    }


def _no_python(details: str) -> Problem:
    return Problem(
        "check",
        _(
            "The Python of the new environment does not start, so it was thrown away. What you had is "
            "unchanged. See the details."
        ),
        details=details,
    )


def _no_server(details: str) -> Problem:
    return Problem(
        "check",
        _(
            "No notebook server starts from the new environment, so it was thrown away. What you had is "
            "unchanged. See the details: most likely a package is missing or does not fit."
        ),
        details=details,
    )


def _no_kernel(details: str) -> Problem:
    return Problem(
        "check",
        _(
            "The kernel of the new environment does not answer, so it was thrown away. What you had is "
            "unchanged. See the details: most likely a package is missing or does not fit."
        ),
        details=details,
    )


_PROBLEMS: Final = {"python": _no_python, "server": _no_server, "kernel": _no_kernel}
