"""How several workers share the tests (``pytest -n 2``): there is one centre, so its tests go to one of them.

The others stay together by file, for the servers that each file starts.
"""

from functools import cache
from pathlib import Path

from xdist.scheduler.loadscope import LoadScopeScheduling

__all__ = ["OneCentre"]

ROOT = Path(__file__).resolve().parent.parent
ON_THE_CENTRE = ("tests/browser/", "tests/integration/")


class OneCentre(LoadScopeScheduling):
    """Gives out files, and all those on the centre as one."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid.partition("::")[0])


@cache
def scope_of(file: str) -> str:
    """Return what a file of tests belongs to: the centre, or itself."""
    whole = file.startswith(ON_THE_CENTRE) or "RunningCentre" in (ROOT / file).read_text()
    return "centre" if whole else file
