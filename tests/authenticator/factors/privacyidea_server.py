"""A small HTTPS server that speaks privacyIDEA's documented answers, word by word.

The texts are those of its documentation ("Validate endpoints", "Challenge Response") and of its test-suite.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from demo.certificates import Certificates

__all__ = ["ACCEPTED", "Answer", "Call", "PrivacyIDEA", "running"]

ACCEPTED = """{
  "detail": {
    "message": "matching 1 tokens",
    "serial": "PISP0000AB00",
    "type": "spass"
  },
  "id": 1,
  "jsonrpc": "2.0",
  "result": {
    "status": true,
    "value": true
  },
  "version": "privacyIDEA unknown"
}"""


@dataclass(frozen=True)
class Answer:
    """What the server says."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """What it was sent."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class PrivacyIDEA:
    """The running server; `answer` decides."""

    port: int
    host: str
    answer: Callable[[Call], Answer] = lambda _call: Answer(ACCEPTED)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"


@contextmanager
def running(files: Certificates | None, host: str = "localhost") -> Iterator[PrivacyIDEA]:
    """Serve on a free port of a loopback address, with TLS if there are certificates."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Or the end of an answer waits for the acknowledgement of its beginning.
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            call = Call(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, form)
            site.calls.append(call)
            answer = site.answer(call)
            data = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            site.connections += 1
            return super().get_request()

        def handle_error(self, *_: Any) -> None:
            return  # a client that does not trust us hangs up

    server = Server(("127.0.0.1" if host == "localhost" else host, 0), Handler)
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site = PrivacyIDEA(server.server_address[1], host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
