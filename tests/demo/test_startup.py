from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from demo.startup import StartupError, Step, start_all


class Machine:
    """Programs that answer some time after they were started."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}

    def step(self, name: str, *needs: str, after: float = 0.0, **more: object) -> Step:
        def begin() -> None:
            self.started[name] = time.monotonic()

        def answers() -> bool:
            return time.monotonic() - self.started[name] >= after

        return Step(name, needs, begin, answers, **more)  # type: ignore[arg-type]


@pytest.fixture
def machine() -> Machine:
    return Machine()


def silence(_: str) -> None:
    pass


def test_a_program_starts_only_when_what_it_needs_answers(machine: Machine) -> None:
    start_all([machine.step("slurmctld", "slurmdbd"), machine.step("slurmdbd", after=0.3)], silence)
    assert machine.started["slurmctld"] - machine.started["slurmdbd"] >= 0.3


def test_programs_that_do_not_need_each_other_start_side_by_side(machine: Machine) -> None:
    began = time.monotonic()
    start_all([machine.step(f"slurmd-{number}", after=0.4) for number in range(8)], silence)
    assert time.monotonic() - began < 2.5


def test_a_need_that_this_centre_does_not_have_holds_nothing_up(machine: Machine) -> None:
    start_all([machine.step("hub", "proxy")], silence)
    assert "hub" in machine.started


def always(answer: bool) -> Callable[[], bool]:
    return lambda: answer


def test_a_program_that_gives_up_is_named_with_its_last_words(machine: Machine) -> None:
    step = machine.step("slapd", after=60, given_up=always(True), last_words=lambda: "bind: address in use")
    with pytest.raises(StartupError, match=r"slapd does not stay up.*\nbind: address in use"):
        start_all([step], silence)


def test_a_program_that_stays_silent_is_named_after_its_time_limit(machine: Machine) -> None:
    step = machine.step("mariadb", after=60, limit_s=0.3, last_words=lambda: "waiting for the disk")
    with pytest.raises(StartupError, match=r"mariadb did not answer within 0 s.*\nwaiting for the disk"):
        start_all([step], silence)
    assert "mariadb" in machine.started


def test_nothing_else_starts_after_a_failure(machine: Machine) -> None:
    failing = machine.step("munge", after=60, given_up=always(True))
    with pytest.raises(StartupError):
        start_all([failing, machine.step("slurmdbd", "munge")], silence)
    assert "slurmdbd" not in machine.started
