"""Several hubs on one store: together they look at no more than one would."""

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from authenticator.errors import Throttled
from authenticator.keys import Keys
from authenticator.store.attempts import Attempts
from authenticator.store.database import Database
from authenticator.throttle import Throttle

NOON = 1_795_262_400.0
CLASSROOM = "192.0.2.1"
on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)

# For each line: opens the store, says that it is ready, begins when told, prints how each attempt ended.
HUB = """
import base64, collections, json, sys
from concurrent.futures import ThreadPoolExecutor
from authenticator.errors import LoginError
from authenticator.keys import Keys
from authenticator.store.attempts import Attempts
from authenticator.store.database import Database
from authenticator.throttle import Outcome, Throttle

while line := sys.stdin.readline():
    told = json.loads(line)
    database = Database(told["url"], Keys(base64.b64decode(told["key"])))
    throttle = Throttle(attempts=Attempts(database))

    def attempt(user):
        try:
            throttle.reserve(user, told["address"], now=told["now"])
        except LoginError as error:
            return error.reason
        throttle.settle(user, told["address"], Outcome[told["outcome"]], now=told["now"])
        return "looked at"

    with ThreadPoolExecutor(told["threads"]) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(collections.Counter(pool.map(attempt, told["users"]))), flush=True)
    database.close()
"""


class Hub:
    """Another process with a throttle of its own."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", HUB], stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")

    def hear(self) -> Any:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def hubs() -> Iterator[list[Hub]]:
    running = [Hub(), Hub()]
    yield running
    for hub in running:
        hub.end()


def try_at_once(
    hubs: list[Hub], url: str, keys: Keys, users: list[str], *, outcome: str, threads: int = 50
) -> Counter[str]:
    """Let all hubs try all of these at once; return how the attempts ended."""
    key = base64.b64encode(keys.current).decode()
    told = {"url": url, "key": key, "now": NOON, "users": users, "address": CLASSROOM}
    for hub in hubs:
        hub.say(json.dumps(told | {"outcome": outcome, "threads": threads}))
    assert [hub.hear() for hub in hubs] == ["ready", "ready"]
    for hub in hubs:
        hub.say("go")
    return sum((Counter(json.loads(hub.hear())) for hub in hubs), Counter[str]())


@on_both
def test_of_a_hundred_guesses_at_one_account_five_are_looked_at(
    hubs: list[Hub], url: str, keys: Keys, database: Database
) -> None:
    ended = try_at_once(hubs, url, keys, ["a1113a01"] * 50, outcome="REFUSED")
    assert ended == {"looked at": 5, "throttled": 95}
    (row,) = Throttle(attempts=Attempts(database)).locked(["a1113a01"], now=NOON)
    assert (row.user, row.failures, row.seconds) == ("a1113a01", 5, 30)


@on_both
def test_a_class_of_forty_gets_in_through_two_hubs(
    hubs: list[Hub], url: str, keys: Keys, database: Database
) -> None:
    people = [f"person{number}" for number in range(20)]
    assert try_at_once(hubs, url, keys, people, outcome="SUCCEEDED") == {"looked at": 40}
    assert Throttle(attempts=Attempts(database)).locked(now=NOON) == []


@on_both
def test_guesses_at_many_accounts_from_one_address_stay_near_its_limit(
    hubs: list[Hub], url: str, keys: Keys, database: Database
) -> None:
    people = [f"person{number}" for number in range(50)]
    ended = try_at_once(hubs, url, keys, people, outcome="REFUSED", threads=16)
    assert set(ended) <= {"looked at", "throttled_address"}
    # 32 are in flight at most and count for 8: then 21 more failures fit under the limit, and all may fail.
    assert 30 <= ended["looked at"] <= 21 + 32
    with pytest.raises(Throttled, match="throttled_address"):
        Throttle(attempts=Attempts(database)).reserve("person99", CLASSROOM, now=NOON)
