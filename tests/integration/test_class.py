"""A class starts together: two submissions at once, everybody in turn; a place in line can be given up."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.centre import RunningCentre
from tests.integration.fire import hub_with
from tests.person import Login, Person

pytestmark = pytest.mark.centre

FAULT = Path(__file__).with_name("counting_spawner.py")
SERVERS = [f"s{number}" for number in range(10)]


@pytest.fixture(scope="module")
def notes(centre: RunningCentre) -> Iterator[Path]:
    """Have a hub that submits two at once and, while there is a file `hold`, never ends with it."""
    notes = centre.instance.data / "hub" / "submissions"
    with hub_with(centre, FAULT.read_text().replace("@NOTES@", str(notes))):
        yield notes
    notes.unlink(missing_ok=True)


@pytest.fixture
def hold(notes: Path) -> Iterator[Path]:
    """Have submissions go on only when this file is removed."""
    hold = notes.with_name("hold")
    hold.touch()
    yield hold
    hold.unlink(missing_ok=True)


@pytest.fixture
def people(empty: RunningCentre, login: Login, notes: Path) -> Iterator[list[Person]]:
    people = [login("a1113a01"), login("a1113a02")]
    remove_servers(people)
    notes.unlink(missing_ok=True)
    yield people
    empty.cancel_all_jobs()
    remove_servers(people)


def remove_servers(people: list[Person]) -> None:
    """Leave nobody a named server: those of other tests count, too, even if only their form was opened."""
    deadline = time.monotonic() + 90
    for person in people:
        while names := named_servers(person):
            assert time.monotonic() < deadline, names
            for name in names:
                person.api("DELETE", person.server(name), json={"remove": True})


def named_servers(person: Person) -> list[str]:
    user = person.api("GET", f"users/{person.name}?include_stopped_servers=1").json()
    return [name for name in user["servers"] if name]


def press_start(pool: ThreadPoolExecutor, person: Person, names: list[str]) -> list[Future[int]]:
    def press(name: str) -> int:
        return person.start(name, queue="jupyter", hours=1).status_code

    return [pool.submit(press, name) for name in names]


def until(condition: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.2)


def told(person: Person, name: str) -> dict[str, Any]:
    """Return what the waiting page hears first of us; before that the hub says that it was asked."""
    return next(event for event in person.progress(name) if "phase" in event)


def submitted(notes: Path) -> set[str]:
    lines = notes.read_text().splitlines() if notes.exists() else []
    return {line.split("/")[2] for line in lines if line.startswith("begin")}


def last_of(notes: Path) -> str:
    """Return the last of six servers that is not submitted yet."""
    return max(set(SERVERS[:6]) - submitted(notes))


def waiting(notes: Path) -> list[str]:
    return sorted(set(SERVERS) - submitted(notes), reverse=True)


def most_at_once(notes: Path) -> int:
    running = most = 0
    for line in notes.read_text().splitlines():
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    return most


def pending(centre: RunningCentre, user: str) -> list[str]:
    return centre.run(["squeue", "-h", "-u", user, "-t", "PENDING", "-o", "%j"]).stdout.split()


def test_class_is_submitted_two_at_once_and_nobody_waits_behind_ten_servers_of_one(
    empty: RunningCentre, people: list[Person], busy: str, notes: Path, hold: Path
) -> None:
    many, one = people
    with ThreadPoolExecutor(12) as pool:
        pressed = press_start(pool, many, SERVERS)
        until(lambda: sum(many.state(name) == "spawn" for name in SERVERS) == 10)
        press_start(pool, one, ["s0"])
        until(lambda: one.state("s0") == "spawn")
        until(lambda: any("before you" in told(many, name)["message"] for name in waiting(notes)))
        assert len(submitted(notes)) == 2
        hold.unlink()
        until(lambda: len(pending(empty, "a1113a01")) == 10 and len(pending(empty, "a1113a02")) == 1)
    assert {one.result() for one in pressed} <= {201, 202}
    assert most_at_once(notes) == 2
    begun = [line.split("/")[1] for line in notes.read_text().splitlines() if line.startswith("begin")]
    assert begun.index("a1113a02") < 10, begun
    # Each has a page and a Cancel of its own.
    pages = [many.get(f"hub/spawn-pending/a1113a01/{name}") for name in SERVERS]
    jobs = {many.job_id(name) for name in SERVERS}
    assert [page.status_code for page in pages] == [200] * 10
    assert len(jobs) == 10
    many.stop("s3")
    until(lambda: len(pending(empty, "a1113a01")) == 9)
    assert "s3" not in {name.split("/")[2] for name in pending(empty, "a1113a01")}
    refused = many.start("s10", queue="jupyter", hours=1)
    assert refused.status_code == 400
    assert "maximum of 10 named servers" in refused.text


def test_stop_while_in_line_never_submits(
    empty: RunningCentre, people: list[Person], busy: str, notes: Path, hold: Path
) -> None:
    person = people[0]
    with ThreadPoolExecutor(8) as pool:
        press_start(pool, person, SERVERS[:6])
        until(lambda: sum(person.state(name) == "spawn" for name in SERVERS[:6]) == 6)
        until(lambda: told(person, last_of(notes))["phase"] == "line")
        last = last_of(notes)
        person.stop(last)
        hold.unlink()
        until(lambda: len(pending(empty, "a1113a01")) == 5)
    time.sleep(2)
    assert last not in submitted(notes)
    assert len(pending(empty, "a1113a01")) == 5
    person.start(last, queue="jupyter", hours=1)
    until(lambda: len(pending(empty, "a1113a01")) == 6)
