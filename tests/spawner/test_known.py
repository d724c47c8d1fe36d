"""Whom the hub knows again, for how long, and by what."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import create_signed_value

from spawner.known import KNOWN_SECONDS, LONGEST_COOKIES, MOST_KNOWN, Browsers

SECRET = b"s" * 32
LOGIN = "jupyterhub-hub-login"
HALF_A_DAY = 12 * 3600


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def db() -> Any:
    session = orm.new_session_factory("sqlite://")()
    yield session
    session.close()


class Place:
    """One user's browser, and the hub that recognises it."""

    def __init__(self, db: Any, age: float = 0.0) -> None:
        self.db = db
        self.user = orm.User(name="anna")
        db.add(self.user)
        db.commit()
        self.spawner: Any = SimpleNamespace(user=SimpleNamespace(orm_user=self.user))
        made = create_signed_value(SECRET, LOGIN, self.user.cookie_id, clock=lambda: time.time() - age)
        self.cookies = {LOGIN: made.decode(), "jupyterhub-session-id": "s1", "_xsrf": "x1"}
        self.clock = Clock()
        self.browsers = Browsers(self.clock)

    def handler(self, *, by_token: bool = False) -> Any:
        return SimpleNamespace(
            hub=SimpleNamespace(cookie_name=LOGIN),
            settings={"cookie_secret": SECRET},
            cookie_max_age_days=0.5,
            get_cookie=self.cookies.get,
            get_session_cookie=lambda: self.cookies.get("jupyterhub-session-id"),
            _token_authenticated=by_token,
        )

    def remember(self, *, token: str = "x1", by_token: bool = False) -> None:
        self.browsers.remember(self.handler(by_token=by_token), self.spawner, token)

    def recalled(self, **cookies: str) -> bool:
        return self.answered({}, **cookies)

    def answered(self, head: dict[str, str], method: str = "GET", query: str = "", **cookies: str) -> bool:
        """Whether a question is answered without JupyterHub's finding out who asks."""
        sent = "; ".join(f"{name}={value}" for name, value in (self.cookies | cookies).items())
        headers = HTTPHeaders({"Host": "hub", "Cookie": sent, "X-XSRFToken": "x1", **head})
        connection: Any = SimpleNamespace(context=SimpleNamespace(remote_ip="::1", protocol="http"))
        start = RequestStartLine(method, f"/hub/api/hpchub/queues{query}", "HTTP/1.1")
        request = HTTPServerRequest(start_line=start, headers=headers, connection=connection)
        return self.browsers.recall(request) is not None


def test_browser_is_known_for_two_minutes_and_no_longer(db: Any) -> None:
    place = Place(db)
    assert not place.recalled()
    place.remember()
    place.clock.now += KNOWN_SECONDS - 1
    assert place.recalled()
    place.clock.now += 1
    assert not place.recalled()
    assert len(place.browsers) == 0


@pytest.mark.parametrize(("age", "known"), [(HALF_A_DAY - 600, True), (HALF_A_DAY - 60, False)])
def test_login_that_ends_meanwhile_is_left_to_jupyterhub(db: Any, age: float, known: bool) -> None:
    place = Place(db, age)
    place.remember()
    assert place.recalled() is known


def test_another_cookie_id_ends_it_at_once(db: Any) -> None:
    place = Place(db)
    place.remember()
    place.user.cookie_id = "another"
    assert not place.recalled()
    place.user.cookie_id = "one more"
    assert len(place.browsers) == 0


def test_deleted_user_is_not_known(db: Any) -> None:
    place = Place(db)
    place.remember()
    db.delete(place.user)
    db.commit()
    assert not place.recalled()
    place.remember()
    assert not place.recalled()


def test_who_came_with_a_token_is_not_known_by_the_cookies_beside_it(db: Any) -> None:
    place = Place(db)
    place.remember(by_token=True)
    assert not place.recalled()


@pytest.mark.parametrize("name", [LOGIN, "jupyterhub-session-id", "_xsrf"])
def test_each_of_the_three_counts(db: Any, name: str) -> None:
    place = Place(db)
    place.remember()
    assert not place.recalled(**{name: "other"})
    assert not place.recalled(**{name: ""})
    assert place.recalled()


def test_token_that_is_not_the_browsers_cookie_is_not_believed(db: Any) -> None:
    """JupyterHub lets a page's address pass without looking at the header, so it may be anything."""
    place = Place(db)
    place.cookies["_xsrf"] = "garbage"
    place.remember(token="x1")
    assert not place.recalled()


def test_overlong_cookies_are_left_to_jupyterhub(db: Any) -> None:
    place = Place(db)
    place.remember()
    assert not place.recalled(more="x" * LONGEST_COOKIES)


def test_failing_database_is_left_to_jupyterhub(db: Any) -> None:
    place = Place(db)
    place.remember()
    db.connection().exec_driver_sql("DROP TABLE users")
    db.expire(place.user)
    assert not place.recalled()


def test_only_the_plain_question_is_answered(db: Any) -> None:
    place = Place(db)
    place.remember()
    assert place.answered({})
    assert not place.answered({}, method="POST")
    assert not place.answered({}, query="?token=x")
    assert not place.answered({"Authorization": "token x"})
    assert not place.answered({"X-XSRFToken": "x2"})


def test_of_too_many_browsers_those_are_forgotten_that_were_recognised_first(db: Any) -> None:
    place = Place(db)
    place.remember()
    place.cookies["jupyterhub-session-id"] = "s2"
    place.remember()
    place.cookies["jupyterhub-session-id"] = "s1"
    place.remember()  # once more, so it is not the first any longer
    for number in range(MOST_KNOWN - 1):
        place.cookies["jupyterhub-session-id"] = f"more{number}"
        place.remember()
    assert len(place.browsers) == MOST_KNOWN
    assert place.recalled(**{"jupyterhub-session-id": "s1"})
    assert not place.recalled(**{"jupyterhub-session-id": "s2"})
