"""When a server counts as down, and who may try it."""

from authenticator.directory.breaker import FIRST_PAUSE, LONGEST_PAUSE, Breaker, Health, Turn


def fail(breaker: Breaker, tick: float, *, patience: float = LONGEST_PAUSE) -> bool:
    turn = breaker.admit(tick, patience=patience)
    assert turn is not None
    return breaker.failed(turn, tick, 1000 + tick, "no answer")


def down() -> Breaker:
    breaker = Breaker()
    assert [fail(breaker, 0), fail(breaker, 0)] == [False, True]
    return breaker


def test_one_failure_is_a_blip_and_a_success_forgets_it() -> None:
    breaker = Breaker()
    for _ in range(5):
        assert not fail(breaker, 0)
        assert breaker.succeeded(Turn(probe=False), 1000) is None
    assert breaker.health == Health()


def test_a_server_that_is_down_is_passed_over_until_its_pause_is_over() -> None:
    breaker = down()
    assert breaker.health == Health(up=False, since=1000, why="no answer")
    assert breaker.admit(FIRST_PAUSE - 0.01) is None
    assert not breaker.worth_a_try(FIRST_PAUSE - 0.01)
    assert breaker.worth_a_try(FIRST_PAUSE)
    assert breaker.admit(FIRST_PAUSE) == Turn(probe=True)


def test_one_probe_at_a_time() -> None:
    breaker = down()
    turn = breaker.admit(5)
    assert turn
    assert [breaker.admit(tick) for tick in (5, 6, 1000)] == [None] * 3
    breaker.abandoned(turn)
    assert breaker.admit(5) == Turn(probe=True)


def test_the_pause_doubles_to_its_limit() -> None:
    breaker, tick, pauses = down(), 0.0, []
    for _ in range(7):
        start = tick
        while breaker.admit(tick) is None:
            tick += 0.5
        breaker.failed(Turn(probe=True), tick, tick, "still")
        pauses.append(tick - start)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_without_another_server_the_pause_stays_short() -> None:
    breaker = down()
    for tick in (10, 100, 200, 300):
        fail(breaker, tick)
    assert breaker.admit(301.9, patience=2) is None
    assert breaker.admit(302, patience=2) == Turn(probe=True)


def test_those_who_come_back_late_change_nothing() -> None:
    """They set out while it was up; the pause counts from the last probe."""
    breaker = down()
    probe = breaker.admit(1)
    assert probe
    for _ in range(20):
        assert not breaker.failed(Turn(probe=False), 4, 4, "late")
    assert breaker.admit(4) is None, "the probe is still out"
    breaker.failed(probe, 5, 5, "no")
    assert breaker.admit(6.9) is None
    assert breaker.admit(7)


def test_a_success_ends_the_outage_and_the_next_starts_from_the_beginning() -> None:
    breaker = down()
    fail(breaker, 10)
    turn = breaker.admit(100)
    assert turn
    assert breaker.succeeded(turn, 1100) == Health(up=False, since=1000, why="no answer")
    assert breaker.health == Health(up=True, since=1100)
    fail(breaker, 200)
    assert fail(breaker, 200)
    assert breaker.admit(200 + FIRST_PAUSE)
