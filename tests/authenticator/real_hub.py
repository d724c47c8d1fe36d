"""A real hub with the centre's configuration, as a process on the real slapd, and browsers that visit it."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from authenticator.keys import load_keys, make_key_file
from authenticator.store import Store
from tests.authenticator.kit import SEEDS, Slapd, settings_for, typed
from tests.ports import free_port

__all__ = ["COOKIE_SECRET", "FORM", "Browser", "Hub", "hub", "hub_process", "told"]

ROOT = Path(__file__).resolve().parents[2]
COOKIE_SECRET = b"canary-of-cookies".ljust(32, b"x")
FORM = "application/x-www-form-urlencoded"
CONFIG = """
load_subconfig("{root}/jupyterhub_config.py")
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *_): pass
    async def delete_route(self, *_): pass
    async def get_all_routes(self): return {{}}
    async def check_routes(self, *_): pass

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret = {secret!r}
c.JupyterHub.log_level = "DEBUG"
c.Audit.audit_file = "{folder}/audit.jsonl"
c.Throttle.update({throttle!r})
for name, value in {settings!r}.items():
    setattr(c.LDAPOTPAuthenticator, name, value)
"""
# For who tries thousands of times; what the throttle does is tested elsewhere.
PATIENT = {"account_failures": 100, "address_failures": 100_000}
_addresses = (f"198.51.{number // 250}.{number % 250 + 1}" for number in count())


class Hub:
    """A hub without a proxy in front; every browser says itself from which address it comes.

    Parameters
    ----------
    throttle
        Settings of `Throttle`.
    settings
        Of `LDAPOTPAuthenticator`, instead of those of `settings_for`.
    """

    def __init__(
        self, folder: Path, slapd: Slapd, *, throttle: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self.log = folder / "hub.log"
        self.audit = folder / "audit.jsonl"
        self.config = folder / "config.py"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/hub"
        known = settings_for(slapd, folder) | {"connect_timeout": 1, "receive_timeout": 2} | settings
        if not Path(known["key_file"]).exists():
            make_key_file(Path(known["key_file"]))
        self.store = Store(known["store_url"], load_keys(Path(known["key_file"])))
        self.config.write_text(
            CONFIG.format(
                root=ROOT,
                port=self.port,
                folder=folder,
                secret=COOKIE_SECRET,
                settings=known,
                throttle=throttle or {},
            )
        )
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(self.config)],
                cwd=folder,
                stdout=log,
                stderr=log,
                env=self.environment(),
            )

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CONFIGPROXY_AUTH_TOKEN": "unused"}

    def wait(self) -> None:
        for _ in range(1000):
            try:
                httpx.get(f"{self.url}/health", timeout=2)
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                time.sleep(0.1)
        pytest.fail(self.log.read_text()[-3000:])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.store.close()

    def command(self, *words: str) -> list[str]:
        """Return the argv of ``hpchub otp WORDS`` for this hub."""
        return [sys.executable, "-m", "hpchub", "otp", *words, "--config", str(self.config)]

    def otp(self, *words: str, feed: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``hpchub otp WORDS`` as an administrator does."""
        command, environment = self.command(*words), self.environment()
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            input=feed,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def fresh_tokens(self) -> None:
        """Forget who has used which code, who enrolled what, and who has to wait."""
        self.forget_attempts()
        for user, seed in SEEDS.items():
            self.store.tokens.remove(user)
            self.store.tokens.put(user, seed, now=time.time())

    def forget_attempts(self) -> None:
        for user in SEEDS:
            self.store.attempts.remove(self.store.attempts.account(user))


@pytest.fixture(scope="session")
def hub_process(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    made = Hub(tmp_path_factory.mktemp("hub"), slapd, throttle=PATIENT)
    try:
        made.wait()
        yield made
    finally:
        made.stop()


@pytest.fixture
def hub(hub_process: Hub) -> Hub:
    hub_process.fresh_tokens()
    return hub_process


class Browser:
    """Somebody who has opened the login page, at an address of their own."""

    def __init__(self, hub: Hub, language: str = "en", headers: Mapping[str, str] | None = None) -> None:
        headers = {"X-Forwarded-For": next(_addresses)} | dict(headers or {})
        self.client = httpx.Client(base_url=hub.url, timeout=20, headers=headers)
        self.client.cookies.set("hpchub-lang", language)
        self.client.get("/login")

    @property
    def token(self) -> str:
        """The token that the page just opened has in its forms."""
        return [cookie.value or "" for cookie in self.client.cookies.jar if cookie.name == "_xsrf"][-1]

    def send(self, body: bytes, kind: str = FORM, *, to: str = "/login") -> httpx.Response:
        headers = {"Content-Type": kind, "X-XSRFToken": self.token, "Sec-Fetch-Mode": "navigate"}
        return self.client.post(to, content=body, headers=headers)

    def post(self, to: str, **fields: str) -> httpx.Response:
        """Open a page, and send a form to it."""
        self.client.get(to)
        return self.send(urlencode(fields).encode(), to=to)

    def log_in(self, user: str, *, to: str = "/login", **changes: str) -> httpx.Response:
        return self.send(urlencode(typed(user) | changes).encode(), to=to)

    def is_in(self) -> bool:
        return self.client.get("/home").status_code == httpx.codes.OK

    def close(self) -> None:
        self.client.close()


def told(response: httpx.Response) -> str:
    return html.unescape(response.text)


def first(pattern: str, text: str) -> str:
    """Return what the group of a pattern is in a page."""
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]
