"""The door of the real hub: what whoever is refused reads, and what an outage of the directory is called."""

import pytest

from tests.centre import RunningCentre
from tests.person import Person

pytestmark = pytest.mark.centre

REFUSED = "The account, the one-time password or the password is not right."


@pytest.fixture
def stranger(centre: RunningCentre) -> Person:
    return Person(centre.url, "a1113a02")


def test_wrong_and_used_one_time_password_wrong_password_and_locked_account_read_alike(
    centre: RunningCentre, stranger: Person
) -> None:
    name = "a1113a02"
    code, password = centre.otp(name), centre.password(name)
    answers = [
        stranger.try_login("000000", password),
        stranger.try_login(code, "wrong"),
        stranger.try_login(code, password),  # burned by the wrong password before
        Person(centre.url, "locked01").try_login(centre.otp("locked01"), centre.password("locked01")),
        Person(centre.url, "nobody99").try_login("123456", "x"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    texts = {stranger.alert(answer) for answer in answers}
    assert len(texts) == 1
    assert REFUSED in texts.pop()


def test_one_time_password_works_once(centre: RunningCentre, stranger: Person) -> None:
    code, password = centre.otp("a1113a02"), centre.password("a1113a02")
    assert stranger.try_login(code, password).url.path == "/hub/home"
    again = Person(centre.url, "a1113a02").try_login(code, password)
    assert again.status_code == 403
    assert REFUSED in stranger.alert(again)


def test_directory_outage_is_told_apart_from_a_refusal(centre: RunningCentre, stranger: Person) -> None:
    code = centre.otp("a1113a02")
    with centre.without("slapd"):
        answer = stranger.try_login(code, centre.password("a1113a02"))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"].isdigit()
    assert REFUSED not in answer.text
    assert "directory of accounts does not answer" in stranger.alert(answer)


def test_administrator_is_one_because_the_directory_says_so(centre: RunningCentre) -> None:
    person = Person(centre.url, "hpcadmin")
    person.try_login(centre.otp("hpcadmin"), centre.password("hpcadmin"))
    assert person.get("hub/admin").status_code == 200
