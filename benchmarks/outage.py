"""What a dead directory costs everybody else.

It takes connections and never says a word, which is what a hung server or a firewall that drops packets looks
like. While fifty people try to log in, somebody who is logged in opens the home page every 20 milliseconds.
The same is done to a hub with jupyterhub-ldapauthenticator, which asks the directory on the hub's event loop
and without a time limit.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.hubs import Hub, running
from benchmarks.people import PEOPLE, USER, log_in, our_settings
from tests.authenticator.directory.listeners import Listener, Relay
from tests.authenticator.kit import PASSWORDS, Slapd

__all__ = ["dead_directory"]

WINDOW = 20.0  # seconds during which somebody else opens pages
PAUSE = 0.02
PEER = "jupyterhub-ldapauthenticator"


@dataclass
class Mortal(Relay):
    """Passes on what is said to the directory, until it dies: then it takes connections and says nothing."""

    dead: bool = False

    def talk(self, talk: socket.socket) -> None:
        if self.dead:
            Listener.talk(self, talk)
        else:
            super().talk(talk)


def dead_directory(slapd: Slapd, folder: Path) -> list[str]:
    """Return what other people's pages take while the directory is dead, here and with the peer."""
    lines = []
    for name, our_pages in (("hpchub", True), (PEER, False)):
        with Mortal(target=slapd.port) as relay:
            assert isinstance(relay, Mortal)
            place = folder / ("ours" if our_pages else "peer")
            text = our_settings(slapd, place, relay.port) if our_pages else peer_settings(place, relay.port)
            with running(place, text, our_pages=our_pages) as hub:
                lines.append(f"dead directory: {name}: {asyncio.run(others_pages(hub, relay))}")
    return lines


def peer_settings(place: Path, port: int) -> str:
    place.mkdir()
    return (
        'c.JupyterHub.authenticator_class = "ldapauthenticator.LDAPAuthenticator"\n'
        'c.LDAPAuthenticator.server_address = "localhost"\n'
        f"c.LDAPAuthenticator.server_port = {port}\n"
        'c.LDAPAuthenticator.tls_strategy = "on_connect"\n'
        'c.LDAPAuthenticator.bind_dn_template = ["uid={username},ou=people,dc=hpc,dc=example"]\n'
        "c.LDAPAuthenticator.allow_all = True\n"
    )


async def others_pages(hub: Hub, relay: Mortal) -> str:
    """Open one's home page again and again, first in peace, then while fifty people try to log in."""
    async with httpx.AsyncClient(base_url=hub.url, timeout=WINDOW) as reader:
        if await log_in(hub, USER, password=PASSWORDS[USER], client=reader) != httpx.codes.FOUND:
            raise RuntimeError("the reader could not log in")
        calm = await opened(reader, 3.0)
        relay.dead = True
        people = [asyncio.create_task(log_in(hub, f"user{number}")) for number in range(PEOPLE)]
        await asyncio.sleep(0.3)
        busy = await opened(reader, WINDOW)
        answered = sum(task.done() for task in people)
        for task in people:
            task.cancel()
        await asyncio.gather(*people, return_exceptions=True)
    return (
        f"others' page p50 {_quantile(busy, 50)}, p99 {_quantile(busy, 99)} of {len(busy)} opened in "
        f"{WINDOW:.0f} s (in peace p50 {_quantile(calm, 50)}, p99 {_quantile(calm, 99)}); "
        f"{answered} of {PEOPLE} people had an answer"
    )


async def opened(reader: httpx.AsyncClient, seconds: float) -> list[float]:
    took, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        try:
            answer = await reader.get("/hub/home", timeout=max(0.1, end - began))
            answer.raise_for_status()
        except httpx.TimeoutException:
            took.append(float("inf"))
            break
        took.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    return took


def _quantile(values: list[float], percent: int) -> str:
    value = sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
    return f"{value * 1000:.0f} ms" if value < float("inf") else f"over {WINDOW:.0f} s"
