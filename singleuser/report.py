"""A Jupyter Server extension that tells the hub the server's port, once the server listens on it.

It never reports a port that another process has: on a shared node that other process would be another
user's server, and the hub would send this user there.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import urllib.error
from pathlib import Path
from typing import Any

from singleuser import hub

LISTENING = "0A"  # proc(5): /proc/net/tcp, column st
PATIENCE = 3600  # seconds to keep trying: a hub may be away for an upgrade
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "singleuser.report"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Begin once the server's loop runs; Jupyter calls this by its name."""
    server.io_loop.add_callback(report, server)


async def report(server: Any) -> None:
    """Wait until the port is ours, and tell the hub until it has heard; end the server if it says no."""
    while not is_ours(server.port):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.02)
    loop = asyncio.get_running_loop()
    pause, deadline = FIRST_PAUSE, loop.time() + PATIENCE
    while True:
        outcome = await asyncio.to_thread(tell_hub, server.port)
        if outcome is None:
            note(str(server.port))
            server.log.info("The hub knows that this server listens on port %s", server.port)
            return
        final, words = outcome
        if final or loop.time() > deadline:
            note("refused")
            server.log.critical("The hub did not take port %s: %s. Ending.", server.port, words)
            server.stop(from_signal=True)
            return
        server.log.warning("The hub does not answer (%s); trying again in %.0f s", words, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def note(words: str) -> None:
    """Write down for start.sh, which starts a server again where that is wanted, what the hub said."""
    if file := os.environ.get("HPCHUB_PORT_FILE"):
        Path(file).write_text(words)


def tell_hub(port: int) -> tuple[bool, str] | None:
    """Post the port; None when the hub has it, else whether its no is final, and its words."""
    try:
        hub.ask("hpchub/port", {"port": port})
    except urllib.error.HTTPError as error:
        # 404: a hub that has just restarted may not have found its waiting servers yet.
        return error.code in (400, 403, 409), f"HTTP {error.code}"
    except OSError as error:
        return False, str(error)
    except (ValueError, http.client.HTTPException):
        return False, "the answer was not the hub's"
    return None


def is_ours(port: int) -> bool:
    """Say whether this very process listens on the port.

    A port that looked free can be another process's by the time it is bound, so the kernel is asked: the
    listening sockets of this network namespace by port, and among them those that we hold open.
    """
    listening = {
        fields[9]
        for table in ("tcp", "tcp6")
        for fields in _rows(Path("/proc/net") / table)
        if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port
    }
    return any(f"socket:[{inode}]" in _own_descriptors() for inode in listening)


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []


def _own_descriptors() -> set[str]:
    targets = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            targets.add(os.readlink(link))
        except OSError:
            continue  # the descriptor of this very listing is gone by now
    return targets
