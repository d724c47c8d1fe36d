"""A real JupyterHub with the real login in the test's own process, and browsers that visit it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from sqlalchemy import delete
from traitlets.config import Config

import texts.handler
import texts.jinja
from authenticator import LDAPOTPAuthenticator
from authenticator.keys import make_key_file
from authenticator.passcode import Seed, step_at
from authenticator.store import Store
from authenticator.store.schema import Base
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of, settings_for
from tests.ports import free_port
from tests.templates.pages import Page

__all__ = ["Browser", "RealHub", "code_for", "real_hub"]


def code_for(secret: str, *, later: int = 0) -> str:
    """Return the present code of a secret as it stands on the page."""
    seed = Seed(secret.replace(" ", ""))
    return seed.generator().generate_otp(step_at(seed, time.time()) + later)


class _Route(Proxy):
    """No proxy: tests talk to the hub itself."""

    should_start = False

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        pass

    async def delete_route(self, routespec: str) -> None:
        pass

    async def get_all_routes(self) -> dict[str, Any]:
        return {}


class _NoServer(Spawner):
    async def start(self) -> str:
        raise NotImplementedError

    async def stop(self, now: bool = False) -> None:
        pass

    async def poll(self) -> int:
        return 0


class Browser(httpx.AsyncClient):
    """A browser: cookies, and forms that carry the token that the page gave it."""

    @property
    def xsrf(self) -> str:
        found = [cookie.value for cookie in self.cookies.jar if cookie.name == "_xsrf"]
        return str(found[-1]) if found else ""

    async def open(self, path: str, **more: Any) -> Page:
        """Open a page as a reader does, and parse it."""
        answer = await self.get(path, **more)
        return self._page(answer)

    async def fill(self, path: str, **fields: Any) -> httpx.Response:
        """Open a page of forms and send one of them."""
        await self.get(path)
        return await self.post(path, data={"_xsrf": self.xsrf, **fields})

    async def filled(self, path: str, **fields: Any) -> Page:
        return self._page(await self.fill(path, **fields))

    async def log_in(self, name: str, *, later: int = 0) -> None:
        fields = {"username": name, "otp": code_of(name, later=later), "password": PASSWORDS[name]}
        answer = await self.fill("login", **fields)
        assert answer.status_code == httpx.codes.FOUND, answer.text

    def speaks(self, lang: str) -> None:
        self.cookies.set("hpchub-lang", lang)

    def _page(self, answer: httpx.Response) -> Page:
        page = Page(answer.text)
        page.status = answer.status_code  # type: ignore[attr-defined]
        return page


class Memory(logging.Handler):
    """Everything that any logger said."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class RealHub:
    """The hub, its store, and what it said."""

    app: Any
    url: str
    memory: Memory
    browsers: list[Browser] = field(default_factory=list)

    @property
    def login(self) -> LDAPOTPAuthenticator:
        return self.app.authenticator  # type: ignore[no-any-return]

    @property
    def store(self) -> Store:
        return self.login.store

    def browser(self) -> Browser:
        self.browsers.append(Browser(base_url=f"{self.url}hub/", timeout=20))
        return self.browsers[-1]

    async def logged_in(self, name: str) -> Browser:
        browser = self.browser()
        await browser.log_in(name)
        return browser

    def begin_again(self) -> None:
        """Forget everything but that everybody has a token; nouse01 has none."""
        with self.store.database.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                if table.name != "otp_revocations":  # the hub would take the next one for one it knows
                    connection.execute(delete(table))
        for user in ("a1113a01", "a1113a02", "hpcadmin"):
            self.store.tokens.put(user, SEEDS[user], now=time.time() - 86_400, label="old phone")
        self.memory.lines.clear()

    def audited(self, kind: str) -> list[dict[str, str]]:
        """Return the events of a kind, as they stand in the log."""
        lines = [line for line in self.memory.lines if line.startswith("audit {")]
        found = [dict(re.findall(r'"(\w+)": "([^"]*)"', line)) for line in lines]
        return [event for event in found if event["event"] == kind]


@asynccontextmanager
async def real_hub(
    folder: Path, slapd: Slapd, *, public_url: str = "", exempt: frozenset[str] = frozenset(), **changes: Any
) -> AsyncIterator[RealHub]:
    """Run a hub until the block ends; changes are to the login's settings."""
    make_key_file(folder / "otp.key")
    port = free_port()
    (folder / "config.py").touch()
    config = Config()
    config.JupyterHub.update(
        config_file=str(folder / "config.py"),  # not the one of the folder we stand in
        bind_url=f"http://127.0.0.1:{port}/",
        hub_bind_url=f"http://127.0.0.1:{port}",
        db_url=f"sqlite:///{folder}/hub.sqlite",
        cookie_secret_file=str(folder / "secret"),
        proxy_class=_Route,
        spawner_class=_NoServer,
        authenticator_class=LDAPOTPAuthenticator,
        default_url="/hub/home",
        log_level="DEBUG",
        template_paths=[str(texts.jinja.TEMPLATES)],
        template_vars=texts.jinja.TEMPLATE_VARS,
        jinja_environment_options={"extensions": texts.jinja.EXTENSIONS},
    )
    if public_url:
        config.JupyterHub.public_url = public_url
    config.Exemptions.groups = set(exempt)
    config.LDAPOTPAuthenticator.update(settings_for(slapd, folder) | changes)
    texts.handler.register()
    JupyterHub.clear_instance()
    app = JupyterHub.instance(config=config)
    memory = Memory()
    hub = RealHub(app, f"http://127.0.0.1:{port}/", memory)
    try:
        await app.initialize([])
        for name in ("", "JupyterHub", "tornado.access", "tornado.application", "tornado.general"):
            logging.getLogger(name).addHandler(memory)
        app.log.addHandler(memory)
        await app.start()
        yield hub
    finally:
        for browser in hub.browsers:
            await browser.aclose()
        for name in ("", "JupyterHub", "tornado.access", "tornado.application", "tornado.general"):
            logging.getLogger(name).removeHandler(memory)
        app.log.removeHandler(memory)
        if hub.login.watch is not None:
            await hub.login.watch.stop()
        for callback in app._periodic_callbacks.values():
            callback.stop()
        app.http_server.stop()
        app.db.close()
        hub.store.close()
        JupyterHub.clear_instance()
