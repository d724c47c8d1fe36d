"""Runs cells in kernels of a user's server, as Notebook and Lab do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.person import Person

__all__ = ["kernels_of", "run_cell"]

SECONDS = 120


def headers_of(person: Person) -> dict[str, str]:
    made = person.api("POST", f"users/{person.name}/tokens", json={"note": "test", "expires_in": 300})
    return {"Authorization": f"token {made.json()['token']}"}


async def run_cell(person: Person, code: str, kernel: str = "python3") -> str:
    """Run a cell in a new kernel; return what it has written.

    Parameters
    ----------
    kernel : str
        The kernel's name, as `kernels_of` has it.
    """
    headers = headers_of(person)
    base = f"{person.url}user/{person.name}/api/kernels"
    async with httpx.AsyncClient(headers=headers, timeout=SECONDS) as http:
        made = await http.post(base, json={"name": kernel})
        assert made.status_code == 201, made.text
        try:
            url = f"{base}/{made.json()['id']}/channels".replace("http", "ws", 1)
            async with asyncio.timeout(SECONDS):
                return await _ask(HTTPRequest(url, headers=headers), code)
        finally:
            await http.delete(f"{base}/{made.json()['id']}")


async def _ask(request: HTTPRequest, code: str) -> str:
    socket = await websocket_connect(request)
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3"}
    content = {"code": code, "silent": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    said, reply, idle = "", {"status": ""}, False
    # What a cell writes comes on another channel than the reply, and may come after it.
    while not (reply["status"] and idle):
        answer = json.loads(str(await socket.read_message()))
        kind, content = answer["msg_type"], answer["content"]
        if answer["parent_header"].get("msg_id") != "1":
            continue
        said += content.get("text", "") if kind == "stream" else ""
        reply = content if kind == "execute_reply" else reply
        idle = idle or (kind == "status" and content["execution_state"] == "idle")
    socket.close()
    assert reply["status"] == "ok", reply
    return said


def kernels_of(person: Person) -> dict[str, Any]:
    """Return the kernels that the user's server offers, by name."""
    answer = httpx.get(
        f"{person.url}user/{person.name}/api/kernelspecs", headers=headers_of(person), timeout=60
    )
    return dict(answer.json()["kernelspecs"])
