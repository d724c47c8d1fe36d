"""What guessers, classes and administrators meet at the door; the store is real."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event
from traitlets import TraitError

from authenticator.errors import Throttled, Unavailable
from authenticator.keys import Keys
from authenticator.store.database import Database
from authenticator.throttle import Outcome, Throttle

USER, HOME, CLASSROOM = "a1113a01", "198.51.100.7", "192.0.2.1"
NOON = 1_795_262_400.0
Make = Callable[..., Throttle]
on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


def refused(throttle: Throttle, user: str = USER, address: str = HOME, *, now: float = NOON) -> bool:
    """Fail to log in; True when that has locked the account."""
    throttle.reserve(user, address, now=now)
    return throttle.settle(user, address, Outcome.REFUSED, now=now)


def succeed(throttle: Throttle, user: str = USER, address: str = HOME, *, now: float = NOON) -> None:
    throttle.reserve(user, address, now=now)
    throttle.settle(user, address, Outcome.SUCCEEDED, now=now)


def turned_away(
    throttle: Throttle, user: str = USER, address: str = HOME, *, now: float = NOON
) -> tuple[str, float | None]:
    """Try, expect not to be looked at, and return why and for how long."""
    with pytest.raises(Throttled) as refusal:
        throttle.reserve(user, address, now=now)
    return refusal.value.reason, refusal.value.seconds


def lock(throttle: Throttle, user: str = USER) -> float:
    """Fail as often and as fast as allowed; return when the last failure was."""
    now, days = NOON, 0
    while True:
        try:
            if refused(throttle, user, f"203.0.113.{days % 250}", now=now):
                return now
        except Throttled as wait:
            now, days = now + (wait.seconds or 0), days + 1


@on_both
def test_five_failures_are_free_and_then_everything_waits(throttle: Throttle) -> None:
    for _ in range(5):
        assert not refused(throttle)
    assert turned_away(throttle) == ("throttled", 30)
    assert turned_away(throttle, now=NOON + 29) == ("throttled", 1)
    refused(throttle, now=NOON + 30)
    assert turned_away(throttle, now=NOON + 31) == ("throttled", 59)


def test_an_account_waits_wherever_the_attempts_come_from(throttle: Throttle) -> None:
    for last in range(5):
        refused(throttle, address=f"198.51.100.{last}")
    assert turned_away(throttle, address="203.0.113.5") == ("throttled", 30)


def test_attempts_that_are_turned_away_cost_nothing_more(throttle: Throttle) -> None:
    for _ in range(5):
        refused(throttle)
    for _ in range(50):
        turned_away(throttle)
    assert turned_away(throttle) == ("throttled", 30)
    succeed(throttle, "another", now=NOON)
    refused(throttle, now=NOON + 30)


def test_names_that_do_not_exist_are_treated_alike(throttle: Throttle) -> None:
    for user in (USER, "no such name?", ""):
        for _ in range(5):
            refused(throttle, user)
    assert {turned_away(throttle, user) for user in (USER, "no such name?", "")} == {("throttled", 30)}


def test_a_success_makes_the_failures_free_again(throttle: Throttle) -> None:
    for _ in range(3):
        for _ in range(4):
            refused(throttle)
        succeed(throttle)


def test_a_hundred_failures_in_a_row_lock_until_an_administrator_unlocks(throttle: Throttle) -> None:
    now = lock(throttle)
    assert turned_away(throttle, now=now + 400 * 86_400) == ("throttled_locked", None)
    assert throttle.unlock(USER)
    assert not throttle.unlock(USER)
    succeed(throttle, now=now)


def test_a_success_in_between_starts_the_hundred_anew(make: Make) -> None:
    throttle = make(lock_after=6)
    for _ in range(3):
        for _ in range(5):
            assert not refused(throttle)
        throttle.unlock_address(HOME)
        with pytest.raises(Throttled):
            succeed(throttle)
        succeed(throttle, now=NOON + 30)


def outage(throttle: Throttle, user: str = USER, *, now: float = NOON) -> None:
    throttle.reserve(user, HOME, now=now)
    throttle.settle(user, HOME, Outcome.UNAVAILABLE, now=now + 1)


def test_an_outage_costs_nobody_anything(throttle: Throttle) -> None:
    for _ in range(40):
        outage(throttle)
    for _ in range(5):
        outage(throttle)
        refused(throttle)
    assert turned_away(throttle) == ("throttled", 30)
    for number in range(25):
        refused(throttle, f"user{number}")
    assert turned_away(throttle, "user99") == ("throttled_address", 10)


def test_who_waited_and_met_an_outage_need_not_wait_again(throttle: Throttle) -> None:
    for _ in range(5):
        refused(throttle)
    for seconds in range(30, 60, 2):
        outage(throttle, now=NOON + seconds)
    refused(throttle, now=NOON + 60)
    assert turned_away(throttle, now=NOON + 60) == ("throttled", 60)


def test_a_hub_that_dies_while_it_checks_leaves_a_failure_behind(make: Make) -> None:
    dying = make()
    for _ in range(5):
        dying.reserve(USER, HOME, now=NOON)
    assert turned_away(make()) == ("throttled", 30)
    succeed(make(), now=NOON + 30)


def test_what_was_counted_outlives_a_restart(make: Make, database: Database, url: str, keys: Keys) -> None:
    for _ in range(5):
        refused(make())
    database.close()
    again = Database(url, keys)
    assert turned_away(make(again)) == ("throttled", 30)
    again.close()


@on_both
def test_a_new_key_forgets_no_failure(make: Make, url: str, keys: Keys) -> None:
    throttle = make()
    for _ in range(5):
        refused(throttle)
    newer = Database(url, Keys(b"n" * 32, previous=keys.current))
    rotated = make(newer)
    assert turned_away(rotated) == ("throttled", 30)
    refused(rotated, now=NOON + 30)
    newer.close()
    newest = Database(url, Keys(b"n" * 32))
    assert turned_away(make(newest), now=NOON + 30) == ("throttled", 60)
    newest.close()


@on_both
def test_of_fifty_guesses_at_once_five_are_looked_at(throttle: Throttle) -> None:
    def guess(_: int) -> bool:
        try:
            refused(throttle)
        except Throttled:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(guess, range(50))).count(True) == 5


def test_an_address_has_thirty_failures_for_all_accounts_together(throttle: Throttle) -> None:
    for number in range(30):
        refused(throttle, f"user{number}")
    assert turned_away(throttle, "user99") == ("throttled_address", 10)
    succeed(throttle, "user99", "198.51.100.8")
    refused(throttle, "user99", now=NOON + 10)
    assert turned_away(throttle, "user98", now=NOON + 10) == ("throttled_address", 10)


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"),
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("fe80::1%eth0", "fe80::2", "192.0.2.1"),
        ("", "not an address", "192.0.2.1"),
    ],
)
def test_addresses_of_one_holder_count_as_one(make: Make, address: str, same: str, other: str) -> None:
    throttle = make(address_failures=2)
    refused(throttle, "first", address)
    refused(throttle, "second", same)
    assert turned_away(throttle, "third", address)[0] == "throttled_address"
    succeed(throttle, "third", other)


def test_a_class_that_logs_in_at_the_same_second_gets_in(throttle: Throttle) -> None:
    for number in range(10):  # the others have mistyped already
        refused(throttle, f"early{number}", CLASSROOM)
    people = [f"person{number}" for number in range(40)]
    for name in people:
        throttle.reserve(name, CLASSROOM, now=NOON)
    for name in people:
        throttle.settle(name, CLASSROOM, Outcome.SUCCEEDED, now=NOON)
    for number in range(20):  # and has its budget back
        refused(throttle, f"late{number}", CLASSROOM)
    assert turned_away(throttle, "late99", CLASSROOM)[0] == "throttled_address"


def test_forty_threads_of_one_class_get_in(throttle: Throttle) -> None:
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda number: succeed(throttle, f"person{number}", CLASSROOM), range(40)))


def test_a_shared_network_has_a_limit_of_its_own(make: Make) -> None:
    throttle = make(shared_networks={"192.0.2.0/24": 600, "192.0.2.128/25": 2, "2001:db8::/32": 40})
    for number in range(100):
        refused(throttle, f"user{number}", "192.0.2.1")
    for number in range(2):
        refused(throttle, f"user{number}", "192.0.2.200")
    assert turned_away(throttle, "user2", "192.0.2.200") == ("throttled_address", 150)
    for number in range(40):
        refused(throttle, f"other{number}", "2001:db8::1")
    assert turned_away(throttle, "user2", "2001:db8::1")[0] == "throttled_address"


@pytest.mark.parametrize(("address", "said"), [("127.0.0.1", 1), ("::1", 1), ("", 1), ("192.0.2.1", 0)])
def test_a_hub_that_sees_its_proxy_s_address_only_is_told_so_once(
    make: Make, caplog: pytest.LogCaptureFixture, address: str, said: int
) -> None:
    throttle = make(address_failures=1)
    refused(throttle, "first", address)
    for _ in range(3):
        turned_away(throttle, "second", address)
    assert caplog.text.count("c.JupyterHub.trusted_downstream_ips must name it") == said


def test_an_administrator_can_free_an_address(throttle: Throttle) -> None:
    for number in range(30):
        refused(throttle, f"user{number}", "2001:db8::1")
    assert throttle.unlock_address("2001:db8::ffff")
    assert not throttle.unlock_address("2001:db8::ffff")
    succeed(throttle, "user99", "2001:db8::1")


def test_the_list_names_who_is_known_and_counts_the_others(throttle: Throttle) -> None:
    now = lock(throttle)
    for user in ("a1113a02", "typed-by-mistake"):
        for _ in range(5):
            refused(throttle, user, now=now)
    refused(throttle, "a1113a03", now=now)
    found = throttle.locked([USER, "a1113a02", "a1113a03"], now=now)
    assert [(each.user, each.failures, each.seconds) for each in found[:1]] == [(USER, 100, None)]
    assert sorted((each.user, each.failures, each.seconds) for each in found[1:]) == [
        ("", 5, 30),
        ("a1113a02", 5, 30),
    ]
    assert found[0].last.timestamp() == now
    assert [each.user for each in throttle.locked([USER], now=now + 31)] == [USER]


def test_no_flood_of_other_names_hides_who_is_locked(make: Make) -> None:
    throttle = make(account_failures=1)
    throttle.listed_at_most = 3
    refused(throttle)
    for number in range(5):
        for moment in (NOON, NOON + 30):
            refused(throttle, f"flood{number}", now=moment)
    found = throttle.locked([f"nobody{number}" for number in range(1200)] + [USER], now=NOON + 29)
    assert [(each.user, each.failures) for each in found] == [("", 2)] * 3 + [(USER, 1)]


@on_both
def test_a_clock_set_back_neither_opens_nor_closes_the_door(throttle: Throttle) -> None:
    later = NOON + 365 * 86_400
    for _ in range(5):
        refused(throttle, now=later)
    for number in range(30):
        refused(throttle, f"user{number}", CLASSROOM, now=later)
    assert turned_away(throttle) == ("throttled", 30)
    assert turned_away(throttle, now=NOON + 29) == ("throttled", 1)
    refused(throttle, now=NOON + 30)
    assert turned_away(throttle, "user99", CLASSROOM)[0] == "throttled_address"
    succeed(throttle, "user99", CLASSROOM, now=NOON + 10)


def ask(database: Database, statement: str) -> Any:
    with database.engine.begin() as connection:
        answer = connection.exec_driver_sql(statement)
        return answer.all() if answer.returns_rows else None


def rows(database: Database, kind: str) -> int:
    ((count,),) = ask(database, f"select count(*) from login_attempts where kind = '{kind}'")
    return int(count)


def test_what_is_typed_as_a_name_is_not_in_the_store(throttle: Throttle, database: Database) -> None:
    refused(throttle, "canary-5f3b", "198.51.100.77")
    stored = repr(ask(database, "select * from login_attempts"))
    assert stored.count("account") == stored.count("address") == 1
    assert "canary" not in stored
    assert "198.51" not in stored


@on_both
def test_old_failures_are_forgotten_but_locks_are_not(throttle: Throttle, database: Database) -> None:
    now = lock(throttle)
    for number in range(100):
        refused(throttle, f"old{number}", f"10.0.0.{number}", now=now)
    later = now + 31 * 86_400
    for number in range(100):
        refused(throttle, f"new{number}", f"10.0.1.{number}", now=later)
    assert rows(database, "account") == 1 + 100
    assert rows(database, "address") == 100
    assert turned_away(throttle, now=later)[0] == "throttled_locked"


@on_both
def test_at_the_limit_of_the_table_the_fewest_failures_go_first(
    make: Make, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    throttle = make(table_limit=50)
    for _ in range(5):
        refused(throttle, now=NOON - 60)
    for number in range(200):
        refused(throttle, f"flood{number}", f"2001:db8:0:{number:x}::1", now=NOON - 59)
    assert rows(database, "account") < 50 + 128
    assert rows(database, "address") < 50 + 128
    refused(throttle, now=NOON)
    assert turned_away(throttle, now=NOON) == ("throttled", 60)
    assert "More than 50 accounts or addresses" in caplog.text


@pytest.fixture
def statements(database: Database) -> list[str]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement.split()[0])

    event.listen(database.engine, "before_cursor_execute", note)
    return seen


@on_both
def test_an_attempt_costs_few_statements_and_a_throttled_one_writes_nothing(
    throttle: Throttle, statements: list[str]
) -> None:
    refused(throttle)  # the first one cleans the table up
    statements.clear()
    succeed(throttle)
    assert statements == ["SELECT", "INSERT", "INSERT", "UPDATE", "DELETE"]
    for _ in range(5):
        statements.clear()
        refused(throttle)
    assert statements == ["SELECT", "INSERT", "INSERT", "UPDATE", "SELECT"]
    statements.clear()
    turned_away(throttle)
    assert statements == ["SELECT"]
    throttle.reserve(USER, HOME, now=NOON + 30)
    statements.clear()
    throttle.settle(USER, HOME, Outcome.UNAVAILABLE, now=NOON + 30)
    assert statements == ["INSERT", "INSERT"]


@on_both
def test_a_broken_store_lets_nobody_in_and_says_no_name(
    throttle: Throttle, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    throttle.reserve("canary-5f3b", HOME, now=NOON)
    ask(database, "drop table login_attempts")
    assert not throttle.settle("canary-5f3b", HOME, Outcome.SUCCEEDED, now=NOON)
    with pytest.raises(Unavailable) as outage:
        throttle.reserve("canary-5f3b", HOME, now=NOON)
    assert outage.value.reason == "store"
    assert caplog.text.count("The store of failed logins does not work") == 2
    assert "canary-5f3b" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"first_wait": 0}, "first_wait is 0; write 1 or more"),
        ({"longest_wait": 20}, r"longest_wait is 20; write first_wait \(30\) or more"),
        ({"lock_after": 101}, r"lock_after is 101; write account_failures \(5\) to 100"),
        ({"lock_after": 4}, "lock_after is 4"),
        ({"account_failures": 10, "lock_after": 9}, r"write account_failures \(10\) to 100"),
        ({"account_failures": 200}, "lock_after is 100"),
        ({"first_wait": 7200}, "longest_wait is 3600"),
        ({"shared_networks": {"192.0.2.1/24": 600}}, "shared_networks: 192.0.2.1/24 has host bits set"),
        ({"shared_networks": {"classroom": 600}}, "write a network such as"),
        ({"shared_networks": {"192.0.2.0/24": 0}}, "has the limit 0; write 1 or more"),
        ({"table_limit": 0}, "table_limit is 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    make: Make, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TraitError, match=sentence):
        make(**settings)
