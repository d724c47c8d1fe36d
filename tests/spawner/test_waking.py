"""What must not wait for the first visitor after a restart."""

from types import SimpleNamespace
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub

import spawner.spawner  # noqa: F401 - which has the hub open the office
from spawner.waking import open_office


class Server:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.opened = error, 0

    def shared(self) -> None:
        self.opened += 1
        if self.error is not None:
            raise self.error


def hub_with(server: Any, *, rows: bool = True) -> Any:
    db = orm.new_session_factory("sqlite:///:memory:")()
    user = orm.User(name="u")
    db.add(user)
    if rows:
        db.add(orm.Spawner(name="", user=user, state={"abandoned": ["hpchub/u/default/1"]}))
    db.commit()
    users = {user: SimpleNamespace(spawners={"": server})}
    return SimpleNamespace(db=db, users=users, log=None)


def test_job_that_the_last_hub_could_not_cancel_is_looked_after_before_anybody_comes() -> None:
    server = Server()
    open_office(hub_with(server))
    assert server.opened == 1


def test_hub_that_never_had_a_server_has_nothing_to_look_after() -> None:
    server = Server()
    open_office(hub_with(server, rows=False))
    assert server.opened == 0


def test_hub_starts_though_the_queues_cannot_be_read() -> None:
    server = Server(ValueError("queues.toml"))
    hub, told = hub_with(server), list[str]()
    hub.log = SimpleNamespace(exception=told.append)
    open_office(hub)
    assert (server.opened, len(told)) == (1, 1)


def test_another_kind_of_spawner_is_left_alone() -> None:
    open_office(hub_with(SimpleNamespace()))


def test_hub_does_so_when_it_takes_up_its_servers() -> None:
    assert JupyterHub.init_spawners.__globals__["__name__"] == "spawner.waking"
