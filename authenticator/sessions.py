"""What somebody who is logged in holds, and how all of it is taken away at once.

JupyterHub 6.1 knows a browser by a signed cookie whose content, `User.cookie_id`, is the same for every
browser and never changes; scripts, servers and services by rows of `api_tokens`; and for a few minutes a
browser on its way into a server by a row of `oauth_codes`. Ending sessions means a new cookie id, and none of
those rows. All of it is read from the database at every request, so it counts from the next one on.

A server that goes on running needs its own token to report that it is in use. That token is kept, but opens
nothing any more: whoever read it out of the server's environment could otherwise come back in with it.

The cookie ids that we make begin with the time. So whether a session dates from before a given moment can be
told later as well, by another process, and ending it twice does nothing: no list of what was done is needed.

Everything here runs on the hub's event loop, for JupyterHub's database session belongs to it.
"""

import asyncio
import datetime
import secrets
import time
from typing import Any, Final

import jupyterhub.orm

__all__ = ["Sessions", "began", "new_cookie_id"]

orm: Any = jupyterhub.orm  # its columns have no types
PATIENCE: Final = 5.0  # seconds for a cancelled start to end
REPORTING: Final = "users:activity"


def new_cookie_id(now: float) -> str:
    """Return a cookie id that nobody can guess, and that says since when it is good."""
    return f"{now:.3f}-{secrets.token_urlsafe(32)}"


def began(cookie_id: str) -> float:
    """Return when a cookie id was made, in Unix seconds; 0 for JupyterHub's own.

    >>> began("1750000000.250-k3J_x-1"), began("8c2f7a0e5d1b4c6f"), began("nan-x")
    (1750000000.25, 0.0, 0.0)
    """
    seconds, dash, _random = cookie_id.partition("-")
    return float(seconds) if dash and seconds.replace(".", "", 1).isdecimal() else 0.0


class Sessions:
    """Ends sessions in a running hub.

    Parameters
    ----------
    app
        The hub: `db`, `users`, `proxy` and `log` of it are used.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def end(self, name: str, *, before: float) -> bool:
        """Refuse from now on what the user held `before` (Unix seconds); False when there was nothing.

        Browsers have to log in again, and all tokens are gone. What was made later stays.
        """
        user = orm.User.find(self._app.db, name)
        if user is None:
            return False
        ended = self._forget_browsers(user, before)
        ended |= self._delete_tokens(user, before)
        self._commit(user, ended=ended)
        return ended

    def end_browsers(self, name: str) -> None:
        """Refuse all browsers of the user from now on; tokens that the user made for scripts stay."""
        user = orm.User.find(self._app.db, name)
        if user is not None:
            self._forget_browsers(user, time.time())
            for token in self._tokens(user).filter(orm.APIToken.session_id.is_not(None)):
                self._app.db.delete(token)
            self._commit(user, ended=True)

    async def stop_servers(self, name: str) -> None:
        """Stop the user's servers, those as well that wait for their place."""
        user = orm.User.find(self._app.db, name)
        if user is None or user.id not in self._app.users:
            return
        known = self._app.users[user.id]
        names = [each for each, spawner in known.spawners.items() if spawner.active or spawner.pending]
        outcomes = await asyncio.gather(*(self._stop(known, each) for each in names), return_exceptions=True)
        for server, outcome in zip(names, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._app.log.error("Server %s:%s did not stop: %s", name, server, type(outcome).__name__)

    def _forget_browsers(self, user: Any, before: float) -> bool:
        # One of JupyterHub's own is as old as the user.
        older = (began(user.cookie_id) or _made(user)) < before
        if older:
            user.cookie_id = new_cookie_id(max(before, time.time()))
        # Good for ten minutes at most, and without a time of their own: whoever is on the way starts again.
        for kind, owner in ((orm.OAuthCode, orm.OAuthCode.user_id), (orm.ShareCode, orm.ShareCode.owner_id)):
            for code in self._app.db.query(kind).filter(owner == user.id):
                self._app.db.delete(code)
        return older

    def _delete_tokens(self, user: Any, before: float) -> bool:
        servers = {f"Server at {one.server.base_url}" for one in user._orm_spawners if one.server}
        ended = False
        for token in self._tokens(user):
            if _made(token) >= before:
                continue
            if token.note in servers and token.session_id is None:
                ended |= _only_reports(token)
            else:
                self._app.db.delete(token)
                ended = True
        return ended

    def _tokens(self, user: Any) -> Any:
        return self._app.db.query(orm.APIToken).filter(orm.APIToken.user_id == user.id)

    def _commit(self, user: Any, *, ended: bool) -> None:
        self._app.db.commit()
        if ended and user.id in self._app.users:
            # The hub must not go by what it found out a moment ago.
            self._app.users[user.id]._auth_refreshed = None

    async def _stop(self, user: Any, server: str) -> None:
        """Stop one server as the hub's own handler does; a start that is under way is given up first."""
        spawner = user.spawners[server]
        if spawner.pending == "spawn" and spawner._spawn_future is not None:
            spawner._spawn_future.cancel()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while spawner.pending and loop.time() < deadline:  # noqa: ASYNC110 - the hub has plain flags
            await asyncio.sleep(0.05)
        if server not in user.spawners or spawner.pending:
            return
        spawner._stop_pending = True  # before anything is awaited: nobody else must stop or start it
        try:
            await self._app.proxy.delete_user(user, server)
            await user.stop(server)
        finally:
            spawner._stop_pending = False


def _made(row: Any) -> float:
    # JupyterHub's times are UTC without saying so.
    created: datetime.datetime | None = row.created
    return created.replace(tzinfo=datetime.UTC).timestamp() if created else 0.0


def _only_reports(token: Any) -> bool:
    """Leave a server's token nothing but to say that the server is in use; False when it is so already."""
    left = sorted(scope for scope in token.scopes if scope.partition("!")[0] == REPORTING)
    if left == sorted(token.scopes):
        return False
    token.scopes = left
    return True
