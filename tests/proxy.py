"""The real proxy before a hub that a test starts and stops, which answers at once with one page."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from certipy import Certipy

from tests.ports import free_ports
from tests.services.realhub import ROOT, find_proxy

__all__ = ["AWAY", "Centre", "run_proxy"]

AWAY = ROOT / "services" / "proxy"
PAGE = """<!DOCTYPE html><html lang="en"><title>The hub</title><h1>The hub</h1>
<form method="post" action="/hub/form"><button>Send</button></form></html>"""


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = PAGE.replace("The hub", "The hub's error page") if "/hub/error/" in self.path else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def do_HEAD(self) -> None:  # as the hub's own pages do
        self.send_error(405)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Centre:
    """A proxy, and a hub that comes and goes; before it first comes the proxy knows of no address at all.

    Attributes
    ----------
    url : str
        The proxy's, without a slash at the end.
    certificates : Path or None
        Where the certificates of a centre with TLS inside are made; such a hub lets in nobody without one.
    """

    def __init__(self, certificates: Path | None = None) -> None:
        self._certificates = certificates
        if certificates is not None:
            certipy = Certipy(store_dir=str(certificates))
            certipy.create_ca("inside")
            for name in ("hub", "proxy"):
                certipy.create_signed_pair(name, "inside", alt_names=["IP:127.0.0.1"])
        port, self.api, self._hub_port, self.dead = free_ports(4)
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    def hub_comes(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._hub_port), _Hub)
        if self._certificates is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._file("inside", "crt"))
            context.load_cert_chain(self._file("hub", "crt"), self._file("hub", "key"))
            context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.route("/", self._hub_port)

    def hub_goes(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def route(self, path: str, port: int) -> None:
        answer = httpx.post(
            f"http://127.0.0.1:{self.api}/api/routes{path}",
            json={"target": f"{self._inside}://127.0.0.1:{port}"},
        )
        assert answer.status_code == httpx.codes.CREATED

    @property
    def _inside(self) -> str:
        return "http" if self._certificates is None else "https"

    def _file(self, name: str, ending: str) -> str:
        return f"{self._certificates}/{name}/{name}.{ending}"

    def command(self, program: str) -> list[str]:
        words = {"key": ("proxy", "key"), "cert": ("proxy", "crt"), "ca": ("inside", "crt")}
        return [
            program,
            *(
                f"--client-ssl-{option}={self._file(*file)}"
                for option, file in words.items()
                if self._certificates
            ),
            f"--port={self._port}",
            "--ip=127.0.0.1",
            f"--api-port={self.api}",
            "--api-ip=127.0.0.1",
            f"--error-target={self._inside}://127.0.0.1:{self._hub_port}/hub/error",
        ]


@contextmanager
def run_proxy(folder: Path, module: Path = AWAY / "away.mjs", *, tls: bool = False) -> Iterator[Centre]:
    """Run the proxy as a site does until the block ends; its hub is away."""
    centre = Centre(folder if tls else None)
    node = Path(shutil.which("node") or "node").parent
    log = folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            centre.command(find_proxy()),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": f"{node}:{os.environ['PATH']}", "NODE_OPTIONS": f"--import={module}"},
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{centre.url}/_chp_healthz", timeout=5).is_success:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the proxy did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield centre
    finally:
        centre.hub_goes()
        process.terminate()
        process.wait(20)
