"""The three hubs that are measured, one after another, on the same jobs."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import httpx
import jinja2

from benchmarks.load import database, trace
from benchmarks.load.grounds import ACCOUNT, FULL, Grounds
from benchmarks.load.jobs import Server
from benchmarks.load.visitors import Browser
from demo.files import make_folder
from demo.programs import hub_environment
from demo.settings import HUB_ACCOUNT
from demo.site import HUB

__all__ = ["HUBS", "Hub", "Kind", "hub_on", "open_files"]

HERE = Path(__file__).resolve().parent
_STOP_LIMIT = 30.0
_jinja = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "etc"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - configuration files, not pages
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the hubs, called as the package that has its spawner.

    Parameters
    ----------
    page, refresh : str
        The page with the figures, and what a browser that shows it asks for again; empty: there is none.
    form : mapping
        What a person's browser posts to start a server that waits.
    """

    name: str
    page: str = ""
    refresh: str = ""
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.name == "hpchub"

    @property
    def version(self) -> str:
        return version(self.name)


HUBS = (
    Kind(
        "hpchub",
        page="/hub/spawn",
        refresh="/hub/api/hpchub/queues",
        form={"queue": FULL, "interface": "notebook", "hours": "1"},
    ),
    Kind("batchspawner"),
    Kind(
        "jupyterhub_moss",
        page="/hub/spawn",
        refresh="/hub/spawn",
        form={
            "partition": FULL,
            "nprocs": "1",
            "runtime": "1:00:00",
            "environment_id": "default",
            "default_url": "/lab",
            "options": f"--account={ACCOUNT}",
        },
    ),
)


def open_files() -> int:
    """Return how many files a program may have open on this machine, if it asks for them."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Hub:
    """A hub that runs on the grounds, and its proxy."""

    def __init__(self, grounds: Grounds, kind: Kind) -> None:
        self.grounds = grounds
        self.kind = kind
        self.secret = secrets.token_bytes(32)
        # Of the hub's own, for it writes its database here.
        self.folder = grounds.folder / kind.name
        make_folder(self.folder, HUB, 0o755)
        self.database = self.folder / "hub.sqlite"
        self.probe_file = self.folder / "probe.jsonl"
        self.log = self.folder / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None
        token = (grounds.instance.etc / "proxy-token").read_text().strip()
        # One client: each makes a TLS context, which takes the hub's CPU from it.
        self._proxy = httpx.Client(base_url=self._proxy_api, headers={"Authorization": f"token {token}"})

    @property
    def url(self) -> str:
        instance = self.grounds.instance
        return f"http://{instance.address}:{instance.port}"

    def browser(self, name: str) -> Browser:
        """Return a browser in which somebody has logged in."""
        where = self.grounds.instance.address, self.grounds.instance.port
        return Browser(name, where, database.cookie(self.secret, name))

    def trace(self) -> trace.Trace:
        return trace.read(self.probe_file)

    # -- start and stop ----------------------------------------------------------------------------

    def start(self, servers: Sequence[Server], people: int) -> float:
        """Start proxy and hub anew, with a database that knows these servers; return the time of day."""
        database.prepare(self.database, servers, people, ours=self.kind.ours)
        os.chown(self.database, HUB.uid, HUB.gid)
        self.probe_file.unlink(missing_ok=True)
        supervisor = self.grounds.centre.supervisor
        supervisor.stop("proxy")
        supervisor.start("proxy")
        self.grounds.until(lambda: self.routes() is not None, 20, "the proxy answers", pause=0.1)
        argv = [str(self.grounds.instance.venv / "bin" / "python"), "-m", "jupyterhub", "-f", self._config()]
        environment = [f"{name}={value}" for name, value in self._environment().items()]
        # With the usual 1,024 open files, batchspawner cannot ask for 400 servers at once.
        limits = ["prlimit", f"--nofile={open_files()}"]
        # The peers have no environments of users' own; ours does without, too, see docs/benchmarks.md.
        without = ["-u", "HPCHUB_ENVIRONMENTS"]
        inside = ["env", "-C", str(self.folder), *without, *environment, *limits, *argv]
        command = self.grounds.centre.namespace.command(inside, HUB_ACCOUNT)
        began = time.time()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return began

    def stop(self) -> None:
        """End the hub; its servers stay."""
        self._proxy.close()
        if self._process is None:
            return
        if pid := self.trace().pid:
            self.grounds.centre.run(["kill", str(pid)], check=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_LIMIT)
            self.grounds.centre.run(["kill", "-KILL", str(pid)], check=False)
        self._process.kill()
        self._process.wait()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_words(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def count_in_log(self, text: str) -> int:
        return self.log.read_text(errors="replace").count(text)

    def routes(self) -> list[str] | None:
        """Return the users' routes in the proxy; None when it does not answer."""
        try:
            answer = self._proxy.get("/api/routes")
        except httpx.HTTPError:
            return None
        return [route for route in answer.json() if route.startswith("/user/")]

    # -- private -----------------------------------------------------------------------------------

    @property
    def _proxy_api(self) -> str:
        return f"http://127.0.0.1:{self.grounds.instance.port_of('proxy-api')}"

    def _config(self) -> str:
        """Write the configuration; return the path of the file that the hub is told to read."""
        instance = self.grounds.instance
        self.grounds.write("probe.py", (HERE / "probe.py").read_text())
        values = {
            "account": ACCOUNT,
            "common": str(self.folder / "common.py"),
            "cookie_secret": self.secret.hex(),
            "database": str(self.database),
            "demo_site": str(instance.etc / "jupyterhub_site.py"),
            "folder": str(self.grounds.folder),
            "hub_port": instance.port_of("hub"),
            "partition": FULL,
            "probe_file": str(self.probe_file),
            "proxy_api": self._proxy_api,
            "proxy_token": str(instance.etc / "proxy-token"),
            "queues": str(self.folder / "queues.toml"),
            "url": self.url,
            "venv": str(instance.venv),
        }
        for template, name in (
            ("common.py.j2", "common.py"),
            (f"{self.kind.name}.py.j2", "config.py"),
            ("queues.toml.j2", "queues.toml"),
        ):
            text = _jinja.get_template(template).render(values)
            self.grounds.write(f"{self.kind.name}/{name}", text, HUB, 0o600)
        return str(instance.src / "jupyterhub_config.py" if self.kind.ours else self.folder / "config.py")

    def _environment(self) -> dict[str, str]:
        instance = self.grounds.instance
        if not self.kind.ours:
            return {}
        as_deployed = hub_environment(instance)
        del as_deployed["HPCHUB_ENVIRONMENTS"]
        return {
            **as_deployed,
            "HPCHUB_SITE_CONFIG": str(self.folder / "config.py"),
            "HPCHUB_QUEUES": str(self.folder / "queues.toml"),
        }


@contextlib.contextmanager
def hub_on(grounds: Grounds, kind: Kind) -> Iterator[Hub]:
    """Give a hub that is not started yet, and end it with the ``with`` block."""
    hub = Hub(grounds, kind)
    try:
        yield hub
    finally:
        hub.stop()
