"""People who log in to a hub that is measured, and the settings of one that lets them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from authenticator.keys import load_keys, make_key_file
from authenticator.passcode import Seed, step_at
from authenticator.store import Store
from benchmarks.hubs import Hub
from tests.authenticator.kit import SEEDS, Slapd, settings_for

__all__ = ["PEOPLE", "USER", "code_now", "fresh", "log_in", "our_settings", "prepared"]

USER = "a1113a01"
PEOPLE = 50


def prepared(slapd: Slapd, place: Path) -> dict[str, Any]:
    make_key_file(place / "otp.key")
    return settings_for(slapd, place)


def fresh(store: Store, user: str) -> None:
    """Give a token whose present code was not used."""
    store.tokens.remove(user)
    store.tokens.put(user, SEEDS[user], now=time.time())


def our_settings(slapd: Slapd, place: Path, port: int | None) -> str:
    """Return our authenticator's lines; without a port, for the directory that answers."""
    if not place.exists():
        place.mkdir()
        settings = prepared(slapd, place)
        store = Store(settings["store_url"], load_keys(place / "otp.key"))
        store.tokens.put(USER, SEEDS[USER], now=time.time())
        for number in range(PEOPLE):
            store.tokens.put(f"user{number}", SEEDS[USER], now=time.time())
        store.close()
    settings = settings_for(slapd, place)
    if port is not None:
        settings["server_uris"] = [f"ldaps://localhost:{port}"]
    return (
        "from authenticator import LDAPOTPAuthenticator\n"
        "c.JupyterHub.authenticator_class = LDAPOTPAuthenticator\n"
        'c.Throttle.shared_networks = {"127.0.0.0/8": 100000}\n'
        f"for name, value in {settings!r}.items():\n    setattr(c.LDAPOTPAuthenticator, name, value)\n"
    )


async def log_in(
    hub: Hub,
    user: str,
    otp: str | None = None,
    password: str = "any",  # noqa: S107
    client: httpx.AsyncClient | None = None,
) -> int:
    """Log in, with a browser of one's own unless one is given; return the answer's status."""
    if client is None:
        async with httpx.AsyncClient(base_url=hub.url, timeout=120) as client:
            return await log_in(hub, user, otp, password, client)
    await client.get("/hub/login")
    fields = {"username": user, "password": password, "_xsrf": client.cookies["_xsrf"]}
    fields["otp"] = otp or code_now(SEEDS[USER])
    return (await client.post("/hub/login", data=fields)).status_code


def code_now(seed: Seed) -> str:
    return seed.generator().generate_otp(step_at(seed, time.time()))
