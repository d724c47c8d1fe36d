"""A connection to a notebook server ends with the session of who opened it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.authenticator.watch.smallhub import Paper, SmallHub, small_hub

ROOT = Path(__file__).resolve().parents[2]


class Notebook(SimpleLocalProcessSpawner):
    """A real notebook server that looks at its connections every half second."""

    def get_args(self) -> list[str]:
        extensions = "{'singleuser.leash': True, 'jupyterlab': False, 'notebook': False}"
        return [
            *super().get_args(),
            "--allow-root",
            "--HubOAuth.cache_max_age=1",
            f"--ServerApp.jpserver_extensions={extensions}",
        ]

    def get_env(self) -> dict[str, str]:
        return super().get_env() | {"PYTHONPATH": str(ROOT), "HPCHUB_LEASH_SECONDS": "0.5"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[SmallHub]:
    paper = Paper()
    paper.add("anna", "bert")
    command = [sys.executable, "-m", "jupyterhub.singleuser"]
    (tmp_path / "home").mkdir()
    home = str(tmp_path / "home")
    async with small_hub(
        tmp_path, paper, spawner_class=Notebook, spawner={"cmd": command, "home_dir_template": home}
    ) as running:
        yield running


async def connect(url: str, token: str) -> WebSocketClientConnection:
    """Open a connection on which a notebook server tells what happens."""
    address = f"{url.replace('http', 'ws', 1)}api/events/subscribe"
    return await websocket_connect(HTTPRequest(address, headers={"Authorization": f"token {token}"}))


async def next_message(connection: WebSocketClientConnection, seconds: float) -> Any:
    async with asyncio.timeout(seconds):
        return await connection.read_message()


async def test_an_open_connection_ends_with_the_session_and_the_server_runs_on(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    server = await hub.start_server(anna, "anna")
    url = server.server.url
    mine, other = (hub.token("anna", scopes=["access:servers!server=anna/"]) for _ in range(2))
    connection = await connect(url, mine)
    with pytest.raises(TimeoutError):
        await next_message(connection, 2.5)  # it stays open while the session is good

    await hub.watch.revoke("anna", reason="reset", by="dora")
    assert await next_message(connection, 10) is None
    assert connection.close_code == 4403
    with pytest.raises(HTTPClientError, match="403"):
        await connect(url, mine)
    async with httpx.AsyncClient(headers={"Authorization": f"token {other}"}, timeout=60) as script:
        assert (await script.get(f"{url}api/kernels")).status_code == 403
    assert server.ready
    assert await server.poll() is None
