"""Gives out the tests to workers by whole files."""

from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.workers import WITHOUT_A_CENTRE

__all__ = ["ByFile"]


class ByFile(LoadScopeScheduling):
    """Whole files, for the servers that each starts, in the order in which they come.

    Tests on a centre mostly wait: one worker begins at the other end of the list, where those are that
    compute, so that the machine has work all the time.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node.gateway.id == WITHOUT_A_CENTRE:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
