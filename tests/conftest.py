"""What all tests share: one running centre for those that ask for it.

Several workers may share the tests; `tests.workers` says how.
"""

from collections.abc import Iterator

import pytest

from tests.centre import RunningCentre, running_centre
from tests.person import Login, Person
from tests.scheduling import ByFile
from tests.workers import centre_first


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    centre_first(items)


@pytest.fixture(scope="session")
def centre() -> Iterator[RunningCentre]:
    with running_centre() as running:
        yield running


@pytest.fixture(scope="session")
def login(centre: RunningCentre) -> Iterator[Login]:
    """Log somebody in; once in the session, for a one-time password works once in half a minute."""
    people: dict[str, Person] = {}

    def login(name: str) -> Person:
        if name not in people:
            person = Person(centre.url, name)
            answer = person.try_login(centre.otp(name), centre.password(name))
            assert answer.url.path == "/hub/home", f"{person.alert(answer)}\n{centre.last_logins()}"
            people[name] = person
        return people[name]

    yield login
    for person in people.values():
        person.close()


@pytest.fixture
def empty(centre: RunningCentre) -> Iterator[RunningCentre]:
    """Give a centre without jobs, and leave it so."""
    centre.cancel_all_jobs()
    yield centre
    centre.mend()
    centre.cancel_all_jobs()


@pytest.fixture
def anna(empty: RunningCentre, login: Login) -> Iterator[Person]:
    """A user of the project proj01, without a server."""
    person = login("a1113a01")
    leave_no_server(person)
    yield person
    empty.mend()
    leave_no_server(person)


@pytest.fixture
def busy(empty: RunningCentre) -> str:
    """Have all nodes of the V100 queues taken by somebody else, so that whoever comes now waits."""
    options = ("--partition=cas_v100_2", "--nodes=5", "--exclusive", "--time=30", "--account=proj02")
    job = empty.submit("a1113a03", *options)
    empty.wait_for_job(job, "RUNNING")
    return job


def leave_no_server(person: Person) -> None:
    for name in ("", "second"):
        if person.state(name) not in ("stopped", "stop"):
            person.stop(name, wait=False)
        person.until("stopped", name)
