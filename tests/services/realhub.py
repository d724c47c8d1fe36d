"""A real JupyterHub with the queues service, and Slurm commands that repeat what a real Slurm once said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.ports import free_ports

__all__ = ["ANSWERS", "ROOT", "FakeSlurm", "Hub", "run_hub"]

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = Path(__file__).with_name("slurm_answers")

HUB_CONFIG = """
from texts import handler

c = get_config()
handler.register()
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.load_groups = {{"bio": {{"users": ["a1113a01"]}}}}
c.JupyterHub.services = [
    {{
        "name": "queues",
        "url": "http://127.0.0.1:{ports[3]}",
        "command": ["{python}", "-m", "services.queues"],
        "cwd": "{root}",
        "environment": {{"PATH": "{bin}:/usr/bin:/bin", "HPCHUB_QUEUES": "{queues}", "PYTHONPATH": "{root}"}},
        "oauth_no_confirm": True,
    }},
    {{"name": "tests", "api_token": "{token}"}},
    {{"name": "stranger", "api_token": "stranger-{token}"}},
    {{"name": "script", "api_token": "script-{token}"}},
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "access:services!service=queues"]}},
    {{"name": "tests", "scopes": ["admin:users", "tokens", "groups"], "services": ["tests"]}},
    {{"name": "script", "scopes": ["access:services!service=queues"], "services": ["script"]}},
]
"""

# squeue writes a mark that the caller chose, in SQUEUE_FORMAT, around what users wrote.
COMMAND = """#!/bin/sh
echo "$(basename "$0") $*" >> "{folder}/calls"
read -r slurm < "{folder}/slurm"
case "$slurm" in
  down) echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
  slow) sleep 0.3 ;;
esac
case "$(basename "$0") $*" in
  squeue*) sed "s/MARK/${{SQUEUE_FORMAT2##*:0}}/g" "{answers}/squeue.txt" ;;
  *"show node"*) cat "{answers}/nodes.txt" ;;
  *"show partition"*) cat "{answers}/partitions.txt" ;;
  *"show reservation"*) echo "No reservations in the system" ;;
  *"show config"*) cat "{answers}/config.txt" ;;
  sacctmgr*) cat "{answers}/associations.txt" ;;
  *) echo "not a command of this test: $0 $*" >&2; exit 64 ;;
esac
"""


class FakeSlurm:
    """Executables named like Slurm's, which note each call and can go down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in ("squeue", "scontrol", "sacctmgr"):
            program = self.bin / name
            program.write_text(COMMAND.format(folder=folder, answers=ANSWERS))
            program.chmod(0o755)
        self.becomes("up")

    def becomes(self, state: str) -> None:
        (self.folder / "slurm").write_text(f"{state}\n")

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@dataclass
class Hub:
    """A running hub, and the tokens to talk to it."""

    url: str
    slurm: FakeSlurm
    token: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def service(self) -> str:
        return f"{self.url}services/queues/"

    @property
    def api(self) -> str:
        return f"{self.service}api/v1/queues"

    def log_of_service(self) -> str:
        """What the service itself wrote; the hub's own lines, in brackets, are not ours."""
        return "\n".join(line for line in self.log.read_text().splitlines() if not line.startswith("["))

    def ask_hub(self, method: str, path: str, **body: object) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(
            method, f"{self.url}hub/api/{path}", json=body or None, headers=headers, timeout=60
        )

    def token_of(self, user: str, *scopes: str) -> dict[str, str]:
        """Make a token of a user and return the header that carries it."""
        self.ask_hub("POST", f"users/{user}")
        body: dict[str, object] = {"scopes": list(scopes)} if scopes else {"note": "test"}
        answer = self.ask_hub("POST", f"users/{user}/tokens", **body)
        answer.raise_for_status()
        return {"Authorization": f"token {answer.json()['token']}"}


def find_proxy() -> str:
    """Return configurable-http-proxy: on PATH, or where the demo centre puts it."""
    beside = Path(sys.prefix).parent / "node" / "node_modules" / ".bin" / "configurable-http-proxy"
    found = shutil.which("configurable-http-proxy") or (str(beside) if beside.exists() else None)
    if found is None:
        pytest.fail("configurable-http-proxy is missing: run make demo, or npm install -g it")
    return found


def wait_until_it_answers(hub: Hub) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(hub.api, timeout=5).status_code == httpx.codes.FORBIDDEN:
                return
        except httpx.HTTPError:
            pass
        if hub.process.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"the hub did not start:\n{hub.log.read_text()[-4000:]}")


def write_policy(folder: Path) -> Path:
    """The demo's queues, with one that is for a group and one whose partition does not exist."""
    path = folder / "queues.toml"
    more = """
[[queues]]
name = "biology"
partition = "bigmem"
kind = "exclusive"
max_hours = 4
price = "0.50"
allowed_groups = ["bio"]

[[queues]]
name = "ghost"
title = { en = "<b>Ghost</b>", ko = "유령" }
kind = "exclusive"
max_hours = 4
"""
    path.write_text((ROOT / "demo" / "queues.toml").read_text(encoding="utf-8") + more, encoding="utf-8")
    return path


@contextmanager
def run_hub(folder: Path) -> Iterator[Hub]:
    """Run a hub, its proxy and the service until the block ends."""
    slurm = FakeSlurm(folder / "slurm")
    token, ports = "0123456789abcdef" * 2, free_ports(4)
    config = folder / "jupyterhub_config.py"
    config.write_text(
        HUB_CONFIG.format(
            ports=ports,
            proxy=find_proxy(),
            python=sys.executable,
            root=ROOT,
            bin=slurm.bin,
            queues=write_policy(folder),
            token=token,
        )
    )
    log = folder / "hub.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(config)],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        )
        running = Hub(f"http://127.0.0.1:{ports[0]}/", slurm, token, process, log)
        try:
            wait_until_it_answers(running)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
