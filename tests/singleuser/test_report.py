"""The port a server reports is one that it really has."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from singleuser import launch, report


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_own_port_is_ours(listening: socket.socket) -> None:
    assert report.is_ours(listening.getsockname()[1])


def test_port_that_another_process_took_first_is_not_ours() -> None:
    program = (
        "import socket,sys; s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen();"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            assert not report.is_ours(port)
        other.communicate("")


def test_port_that_is_bound_but_does_not_listen_is_not_reported() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert not report.is_ours(server.getsockname()[1])


class Hub(HTTPServer):
    """Takes ports, and answers with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.status, self.seen = status, list[tuple[str, Any, str]]()


class HubHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hub = self.server
        assert isinstance(hub, Hub)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hub.seen.append((self.path, body, self.headers["Authorization"]))
        self.send_response(hub.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, None),
        (403, (True, "HTTP 403")),
        (409, (True, "HTTP 409")),
        (404, (False, "HTTP 404")),
        (503, (False, "HTTP 503")),
    ],
)
def test_hub_is_told_the_port_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, status: int, outcome: object
) -> None:
    with Hub(status) as hub:
        threading.Thread(target=hub.handle_request, daemon=True).start()
        monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{hub.server_port}/hub/api")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
        assert report.tell_hub(40123) == outcome
    assert hub.seen == [("/hub/api/hpchub/port", {"port": 40123}, "token t0ken")]


def test_hub_that_is_away_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
    outcome = report.tell_hub(40123)
    assert outcome is not None
    assert outcome[0] is False


def test_first_port_leaves_room_for_the_tries_inside_the_range() -> None:
    reach = 2 * launch.PORT_TRIES
    for _ in range(200):
        assert 40000 + reach <= launch.first_port("40000-40999") <= 40999 - reach
    assert 40000 <= launch.first_port("40000-40003") <= 40003
    assert launch.first_port("") == 0


def test_server_listens_on_its_nodes_address_where_the_site_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "localhost")
    assert launch.address("node") == "127.0.0.1"
    assert launch.address("all") == "0.0.0.0"
    assert os.environ["SLURMD_NODENAME"] == "localhost"


def test_lab_asks_the_internet_for_nothing_unless_the_site_says_so() -> None:
    usual = launch.without_news(["--debug"])
    assert usual == [
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    # Jupyter does not start when something is said twice.
    assert launch.without_news(["--LabApp.news_url=https://news.site.example/feed.xml"]) == usual[1:]
