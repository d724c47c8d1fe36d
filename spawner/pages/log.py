"""``/hub/hpchub/log/USER[/SERVER]``: the end of the log of a server's job, read as its user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tornado import web

from slurm.records import Sentence
from spawner.joblog import JobLogs, LogTail
from spawner.pages.page import ServerPage
from texts import mark as _

__all__ = ["LogHandler"]

LINES = 300

_logs = JobLogs()


class LogHandler(ServerPage):
    """Shows the log to who may open the server itself: it can hold whatever the server prints."""

    @web.authenticated
    async def get(self, user_name: str, server_name: str | None = None) -> None:
        spawner = self.spawner_of(user_name, server_name, "access:servers")
        job_id = spawner.job_id or str((spawner.ticket.last_end or {}).get("job_id", ""))
        tail = await self._tail(spawner, job_id)
        await self.show(
            "server_log.html",
            spawner,
            problem=_problem(tail),
            job_id=job_id,
            alive=bool(spawner.job_id),
            lines=tail.lines,
            most=LINES,
            read_at=datetime.now(UTC),
        )

    async def _tail(self, spawner: Any, job_id: str) -> LogTail:
        if not job_id:
            return LogTail()
        tail = await _logs.tail(spawner.acts, spawner.user.name, job_id, LINES)
        if tail.problem:
            self.log.warning("The log of job %s is not shown: %s %s", job_id, tail.problem, tail.detail)
        return tail


def _problem(tail: LogTail) -> Sentence | None:
    if tail.problem == "slow":
        text = _("The log is being read, but the file system takes its time. Try again in a moment.")
        return Sentence(text, {})
    if tail.problem:
        text = _("The log cannot be read at the moment: %(words)s")
        return Sentence(text, {"words": tail.detail})
    return None
