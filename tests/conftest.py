"""What all tests share: one running centre for those that ask for it."""

from collections.abc import Iterator

import pytest

from tests.centre import RunningCentre, running_centre
from tests.person import Login, Person


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
            assert answer.url.path == "/hub/home", person.alert(answer)
            people[name] = person
        return people[name]

    yield login
    for person in people.values():
        person.close()
