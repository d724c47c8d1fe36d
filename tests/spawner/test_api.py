"""What all our routes for programs refuse, and in which words."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from tornado import web

from spawner.api import MOST_BODY, Api


class Asked(Api):
    """A handler without a hub, which got this body from this user."""

    def __init__(self, body: bytes = b"", user: object = None) -> None:
        self.request = SimpleNamespace(body=body)
        self._jupyterhub_user = user


def test_a_service_that_may_start_servers_is_told_that_it_has_none() -> None:
    with pytest.raises(web.HTTPError, match="a service is none") as refusal:
        Asked(user=SimpleNamespace(name="course-starter")).own_spawner()
    assert refusal.value.status_code == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"a": "\\ud800"}', b"[" * 9000, b"9" * 5000],
    ids=lambda body: ascii(body[:9]),
)
def test_a_body_that_is_no_json_is_refused_and_leaves_no_traceback(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(web.HTTPError, match="must be JSON") as refusal:
        Asked(body).body()
    assert refusal.value.status_code == 400
    assert caplog.records == []


def test_a_body_is_read_up_to_its_limit() -> None:
    longest = b'"' + b"x" * (MOST_BODY - 2) + b'"'
    assert len(Asked(longest).body()) == MOST_BODY - 2
    with pytest.raises(web.HTTPError, match=f"may have {MOST_BODY}") as refusal:
        Asked(longest + b" ").body()
    assert refusal.value.status_code == 413
