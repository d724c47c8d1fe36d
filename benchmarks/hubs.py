"""Hubs without a proxy and without Slurm, for measuring the login alone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.ports import free_port

__all__ = ["Hub", "running"]

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *_): pass
    async def delete_route(self, *_): pass
    async def get_all_routes(self): return {{}}
    async def check_routes(self, *_): pass

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret = b"x" * 32
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.log_level = "WARN"
"""
OUR_PAGES = """
from texts import handler as languages
from texts import jinja as pages
c.JupyterHub.template_paths = [str(pages.TEMPLATES)]
c.JupyterHub.template_vars = pages.TEMPLATE_VARS
c.JupyterHub.jinja_environment_options = {{"extensions": pages.EXTENSIONS}}
languages.register()
"""


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextlib.contextmanager
def running(folder: Path, settings: str, *, our_pages: bool) -> Iterator[Hub]:
    """Run a hub with this authenticator (lines of its configuration) until the block ends."""
    port = free_port()
    config = folder / "config.py"
    text = CONFIG + (OUR_PAGES if our_pages else "")
    config.write_text(text.format(port=port, folder=folder) + settings)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CONFIGPROXY_AUTH_TOKEN": "unused"}
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        hub = Hub(f"http://127.0.0.1:{port}", process)
        _wait(hub, folder)
        yield hub
    finally:
        process.kill()
        process.wait()


def _wait(hub: Hub, folder: Path) -> None:
    for _ in range(300):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{hub.url}/hub/health", timeout=2)
            return
        if hub.process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError((folder / "hub.log").read_text()[-3000:])
