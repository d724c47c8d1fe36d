"""A hub's database as it is after a busy morning: people, and the servers that run for them.

The hubs start with it, so what is measured is a hub that was restarted, with servers that it did not start
itself, and nobody has to start a thousand notebooks three times over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jupyterhub import orm, roles
from tornado.web import create_signed_value

from benchmarks.load.grounds import ROOMY, person
from benchmarks.load.jobs import Server
from spawner.ticket import Ticket

__all__ = ["cookie", "prepare"]

LOGIN_COOKIE = "jupyterhub-hub-login"


def prepare(path: Path, servers: Sequence[Server], people: int, *, ours: bool) -> None:
    """Make the database anew; `ours` says whose spawner has saved the servers' state."""
    path.unlink(missing_ok=True)
    session = orm.new_session_factory(f"sqlite:///{path}")()
    names = [person(number) for number in range(people)]
    users = {name: orm.User(name=name, cookie_id=cookie_id(name)) for name in names}
    session.add_all(users.values())
    # A hub that finds no roles gives them to everybody, one by one: an upgrade, and not a restart.
    for role in roles.get_default_roles():
        roles.create_role(session, role, commit=False)
    session.flush()
    everybody = orm.Role.find(session, "user")
    everybody.users.extend(users.values())
    for server in servers:
        session.add(_row(server, users[server.owner], ours=ours))
    session.commit()
    session.get_bind().dispose()


def cookie_id(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:32]


def cookie(secret: bytes, name: str) -> str:
    """Return the cookie of a browser in which somebody has logged in."""
    value = create_signed_value(secret, LOGIN_COOKIE, cookie_id(name))
    return f"{LOGIN_COOKIE}={value.decode()}"


def _row(server: Server, user: orm.User, *, ours: bool) -> orm.Spawner:
    started = datetime.now(UTC).replace(tzinfo=None)
    address = orm.Server(proto="http", ip=server.node, port=server.port, base_url=f"/user/{server.owner}/")
    return orm.Spawner(
        user=user,
        name="",
        server=address,
        state=_our_state(server) if ours else _peers_state(server),
        user_options={"queue": ROOMY} if ours else {},
        started=started,
        last_activity=started,
    )


def _our_state(server: Server) -> dict[str, Any]:
    digest = sha256(server.owner.encode()).hexdigest()
    ticket = Ticket(name=server.job_name, token_digest=digest, host=server.node, port=server.port)
    return {**ticket.to_state(), "job_id": server.job_id}


def _peers_state(server: Server) -> dict[str, Any]:
    """As batchspawner saves it; jupyterhub_moss adds nothing of its own."""
    return {"job_id": server.job_id, "job_status": f"RUNNING {server.node}"}
