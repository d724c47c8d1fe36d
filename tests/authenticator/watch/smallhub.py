"""A real JupyterHub in the test's own process, with a directory on paper and servers that are stubs."""

from __future__ import annotations

import asyncio
import http.server
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets import Set, Unicode
from traitlets.config import Config

from authenticator.errors import Unavailable
from authenticator.leaving import NewSession, logout_handler
from authenticator.settings_watch import WatchSettings
from authenticator.watch import Watch
from authenticator.workers import Deadline
from tests.ports import free_port

__all__ = ["Account", "Browser", "Paper", "SmallHub", "small_hub"]


@dataclass(frozen=True)
class Account:
    name: str
    dn: str = ""
    groups: frozenset[str] = frozenset()
    disabled: str = ""


@dataclass
class Paper:
    """A directory on paper: it counts what it is asked, and can stop answering."""

    accounts: dict[str, Account] = field(default_factory=dict)
    questions: list[list[str]] = field(default_factory=list)
    silent: bool = False
    before_answer: Callable[[], None] = lambda: None

    def add(self, *names: str, groups: Iterable[str] = ()) -> None:
        for name in names:
            self.accounts[name] = Account(name, groups=frozenset(groups))

    def disable(self, name: str) -> None:
        self.accounts[name] = replace(self.accounts[name], disabled="disabled")

    def look_up_many(self, names: Iterable[str], deadline: Deadline) -> Mapping[str, Account | None]:
        self.questions.append(list(names))
        self.before_answer()
        if self.silent:
            raise Unavailable("directory", "no server answers")
        return {name: self.accounts.get(name) for name in self.questions[-1]}


@dataclass
class Clock:
    """A clock that only goes on when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Revoked:
    """Requests to end sessions, in memory."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def request(self, user: str, *, reason: str, by: str, now: float) -> int:
        self.rows.append(
            SimpleNamespace(id=len(self.rows) + 1, user=user, reason=reason, by=by, requested=now)
        )
        return len(self.rows)

    def newer_than(self, number: int, *, now: float) -> list[Any]:
        return [row for row in self.rows if row.id > number]


class Ledger:
    """An audit that can be read again."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def record(self, event: Any) -> None:
        self.events.append(event)

    def said(self, kind: str) -> list[tuple[str, str]]:
        return [(one.user, one.reason) for one in self.events if one.kind == kind]


class _Form(NewSession, LoginHandler):
    """Our session, JupyterHub's form."""


class Doorless(WatchSettings):
    """Lets in whoever the directory on paper knows, and watches."""

    allowed_groups = Set(Unicode()).tag(config=True)
    admin_groups = Set(Unicode()).tag(config=True)
    login_timeout = 2

    directory: Paper
    store: Any
    audit: Ledger
    watch: Watch
    clock: Clock

    async def authenticate(self, _handler: Any, data: Any) -> dict[str, Any] | None:
        account = self.directory.accounts.get(data["username"])
        if account is None or account.disabled or self.directory.silent:
            return None
        self.watch.admitted(account.name)
        return {"name": account.name, "groups": sorted(account.groups), "admin": None}

    def check_allowed(self, username: str, authentication: dict[str, Any] | None = None) -> bool:
        groups = set((authentication or {}).get("groups") or ())
        return bool(super().check_allowed(username, authentication) or self.allowed_groups & groups)

    def get_handlers(self, app: Any) -> list[tuple[str, Any]]:
        self.watch = Watch(self, app, clock=self.clock)
        self.watch.start()
        return [(r"/login", _Form), (r"/logout", logout_handler())]

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        return self.watch.refresh(user.name, handler)

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        await self.watch.before_spawn(user, spawner)


class _Route(Proxy):
    """No proxy: tests talk to the hub itself."""

    should_start = False
    deleted: list[str]

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        pass

    async def delete_route(self, routespec: str) -> None:
        pass

    async def get_all_routes(self) -> dict[str, Any]:
        return {}


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Stub(Spawner):
    """A notebook server that does nothing but be there; one named "waits" waits for ever."""

    serving: Any = None

    async def start(self) -> str:
        if self.name == "waits":
            await asyncio.Event().wait()
        self.serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serving.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self.serving.server_port}"

    async def stop(self, now: bool = False) -> None:
        if self.serving is not None:
            await asyncio.to_thread(self.serving.shutdown)
            self.serving.server_close()
            self.serving = None

    async def poll(self) -> int | None:
        return None if self.serving is not None or self.name == "waits" else 0


class Browser(httpx.AsyncClient):
    """A browser: cookies, and forms that carry the token that the page gave it."""

    async def log_in(self, name: str, **typed: str) -> httpx.Response:
        await self.get("login")
        form = {"username": name, "password": "x", **typed, "_xsrf": self.cookies["_xsrf"]}
        return await self.post("login", data=form)

    async def sees(self) -> str:
        """Return whose home page is shown, or "" when a login is asked for."""
        answer = await self.get("home")
        if answer.status_code == httpx.codes.FOUND:
            assert "/hub/login" in answer.headers["location"]
            return ""
        found = re.search(r'user: "([^"]*)"', answer.text)
        assert found is not None
        return found[1]

    def copy(self) -> Browser:
        """Return what a thief has who got all of this browser's cookies."""
        return Browser(base_url=self.base_url, cookies=httpx.Cookies(self.cookies))


@dataclass
class SmallHub:
    app: Any
    url: str
    directory: Paper
    revocations: Revoked
    audit: Ledger
    clock: Clock
    browsers: list[Browser] = field(default_factory=list)

    @property
    def watch(self) -> Watch:
        return self.app.authenticator.watch  # type: ignore[no-any-return]

    def browser(self) -> Browser:
        self.browsers.append(Browser(base_url=f"{self.url}hub/", timeout=20))
        return self.browsers[-1]

    async def logged_in(self, name: str, **typed: str) -> Browser:
        browser = self.browser()
        answer = await browser.log_in(name, **typed)
        assert answer.status_code == httpx.codes.FOUND, answer.text
        return browser

    def user(self, name: str) -> Any:
        """Return the hub's record of somebody, which an administrator may have made."""
        user = orm.User.find(self.app.db, name)
        if user is None:
            user = orm.User(name=name)
            self.app.db.add(user)
            roles.assign_default_roles(self.app.db, entity=user)
            self.app.db.commit()
        return user

    def token(self, name: str, **details: Any) -> str:
        """Make an API token as the user would."""
        return str(self.user(name).new_api_token(**details))

    async def ask(self, path: str, token: str, method: str = "GET", **more: Any) -> httpx.Response:
        headers = {"Authorization": f"token {token}"} if token else {}
        async with httpx.AsyncClient(base_url=f"{self.url}hub/api/", headers=headers, timeout=60) as client:
            return await client.request(method, path, **more)

    async def way_in(self, browser: Browser, name: str) -> dict[str, str]:
        """Send a browser through the hub to its server; return what the server then asks a token for."""
        client = f"jupyterhub-user-{name}"
        details = {"client_id": client, "redirect_uri": f"/user/{name}/oauth_callback"}
        answer = await browser.get("api/oauth2/authorize", params=details | {"response_type": "code"})
        code = httpx.URL(answer.headers["location"]).params["code"]
        secret = self.app.users[name].spawners[""].api_token
        return details | {"client_secret": secret, "grant_type": "authorization_code", "code": code}

    async def open_server(self, browser: Browser, name: str) -> str:
        """Return the token that the user's server then keeps for this browser."""
        answer = await self.ask("oauth2/token", "", "POST", data=await self.way_in(browser, name))
        return str(answer.json()["access_token"])

    async def report(self, name: str, token: str) -> int:
        """Say that a server is in use, as it does itself; return the status of the answer."""
        body = {"last_activity": "2020-01-01T00:00:00Z"}
        return (await self.ask(f"users/{name}/activity", token, "POST", json=body)).status_code

    async def may(self, token: str) -> bool:
        """Tell whether the hub still takes a token for somebody's."""
        return (await self.ask("user", token)).status_code == httpx.codes.OK

    async def start_server(self, browser: Browser, name: str, server: str = "") -> Any:
        """Have somebody start a server; return its spawner once it is ready (or waits)."""
        path = f"spawn/{name}/{server}".rstrip("/")
        await browser.get(path)
        user = self.app.users[name]
        for _ in range(1000):
            spawner = user.spawners[server]
            if spawner.ready or (server == "waits" and spawner.pending):
                return spawner
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name}'s server {server!r} did not start")


@asynccontextmanager
async def small_hub(folder: Path, directory: Paper | None = None, **settings: Any) -> AsyncIterator[SmallHub]:
    """Run a hub until the block ends; settings are the authenticator's."""
    port = free_port()
    parts = directory or Paper(), settings.pop("revocations", None) or Revoked(), Ledger(), Clock()

    class Ready(Doorless):
        directory, store = parts[0], SimpleNamespace(revocations=parts[1])
        audit, clock = parts[2:]

    config = Config()
    config.JupyterHub.update(
        bind_url=f"http://127.0.0.1:{port}/",
        hub_bind_url=f"http://127.0.0.1:{port}",
        db_url=f"sqlite:///{folder}/hub.sqlite",
        cookie_secret_file=str(folder / "secret"),
        proxy_class=_Route,
        spawner_class=settings.pop("spawner_class", Stub),
        authenticator_class=settings.pop("authenticator_class", Ready),
        allow_named_servers=True,
        cleanup_servers=False,
        cookie_max_age_days=0.5,
        default_url="/hub/home",
        log_level="WARN",
        load_roles=settings.pop("load_roles", []),
        tornado_settings={"slow_spawn_timeout": 0.1},
    )
    config.Spawner.update(settings.pop("spawner", {}))
    config.Authenticator.allow_all = not settings.get("allowed_groups")
    config.Authenticator.manage_groups = True
    config.Authenticator.update(settings)
    JupyterHub.clear_instance()
    app = JupyterHub.instance(config=config)
    hub = SmallHub(app, f"http://127.0.0.1:{port}/", *parts)
    (folder / "config.py").touch()  # else the hub would take the one of the folder that we are in
    await app.initialize(["--config", str(folder / "config.py")])
    try:
        await app.start()
        yield hub
    finally:
        for browser in hub.browsers:
            await browser.aclose()
        await _end(app)


async def _end(app: Any) -> None:
    await app.authenticator.watch.stop()
    for callback in app._periodic_callbacks.values():
        callback.stop()
    for user in app.users.values():
        for spawner in list(user.spawners.values()):
            if spawner._spawn_future is not None:
                spawner._spawn_future.cancel()
            if spawner.active:
                spawner.stop_polling()
                await spawner.stop(now=True)
    app.http_server.stop()
    app.db.close()
    JupyterHub.clear_instance()
