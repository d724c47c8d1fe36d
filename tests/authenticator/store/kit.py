"""Many who try the same at the same moment: threads here, and other processes."""

import base64
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

# Gets ready, says so, waits for the word, and tells how often it had success.
PROGRAM = """
import base64, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from authenticator.keys import Keys
from authenticator.store import Store
url, attempt, threads, step, now, code = sys.argv[1:]
keys = Keys(base64.b64decode(sys.stdin.readline()))
name = sys.stdin.readline().strip()
barrier = Barrier(int(threads))
attempts = {
    "open": lambda: Store(url, keys).tokens.listing() == [],
    "claim": lambda: store.tokens.claim(name, int(step), now=int(now)),
    "recovery": lambda: store.recovery.use(name, now=int(now)),
    "confirm": lambda: store.enrolments.confirm(name, code, label="", window=1, now=int(now)),
}
def one(_):
    barrier.wait()
    return bool(attempts[attempt]())
with ThreadPoolExecutor(int(threads)) as pool:
    if attempt == "open":
        import alembic.command  # takes a moment
    else:
        store = Store(url, keys)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(pool.map(one, range(int(threads)))))
"""


def at_once(attempt: Callable[[], object], times: int) -> int:
    """Return how many of so many threads have success."""
    barrier = Barrier(times)

    def one(_: int) -> bool:
        barrier.wait()
        return bool(attempt())

    with ThreadPoolExecutor(times) as pool:
        return sum(pool.map(one, range(times)))


def in_processes(
    url: str, keys: Keys, attempt: str, name: str = "", *, processes: int = 2, threads: int
) -> int:
    """Return how many attempts have success in so many processes with so many threads each."""
    argv = [sys.executable, "-c", PROGRAM, url, attempt, str(threads), str(STEP), str(NOW), code_at(STEP)]
    running = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    key = base64.b64encode(keys.current).decode()
    for each in running:
        tell(each, f"{key}\n{name}\n")
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        tell(each, "now\n")
    return sum(int(each.communicate(timeout=60)[0]) for each in running)


def tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def code_at(step: int, seed: Seed = SEED) -> str:
    return seed.generator().generate_otp(step)


def token_of(store: Store, user: str = USER) -> Token:
    token = store.tokens.get(user)
    assert token is not None
    return token
