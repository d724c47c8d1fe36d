"""What a login costs, and what a dead directory costs everybody else.

The directory of the second part takes connections and never says a word, which is what a hung server or a
firewall that drops packets looks like. While fifty people try to log in, somebody else opens a page every 20
milliseconds. The same is done to a hub with jupyterhub-ldapauthenticator, which asks the directory on the
hub's event loop and without a time limit.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from authenticator import LDAPOTPAuthenticator
from authenticator.directory import ldap
from authenticator.directory.tls import Endpoint, VerifiedTls, client_context
from authenticator.keys import load_keys, make_key_file
from authenticator.passcode import Seed, step_at
from authenticator.store import Store
from authenticator.workers import Deadline
from benchmarks.hubs import Hub, running
from benchmarks.refusals import SETTINGS, gaps
from demo import certificates, directory
from tests.authenticator.directory.listeners import Listener
from tests.authenticator.kit import ACCOUNTS, PASSWORDS, SEEDS, Slapd, browser, free_port, settings_for

__all__ = ["measure"]

USER = "a1113a01"
ROUNDS = 200
PEOPLE = 50
WINDOW = 20.0  # seconds during which somebody else opens pages
PAUSE = 0.02
PEER = "jupyterhub-ldapauthenticator"


def measure() -> str:
    """Return a report of all parts."""
    folder = Path(tempfile.mkdtemp(prefix="hpchub-bench-"))
    folder.chmod(0o755)
    try:
        with slapd_in(folder) as slapd:
            parts = [
                *asyncio.run(cost(slapd, folder)),
                refusals(slapd, folder),
                *dead_directory(slapd, folder),
            ]
            return "\n".join(parts)
    finally:
        shutil.rmtree(folder)


@contextmanager
def slapd_in(folder: Path) -> Iterator[Slapd]:
    files = certificates.ensure(folder / "tls", "localhost")
    port = free_port()
    argv = directory.prepare(
        folder / "ldap", port=port, certificates=files, accounts=ACCOUNTS, home_pattern="/home/{username}"
    )
    server = Slapd(folder, port, 0, argv, files)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# ----- a login --------------------------------------------------------------------------------------


async def cost(slapd: Slapd, folder: Path) -> list[str]:
    """Compare `authenticate` with one bare bind over TLS, in turn; then many at once."""
    place = folder / "cost"
    place.mkdir()
    door = LDAPOTPAuthenticator(**prepared(slapd, place))
    door.check_allow_config()
    ours, bare = [], []
    for _ in range(ROUNDS):
        fresh(door.store, USER)
        ours.append(await timed(door, USER))
        bare.append(await asyncio.to_thread(bare_bind, slapd))
    ratio = statistics.median(ours) / statistics.median(bare)
    began = time.perf_counter()
    users = ["a1113a01", "a1113a02", "a1113a03", "hpcadmin"]
    for _ in range(ROUNDS // len(users)):
        for user in users:
            fresh(door.store, user)
        await asyncio.gather(*(timed(door, user) for user in users))
    rate = ROUNDS / (time.perf_counter() - began)
    return [
        f"login: {ROUNDS} pairs; authenticate {_ms(ours)}, one bare bind over TLS {_ms(bare)}, "
        f"ratio {ratio:.1f} (ours: the service account's connection, the person's, and four commits to disk)",
        f"login: {rate:.0f} a second with {len(users)} at a time",
    ]


def prepared(slapd: Slapd, place: Path) -> dict[str, Any]:
    make_key_file(place / "otp.key")
    return settings_for(slapd, place)


def fresh(store: Store, user: str) -> None:
    """Give a token whose present code was not used."""
    store.tokens.remove(user)
    store.tokens.put(user, SEEDS[user], now=time.time())


async def timed(door: LDAPOTPAuthenticator, user: str) -> float:
    data = {"username": user, "otp": _code(SEEDS[user]), "password": PASSWORDS[user]}
    began = time.perf_counter()
    await door.authenticate(browser(), data)
    return time.perf_counter() - began


def bare_bind(slapd: Slapd) -> float:
    endpoint = Endpoint(slapd.uri)
    began = time.perf_counter()
    tls = VerifiedTls(client_context(slapd.certificates.ca), endpoint.host, Deadline(5))
    dn = f"uid={USER},ou=people,{directory.SUFFIX}"
    password = PASSWORDS[USER].encode()
    link = ldap.connection(
        endpoint, tls, dn, password, connect_timeout=3, receive_timeout=5, deadline=Deadline(5)
    )
    ldap.connect(link)
    ldap.bind(link)
    ldap.close(link)
    return time.perf_counter() - began


# ----- refusals ---------------------------------------------------------------------------------------


def refusals(slapd: Slapd, folder: Path) -> str:
    """Return how far the times of refusals are apart, whatever their cause."""
    place = folder / "refusals"
    settings = our_settings(slapd, place, None) + SETTINGS
    store = Store(f"sqlite:///{place / 'tokens.sqlite'}", load_keys(place / "otp.key"))
    with running(place, settings, our_pages=True) as hub:
        line = f"refusals: {gaps(hub, store)}"
    store.close()
    return line


# ----- a dead directory -------------------------------------------------------------------------------


def dead_directory(slapd: Slapd, folder: Path) -> list[str]:
    """Return what other people's pages take while the directory is dead, here and with the peer."""
    lines = []
    with Listener() as silent:
        for name, text, our_pages in (
            ("hpchub", our_settings(slapd, folder / "ours", silent.port), True),
            (PEER, peer_settings(folder / "peer", silent.port), False),
        ):
            with running(folder / ("ours" if our_pages else "peer"), text, our_pages=our_pages) as hub:
                lines.append(f"dead directory: {name}: {asyncio.run(others_pages(hub))}")
    with running(folder / "ours", our_settings(slapd, folder / "ours", None), our_pages=True) as hub:
        lines.append(f"1,000 logins: {asyncio.run(thousand(hub, folder / 'ours'))}")
    return lines


def our_settings(slapd: Slapd, place: Path, port: int | None) -> str:
    """Return our authenticator's lines; without a port, for the directory that answers."""
    if not place.exists():
        place.mkdir()
        settings = prepared(slapd, place)
        store = Store(settings["store_url"], load_keys(place / "otp.key"))
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


async def others_pages(hub: Hub) -> str:
    """Open the login page again and again, first in peace, then while fifty people try to log in."""
    async with httpx.AsyncClient(base_url=hub.url, timeout=WINDOW) as reader:
        calm = await opened(reader, 3.0)
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
            await reader.get("/hub/login", timeout=max(0.1, end - began))
        except httpx.TimeoutException:
            took.append(float("inf"))
            break
        took.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    return took


async def log_in(hub: Hub, user: str, otp: str | None = None, password: str = "any") -> int:  # noqa: S107
    async with httpx.AsyncClient(base_url=hub.url, timeout=120) as client:
        await client.get("/hub/login")
        fields = {"username": user, "password": password, "_xsrf": client.cookies["_xsrf"]}
        fields["otp"] = otp or _code(SEEDS[USER])
        return (await client.post("/hub/login", data=fields)).status_code


async def thousand(hub: Hub, place: Path) -> str:
    """Log in and fail to, a thousand times over, and look at what the hub keeps."""
    store = Store(f"sqlite:///{place / 'tokens.sqlite'}", load_keys(place / "otp.key"))
    seen: dict[int, int] = {}
    for turn in range(10):
        await some(hub, store, seen, turn)
    memory, descriptors = hub.resident_mib(), hub.descriptors()
    for turn in range(10, 250):
        await some(hub, store, seen, turn)
    store.close()
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(seen.items()))
    return (
        f"memory {memory:.0f} -> {hub.resident_mib():.0f} MiB, "
        f"descriptors {descriptors} -> {hub.descriptors()}; answers {answers}"
    )


async def some(hub: Hub, store: Store, seen: dict[int, int], turn: int) -> None:
    """Two logins that succeed and two that do not, at once."""
    good, bad = ("a1113a01", "a1113a02"), (f"nobody{turn}", f"noone{turn}")
    for user in good:
        fresh(store, user)
    logins = [log_in(hub, user, _code(SEEDS[user]), PASSWORDS[user]) for user in good]
    for status in await asyncio.gather(*logins, *(log_in(hub, user) for user in bad)):
        seen[status] = seen.get(status, 0) + 1


# ----- figures ----------------------------------------------------------------------------------------


def _code(seed: Seed) -> str:
    return seed.generator().generate_otp(step_at(seed, time.time()))


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.1f} ms"


def _quantile(values: list[float], percent: int) -> str:
    value = sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
    return f"{value * 1000:.0f} ms" if value < float("inf") else f"over {WINDOW:.0f} s"
