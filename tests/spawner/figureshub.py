"""The real hub and the real spawner, whose Slurm is three small programs: for what starts no server."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.hubs import ROOT, run_hub
from tests.ports import free_port

__all__ = ["Browser", "FiguresHub", "run_figures_hub"]

DATA = ROOT / "tests" / "slurm" / "data"
FRAME = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}

# The site's file: our own configuration, without proxy, services, directory and Slurm. It counts what is
# asked of the database, and ends sessions as the directory's watch and `hpchub otp` do.
SITE = """
import jupyterhub.handlers
from authenticator.sessions import Sessions
from jupyterhub.handlers.base import BaseHandler
from sqlalchemy import event
from sqlalchemy.engine import Engine
from jupyterhub.proxy import Proxy
from spawner.backlog import make_room
from spawner.collecting import spare_the_collector

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self):
        make_room(self.app.http_server)
        spare_the_collector()
        return {{}}

class End(BaseHandler):
    def get(self, name):
        Sessions(self.app).end_browsers(name)

jupyterhub.handlers.default_handlers.insert(0, ("/end/([a-z0-9]+)", End))
statements = open("{folder}/statements", "a", buffering=1)
event.listen(Engine, "before_cursor_execute", lambda *args: (statements.write("x"), statements.flush()))

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "{database}"
c.JupyterHub.cookie_secret = bytes.fromhex("{secret}")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"admin"}}
c.SlurmGPUSpawner.queues_file = "{queues}"
c.SlurmClient.squeue_command = "{folder}/squeue"
c.SlurmClient.scontrol_command = "{folder}/scontrol"
c.SlurmClient.sacctmgr_command = "{folder}/sacctmgr"
"""
_CASES = f"""*node) cat {DATA}/nodes.txt;;
*config) echo 'ClusterName = demo';;
*partition) cat {DATA}/partitions.txt;;
*) echo 'No reservations in the system';;"""
PROGRAMS = {
    "squeue": f'sed "s/=ab12=/${{SQUEUE_FORMAT2##*:0}}/g" {DATA}/squeue.txt',
    "scontrol": f'case "$*" in {_CASES} esac',
    "sacctmgr": f'case "$*" in *withassoc*) cat {DATA}/associations.txt;; esac',
}


class Browser:
    """Somebody's browser: it keeps cookies, and its scripts send the token of the page that they are on."""

    def __init__(self, hub: FiguresHub, name: str = "") -> None:
        self.hub = hub
        self.http = httpx.Client(base_url=hub.url, timeout=20, follow_redirects=True)
        if name:
            self.open("login")
            form = {"username": name, "password": "x", "_xsrf": self.xsrf}
            self.http.post("login", data=form).raise_for_status()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    @property
    def xsrf(self) -> str:
        tokens = [one.value for one in self.http.cookies.jar if one.name == "_xsrf"]
        return str(tokens[-1]) if tokens else ""

    def open(self, page: str) -> httpx.Response:
        """Open a page of the hub, as a click does."""
        return self.http.get(page, headers={"Sec-Fetch-Mode": "navigate"})

    def press(self, method: str = "GET", query: str = "", **headers: str) -> httpx.Response:
        """Press Refresh, as the page's script does."""
        self.hub.count()
        own = {**FRAME, "X-XSRFToken": self.xsrf, **headers}
        return self.http.request(method, f"api/hpchub/queues{query}", headers=own)


@dataclass
class FiguresHub:
    """A running hub: its address, and the folder where Slurm's programs note that they were run.

    `sent` says how often it was asked for the figures.
    """

    url: str
    folder: Path
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def browser(self, name: str = "") -> Browser:
        return Browser(self, name)

    def count(self) -> None:
        with self.lock:
            self.sent += 1

    def asked(self) -> Counter[str]:
        """How often Slurm was asked what, since the beginning."""
        return Counter((self.folder / "asked").read_text().split())

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def statements(self) -> int:
        """How many statements the hub's database has heard, since the beginning."""
        return len((self.folder / "statements").read_text())

    def lines(self) -> list[str]:
        """The lines of the hub's log about the figures, as soon as there is one for each question."""
        deadline = time.monotonic() + 20
        while len(found := re.findall(r".* \d{3} [A-Z]+ /hub/api/hpchub/queues.*ms", self.log)) < self.sent:
            assert time.monotonic() < deadline, (self.sent, found[-5:])
            time.sleep(0.05)
        assert len(found) == self.sent
        return found

    def quick(self) -> int:
        """How many were answered past JupyterHub's handler, by their lines in the log."""
        return len([line for line in self.lines() if " quick:" in line])

    def end_sessions(self, name: str) -> None:
        httpx.get(f"{self.url}end/{name}", timeout=20).raise_for_status()


@contextmanager
def run_figures_hub(folder: Path, extra: str = "", **more: Any) -> Iterator[FiguresHub]:
    """Run the hub until the block ends; `extra` are further lines of its configuration."""
    port = free_port()
    for name, script in PROGRAMS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\necho {name} >> {folder}/asked\n{script}\n")
        path.chmod(0o755)
    (folder / "asked").touch()
    values = {
        "port": port,
        "database": "sqlite://",
        "secret": "aa" * 32,
        "queues": ROOT / "demo" / "queues.toml",
        "folder": folder,
        **more,
    }
    (folder / "site.py").write_text("c = get_config()\n" + SITE.format(**values) + extra)
    config = ROOT / "jupyterhub_config.py"
    with run_hub(folder, port, config, "health", HPCHUB_SITE_CONFIG=str(folder / "site.py")) as url:
        yield FiguresHub(url, folder)
