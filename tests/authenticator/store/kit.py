"""Many who try the same at the same moment: threads here, and other processes."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from authenticator.keys import Keys
from authenticator.passcode import Seed
from authenticator.store import Store, Token

USER = "a1113a01"
SEED = Seed("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
OTHER = Seed("KRUGKIDROVUWG2ZAMJZG653OEBTG66BA")
NOW = 1_790_000_000
STEP = NOW // 30

# Another hub: gets ready for an attempt, says so, waits for the word, and tells how often it had success.
PROGRAM = """
import base64, json, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
import alembic.command
from authenticator.keys import Keys
from authenticator.store import Store

def attempts(url, keys, attempt, name, step, now, code, threads):
    if attempt == "open":
        return lambda: Store(url, keys).tokens.listing() == []
    store = Store(url, keys)
    return {
        "claim": lambda: store.tokens.claim(name, step, now=now),
        "recovery": lambda: store.recovery.use(name, now=now),
        "confirm": lambda: store.enrolments.confirm(name, code, label="", window=1, now=now),
    }[attempt]

def one(_):
    barrier.wait()
    return bool(attempt())

for line in sys.stdin:
    order = json.loads(line)
    attempt = attempts(keys=Keys(base64.b64decode(order.pop("key"))), **order)
    barrier = Barrier(order["threads"])
    with ThreadPoolExecutor(order["threads"]) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        print(sum(pool.map(one, range(order["threads"]))), flush=True)
"""


def at_once(attempt: Callable[[], object], times: int) -> int:
    """Return how many of so many threads have success."""
    barrier = Barrier(times)

    def one(_: int) -> bool:
        barrier.wait()
        return bool(attempt())

    with ThreadPoolExecutor(times) as pool:
        return sum(pool.map(one, range(times)))


class OtherHubs:
    """Two more processes, which stay for all tests: starting one takes longer than what it is to do."""

    def __init__(self) -> None:
        argv = [sys.executable, "-c", PROGRAM]
        self._running = [
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]

    def __call__(self, url: str, keys: Keys, attempt: str, name: str = "", *, threads: int) -> int:
        """Return how many attempts have success in both, with so many threads each."""
        key = base64.b64encode(keys.current).decode()
        order = {"url": url, "key": key, "attempt": attempt, "name": name, "threads": threads}
        order |= {"step": STEP, "now": NOW, "code": code_at(STEP)}
        assert self._tell(json.dumps(order)) == ["ready", "ready"]
        return sum(map(int, self._tell("now")))

    def _tell(self, line: str) -> list[str]:
        for each in self._running:
            assert each.stdin is not None
            each.stdin.write(f"{line}\n")
            each.stdin.flush()
        return [each.stdout.readline().strip() for each in self._running if each.stdout is not None]

    def close(self) -> None:
        for each in self._running:
            each.communicate(timeout=30)


def code_at(step: int, seed: Seed = SEED) -> str:
    return seed.generator().generate_otp(step)


def token_of(store: Store, user: str = USER) -> Token:
    token = store.tokens.get(user)
    assert token is not None
    return token
