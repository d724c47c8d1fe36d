"""``GET /hub/api/hpchub/server``: a server asks how long it has still; scripts and pages may, too."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tornado import web

from spawner.api import Api
from spawner.extending import room_of
from spawner.port import digest
from spawner.running import facts_of

__all__ = ["FactsHandler", "describe"]


class FactsHandler(Api):
    """Answers from memory: how often it is asked costs Slurm nothing."""

    def get(self) -> None:
        """Describe the server whose own token this is, or ``?server=NAME`` (and ``?user=NAME``)."""
        spawner = self._asking_server() or self._named_server()
        if not spawner.active or not (spawner.job_id or spawner.pending):
            raise web.HTTPError(404, "There is no such server, or it is not running")
        self.finish(describe(spawner))  # type: ignore[no-untyped-call]

    def _asking_server(self) -> Any:
        """Return the server that asks with its own token, or None."""
        token = self.get_auth_token()  # type: ignore[no-untyped-call]
        if not token:
            return None
        found, asked = None, digest(token)
        for spawner in getattr(self.current_user, "spawners", {}).values():
            expected = getattr(spawner, "token_digest", "")
            if expected and hmac.compare_digest(expected, asked):
                found = spawner
        return found

    def _named_server(self) -> Any:
        """Return the server that the query names, if whoever asks may see it."""
        if self.current_user is None:
            raise web.HTTPError(403, "Missing or invalid credentials")
        name = self.get_query_argument("server", "")
        user_name = self.get_query_argument("user", str(self.current_user.name))
        allowed = self.has_scope(f"read:servers!server={user_name}/{name}")  # type: ignore[no-untyped-call]
        user = self.find_user(user_name) if allowed else None  # type: ignore[no-untyped-call]
        # The same answer for what is not there and for what is none of his business.
        if user is None or name not in user.spawners:
            raise web.HTTPError(404, "There is no such server, or it is not running")
        return user.spawners[name]


def describe(spawner: Any) -> dict[str, Any]:
    """Describe a server for programs; times are ISO 8601 in UTC, and what is not known is null."""
    facts, room = facts_of(spawner), room_of(spawner)
    server = f"{spawner.user.escaped_name}/{quote(spawner.name, safe='')}".rstrip("/")
    return {
        "server": spawner.name,
        "job_id": facts.job_id,
        "queue": facts.queue,
        "state": facts.state,
        "node": facts.node or None,
        "gpus": facts.gpus,
        "cpus": facts.cpus,
        "memory_mb": facts.memory_mb,
        "started": _iso(facts.started),
        "ends": _iso(facts.ends),
        "seconds_left": None if facts.time_left is None else int(facts.time_left.total_seconds()),
        "warn_minutes": spawner.warn_minutes,
        "can_extend": room.hours > 0,
        "extend_hours": room.hours,
        "extend_to": _iso(room.until),
        "now": _iso(datetime.now(UTC)),
        "as_of": _iso(facts.as_of),
        "silent": facts.silent,
        "extend_url": f"{spawner.hub.base_url}hpchub/extend/{server}",
        "log_url": f"{spawner.hub.base_url}hpchub/log/{server}",
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
