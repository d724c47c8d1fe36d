"""What the pages and the API of this service share: who asks, what is known, and problems in words."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, Final, TypeVar

from tornado import web

from environments.problems import Problem
from environments.site import Site
from services.environments.clerk import Clerk
from services.environments.desk import Desk
from services.environments.files import UnreachableError
from services.environments.follow import Follows, Glance, Unknown
from services.handlers import Handler
from slurm.records import Sentence
from texts import mark as _
from texts import say

__all__ = ["Asking", "status_of", "unreachable"]

T = TypeVar("T")

_STATUS: Final = {
    "busy": HTTPStatus.CONFLICT,
    "over": HTTPStatus.CONFLICT,
    "terminal": HTTPStatus.CONFLICT,
    "folder": HTTPStatus.CONFLICT,
    "missing": HTTPStatus.NOT_FOUND,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "queue": HTTPStatus.FORBIDDEN,
    "refused": HTTPStatus.FORBIDDEN,
    "slurm": HTTPStatus.SERVICE_UNAVAILABLE,
    "unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
    "unreadable": HTTPStatus.SERVICE_UNAVAILABLE,
    "setup": HTTPStatus.INTERNAL_SERVER_ERROR,
    "site": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(problem: Problem) -> int:
    """Return the HTTP status of a problem: the request is wrong, unless it is ours or Slurm's."""
    return int(_STATUS.get(problem.code, HTTPStatus.BAD_REQUEST))


def unreachable() -> Problem:
    """Return the problem that a user's files do not answer."""
    return Problem("unreachable", _("Your files cannot be read at the moment. Please try again."))


class Asking(Handler):
    """Somebody of this centre, about what is his own: there is no way to name another user here."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.current_user is not None and self.current_user.get("kind") != "user":
            raise web.HTTPError(403, "only people have environments")

    @property
    def desk(self) -> Desk:
        desk: Desk = self.settings["desk"]
        return desk

    @property
    def clerk(self) -> Clerk:
        clerk: Clerk = self.settings["clerk"]
        return clerk

    @property
    def follows(self) -> Follows:
        follows: Follows = self.settings["follows"]
        return follows

    @property
    def site(self) -> Site:
        return self.clerk.site

    @property
    def user(self) -> str:
        return str(self.current_user["name"])

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(self.current_user.get("groups") or ())

    def say(self, sentence: Sentence) -> str:
        return say(self.lang, sentence)

    def words_of(self, problem: Problem) -> dict[str, Any]:
        return {"code": problem.code, "message": self.say(problem.sentence), "details": problem.details}

    async def glance(self, identity: str) -> Glance:
        """Look at an action of who asks; 404 where there is none.

        Raises
        ------
        Problem
            The files cannot be read.
        """
        try:
            return await self.follows.glance(self.user, identity)
        except Unknown:
            raise web.HTTPError(404) from None
        except UnreachableError:
            raise unreachable() from None

    async def ask(self, **question: Any) -> Any:
        """Ask about the user's files.

        Raises
        ------
        Problem
            They hold no answer, or cannot be read.
        """
        try:
            return await self.desk.files.ask(self.user, **question)
        except UnreachableError:
            raise unreachable() from None

    def tell(self, problem: Problem) -> None:
        """Answer with what is wrong."""
        raise NotImplementedError

    async def try_to(self, doing: Awaitable[T]) -> T | None:
        """Return what comes of it; None where a problem was told instead."""
        try:
            return await doing
        except Problem as problem:
            self.tell(problem)
            return None

    def explain(self, status: int) -> Sentence:
        match status:
            case 405:
                return Sentence(_("This cannot be done here."), {})
            case 413:
                return Sentence(_("This is too large."), {})
            case 429:
                return Sentence(_("You look at too many actions at once. Close some windows."), {})
        return super().explain(status)

    def download(self, filename: str, kind: str, content: bytes) -> None:
        """Send a file to be kept; it might be anything, so browsers must not show it."""
        plain = "".join(
            char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in filename
        )[:100]
        self.set_header("Content-Type", kind)
        self.set_header("Content-Disposition", f'attachment; filename="{plain or secrets.token_hex(4)}"')
        self.finish(content)
