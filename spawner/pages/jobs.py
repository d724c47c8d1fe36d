"""``/hub/hpchub/jobs``: what administrators should know of this hub's jobs, and of its submissions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from slurm.records import Job
from spawner.orphans import Orphans

__all__ = ["JobsHandler", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """A job that no server owns; `cancelled_at` is None where it is left alone."""

    job: Job
    cancelled_at: datetime | None


def rows_of(orphans: Orphans, now: datetime) -> list[Row]:
    """Put the orphans into the words of the page."""
    rows = []
    for orphan in orphans.known():
        left = orphans.left(orphan)
        rows.append(Row(orphan.job, None if left is None else now + timedelta(seconds=left)))
    return rows


class JobsHandler(BaseHandler):  # type: ignore[misc, unused-ignore]
    """Shows the jobs without a server to whoever may administer the hub."""

    @web.authenticated
    @needs_scope("admin-ui")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        office = self.current_user.spawner.shared()
        # Figures of the last half minute will do; then the watch has a look at them as well.
        snapshot = await office.monitor.look_jobs(30.0, 3.0)
        await office.orphans.look()
        html = await self.render_template(  # type: ignore[no-untyped-call]
            "jobs.html",
            rows=rows_of(office.orphans, datetime.now(UTC)),
            grace=office.orphans.grace,
            as_of=snapshot.jobs_at,
            silent=snapshot.jobs_problem is not None,
            in_line=office.turns.waiting,
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)  # type: ignore[no-untyped-call]
