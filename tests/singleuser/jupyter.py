"""A real Jupyter server with the extension that shows the time left, and a small hub that it asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port

__all__ = ["TOKEN", "Jupyter", "TimeHub", "jupyter_server", "time_hub"]

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-person's-token"
START_SECONDS = 60.0


class TimeHub(ThreadingHTTPServer):
    """Answers ``/hub/api/hpchub/server`` as a hub does, from what the test has set.

    Attributes
    ----------
    left : int or None
        Seconds until the job ends, from when it was set; None for a job without a limit.
    status : int
        Anything but 200 is a hub that has no answer.
    open : threading.Event
        While it is not set, the hub takes questions and says nothing.
    asked : list of str
        The path of each question.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.asked, self.more = 200, list[str](), dict[str, Any]()
        self.tokens: set[str | None] = set()
        self.open = threading.Event()
        self.open.set()
        self.left: int | None = 3600

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hub/api"

    @property
    def left(self) -> int | None:
        return None if self._end is None else round((self._end - datetime.now(UTC)).total_seconds())

    @left.setter
    def left(self, seconds: int | None) -> None:
        self._end = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)

    def answer(self) -> dict[str, Any]:
        return {
            "job_id": "17",
            "queue": "jupyter",
            "node": "gpu01",
            "state": "running",
            "ends": self._end.isoformat(timespec="seconds") if self._end else None,
            "seconds_left": self.left,
            "warn_minutes": 15,
            "can_extend": False,
            "extend_to": None,
            "extend_url": "/hub/hpchub/extend/anna",
            "as_of": datetime.now(UTC).isoformat(timespec="seconds"),
            "silent": False,
            **self.more,
        }


class _Answer(BaseHTTPRequestHandler):
    server: TimeHub

    def do_GET(self) -> None:
        hub = self.server
        hub.asked.append(self.path)
        hub.tokens.add(self.headers["Authorization"])
        hub.open.wait(30)
        body = json.dumps(hub.answer()).encode() if hub.status == 200 else b"not today"
        self.send_response(hub.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def time_hub() -> Iterator[TimeHub]:
    with TimeHub() as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.open.set()
        hub.shutdown()


class Jupyter:
    """A Jupyter server that runs, as its user sees it."""

    def __init__(self, url: str, log: Path, home: Path) -> None:
        self.url = url
        self.home = home
        self._log = log
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"token {TOKEN}"}, timeout=30)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def time(self) -> dict[str, Any]:
        """Ask as a window does."""
        answer = self.http.get("hpchub/time")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def page_config(self, page: str) -> dict[str, Any]:
        """Return what a page tells the front end that it loads."""
        text = self.http.get(page).text
        start = text.index(">", text.index('id="jupyter-config-data"')) + 1
        config: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
        return config


@contextmanager
def jupyter_server(
    folder: Path, hub: str, *, seconds: str = "", pages: bool = False, **environment: str
) -> Iterator[Jupyter]:
    """Run a server whose hub's API is at `hub`, with Notebook and Lab if `pages`."""
    port = free_port()
    home, log = folder / "home", folder / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    extensions = {"singleuser.timeleft": True, "jupyterlab": pages, "notebook": pages}
    argv = [
        *(sys.executable, "-m", "jupyter", "server", "--allow-root", "--no-browser"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.base_url=/user/anna/"),
        f"--ServerApp.jpserver_extensions={extensions}",
        f"--LabServerApp.extra_labextensions_path={ROOT}/singleuser/labextension",
    ]
    own = {
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_API_TOKEN": "the-server's-own",
        "HPCHUB_TIME_SECONDS": seconds,
        **environment,
    }
    with log.open("w") as output:
        process = subprocess.Popen(argv, env=os.environ | own, cwd=home, stdout=output, stderr=output)
    running = Jupyter(f"http://127.0.0.1:{port}/user/anna/", log, home)
    try:
        _wait(running, process)
        yield running
    finally:
        running.http.close()
        process.terminate()
        process.wait(20)


def _wait(running: Jupyter, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            running.http.get("api/status").raise_for_status()
        except httpx.HTTPError:
            assert process.poll() is None, running.log
            assert time.monotonic() < deadline, running.log
            time.sleep(0.1)
        else:
            return
