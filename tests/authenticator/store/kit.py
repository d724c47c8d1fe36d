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

# Opens the store, says so, waits for the word, and tells how often it had success.
PROGRAM = """
import base64, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from authenticator.keys import Keys
from authenticator.store import Store
url, attempt, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(url, Keys(base64.b64decode(sys.stdin.readline())))
argument = sys.stdin.readline().strip()
barrier = Barrier(threads)
attempts = {
    "open": lambda: store.tokens.listing() == [],
    "claim": lambda: store.tokens.claim(argument, %(step)d, now=%(now)d),
    "recovery": lambda: store.recovery.use(argument, now=%(now)d),
    "confirm": lambda: store.enrolments.confirm(argument, "%(code)s", label="", window=1, now=%(now)d),
}
def one(_):
    barrier.wait()
    return bool(attempts[attempt]())
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(lambda _: store.tokens.listing(), range(threads)))
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(pool.map(one, range(threads))))
""" % {"step": STEP, "now": NOW, "code": SEED.generator().generate_otp(STEP)}


def at_once(attempt: Callable[[], object], times: int) -> int:
    """Return how many of so many threads have success."""
    barrier = Barrier(times)

    def one(_: int) -> bool:
        barrier.wait()
        return bool(attempt())

    with ThreadPoolExecutor(times) as pool:
        return sum(pool.map(one, range(times)))


def in_processes(
    url: str, keys: Keys, attempt: str, argument: str = "", *, processes: int = 2, threads: int
) -> int:
    """Return how many attempts have success in so many processes with so many threads each."""
    argv = [sys.executable, "-c", PROGRAM, url, attempt, str(threads)]
    running = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    key = base64.b64encode(keys.current).decode()
    for each in running:
        tell(each, f"{key}\n{argument}\n")
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
