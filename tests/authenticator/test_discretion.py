"""The hub's log names no session."""

import logging

import pytest

from authenticator.discretion import keep_sessions_out_of_the_log


def test_the_line_with_the_session_s_name_is_dropped_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    keep_sessions_out_of_the_log()
    keep_sessions_out_of_the_log()
    log = logging.getLogger("tornado.application")
    with caplog.at_level("DEBUG", "tornado.application"):
        log.info("Setting new xsrf cookie for %r %r", b"a-session-id", {"path": "/hub/"})
        log.warning("Not accepting incorrect xsrf token id in cookie on %s", "/hub/login")
    assert caplog.messages == ["Not accepting incorrect xsrf token id in cookie on /hub/login"]
