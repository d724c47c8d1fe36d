"""Keeps out of the hub's log what names a browser's session: JupyterHub writes it there for each new one."""

import logging
from typing import Final

__all__ = ["keep_sessions_out_of_the_log"]

TORNADO: Final = logging.getLogger("tornado.application")
NEW_COOKIE: Final = "Setting new xsrf cookie"


def keep_sessions_out_of_the_log() -> None:
    """Drop that line from now on; calling it twice changes nothing."""
    TORNADO.addFilter(_says_no_session)


def _says_no_session(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(NEW_COOKIE)
