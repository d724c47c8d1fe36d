"""What a login costs, what a refusal tells by its time, and what a hub keeps of a thousand."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from authenticator import LDAPOTPAuthenticator
from authenticator.directory import ldap
from authenticator.directory.tls import Endpoint, VerifiedTls, client_context
from authenticator.keys import load_keys
from authenticator.store import Store
from authenticator.workers import Deadline
from benchmarks.hubs import Hub, running
from benchmarks.outage import dead_directory
from benchmarks.people import USER, code_now, fresh, log_in, our_settings, prepared
from benchmarks.refusals import SETTINGS, gaps
from demo import certificates, directory
from tests.authenticator.kit import ACCOUNTS, PASSWORDS, SEEDS, Slapd, browser
from tests.ports import free_port

__all__ = ["measure"]

ROUNDS = 200


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
                many(slapd, folder),
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


async def timed(door: LDAPOTPAuthenticator, user: str) -> float:
    data = {"username": user, "otp": code_now(SEEDS[user]), "password": PASSWORDS[user]}
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


def many(slapd: Slapd, folder: Path) -> str:
    """Return what a hub keeps after a thousand logins, half of them refused."""
    place = folder / "many"
    with running(place, our_settings(slapd, place, None), our_pages=True) as hub:
        return f"1,000 logins: {asyncio.run(thousand(hub, place))}"


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
    logins = [log_in(hub, user, code_now(SEEDS[user]), PASSWORDS[user]) for user in good]
    for status in await asyncio.gather(*logins, *(log_in(hub, user) for user in bad)):
        seen[status] = seen.get(status, 0) + 1


# ----- figures ----------------------------------------------------------------------------------------


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.1f} ms"
