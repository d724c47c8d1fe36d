"""Whose server a token is."""

from types import SimpleNamespace
from typing import Any

from spawner.port import PortHandler, digest


def server_of(token: str, *digests: str) -> Any:
    servers = {str(number): SimpleNamespace(token_digest=one) for number, one in enumerate(digests)}
    found = PortHandler._spawner_of(None, SimpleNamespace(spawners=servers), digest(token))  # type: ignore[arg-type]
    return next((name for name, one in servers.items() if one is found), None)


def test_token_is_that_of_one_server_and_of_no_other() -> None:
    assert server_of("b", digest("a"), digest("b"), "") == "1"
    assert server_of("a", digest("a"), digest("b"), "") == "0"


def test_token_of_no_server_reports_no_port() -> None:
    """A token that a user made in the token page, for one."""
    assert server_of("c", digest("a"), digest("b"), "") is None
    assert server_of("", "", "") is None
