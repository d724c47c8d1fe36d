"""Gives out the tests to workers by whole files."""

from xdist.scheduler.loadscope import LoadScopeScheduling

__all__ = ["ByFile"]


class ByFile(LoadScopeScheduling):
    """Whole files, for the servers that each starts, in the order in which they come."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]
