"""Several hubs on one store: together they look at no more than one would."""

import base64
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from authenticator.errors import Throttled
from authenticator.keys import Keys
from authenticator.store.attempts import Attempts
from authenticator.store.database import Database
from authenticator.throttle import Throttle

NOON = 1_795_262_400.0
on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)

# Tells on the first line that it is ready, begins when told, and prints how each attempt ended.
HUB = """
import base64, collections, json, sys
from concurrent.futures import ThreadPoolExecutor
from authenticator.errors import LoginError
from authenticator.keys import Keys
from authenticator.store.attempts import Attempts
from authenticator.store.database import Database
from authenticator.throttle import Outcome, Throttle

told = json.loads(sys.stdin.readline())
throttle = Throttle(attempts=Attempts(Database(told["url"], Keys(base64.b64decode(told["key"])))))

def attempt(user):
    try:
        throttle.reserve(user, told["address"], now=told["now"])
    except LoginError as error:
        return error.reason
    throttle.settle(user, told["address"], Outcome[told["outcome"]], now=told["now"])
    return "looked at"

with ThreadPoolExecutor(told.get("threads", 50)) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(collections.Counter(pool.map(attempt, told["users"]))))
"""


def two_hubs(url: str, keys: Keys, users: list[str], **settings: Any) -> Counter[str]:
    """Let two processes try all of these at once; return how the attempts ended."""
    told = {"url": url, "key": base64.b64encode(keys.current).decode(), "now": NOON, "users": users}
    pipe = subprocess.PIPE
    hubs = [
        subprocess.Popen([sys.executable, "-c", HUB], stdin=pipe, stdout=pipe, text=True) for _ in range(2)
    ]
    for hub in hubs:
        assert hub.stdin
        hub.stdin.write(json.dumps(told | settings) + "\n")
        hub.stdin.flush()
    for hub in hubs:
        assert hub.stdout
        assert hub.stdout.readline() == "ready\n"
    ended: Counter[str] = Counter()
    for hub in hubs:
        assert hub.stdin
        hub.stdin.write("go\n")
        hub.stdin.flush()
    for hub in hubs:
        ended.update(json.loads(hub.communicate(timeout=60)[0]))
    return ended


@on_both
def test_of_a_hundred_guesses_at_one_account_five_are_looked_at(
    url: str, keys: Keys, database: Database
) -> None:
    ended = two_hubs(url, keys, ["a1113a01"] * 50, address="192.0.2.1", outcome="REFUSED")
    assert ended == {"looked at": 5, "throttled": 95}
    (row,) = Throttle(attempts=Attempts(database)).locked(["a1113a01"], now=NOON)
    assert (row.user, row.failures, row.seconds) == ("a1113a01", 5, 30)


@on_both
def test_a_class_of_forty_gets_in_through_two_hubs(url: str, keys: Keys, database: Database) -> None:
    people = [f"person{number}" for number in range(20)]
    ended = two_hubs(url, keys, people, address="192.0.2.1", outcome="SUCCEEDED")
    assert ended == {"looked at": 40}
    assert Throttle(attempts=Attempts(database)).locked(now=NOON) == []


@on_both
def test_guesses_at_many_accounts_from_one_address_stay_near_its_limit(
    url: str, keys: Keys, database: Database
) -> None:
    people = [f"person{number}" for number in range(50)]
    ended = two_hubs(url, keys, people, address="192.0.2.1", outcome="REFUSED", threads=16)
    assert set(ended) <= {"looked at", "throttled_address"}
    # 32 are in flight at most and count for 8: then 21 more failures fit under the limit, and all may fail.
    assert 30 <= ended["looked at"] <= 21 + 32
    with pytest.raises(Throttled, match="throttled_address"):
        Throttle(attempts=Attempts(database)).reserve("person99", "192.0.2.1", now=NOON)
