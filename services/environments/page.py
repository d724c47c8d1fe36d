"""What every page of the service has: its language, its address, problems in words, and what is going on.

The pages work with nothing but HTML; a script makes parts of them live.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final
from urllib.parse import quote

from tornado import web
from tornado.httputil import url_concat

import texts
from environments.problems import Problem
from environments.records import Environment
from services.environments.base import Asking, status_of
from services.environments.desk import Overview
from services.environments.rendering import environment_row, glance_row, render
from services.handlers import content_policy

__all__ = ["FIELDS", "Page"]

_YEAR_DAYS: Final = 365
_LONGEST: Final = 1500  # characters of a field in an address
_GLANCES: Final = 4  # of actions whose progress a page shows as it is loaded

FIELDS: Final = ("environment", "set", "source", "specs", "label", "cuda", "text", "format")
"""What the forms have."""


class Page(Asking):
    """Answers with pages; a browser without a login is sent to the hub's."""

    policy: ClassVar[str] = content_policy(forms=True)

    async def prepare(self) -> None:
        await super().prepare()
        self._remember_language()

    def refuse_stranger(self) -> None:
        if self.request.method == "POST" and self.request.path.startswith(self.prefix):
            # The login's way back would lose what was typed. So it leads to the form, which does nothing.
            back = url_concat(self.request.path, {**self._typed(), "again": "1"})
            self.redirect(back, status=303)  # type: ignore[no-untyped-call]
        elif self.request.method != "GET":
            raise web.HTTPError(403, "no valid login")
        else:
            self.redirect(self.get_login_url())  # type: ignore[no-untyped-call]

    def _typed(self) -> dict[str, str]:
        """Return what was typed into a form, as far as an address can hold it."""
        try:
            typed = {name: self.get_body_argument(name, "") for name in FIELDS}
        except web.HTTPError:  # not UTF-8
            return {}
        return {name: value for name, value in typed.items() if 0 < len(value) <= _LONGEST}

    def _remember_language(self) -> None:
        asked = self.request.query_arguments.get("lang", [b""])[-1].decode("ascii", "replace")
        if asked in texts.LANGUAGES:
            secure = self.request.protocol == "https"
            path = self.settings["base_url"]
            self.set_cookie(
                texts.COOKIE,
                asked,
                expires_days=_YEAR_DAYS,
                path=path,
                httponly=True,
                samesite="Lax",
                secure=secure,
            )

    @property
    def prefix(self) -> str:
        return str(self.settings["prefix"])

    def url_of(self, name: str) -> str:
        return f"{self.prefix}environments/{quote(name, safe='')}"

    def row(self, one: Environment) -> dict[str, Any]:
        return environment_row(one, self.url_of(one.name), self.settings["base_url"], self.lang)

    def show(self, template: str, **values: Any) -> None:
        self.finish(
            render(
                template,
                self.lang,
                self.frame,
                prefix=self.prefix,
                xsrf=self.xsrf_token.decode("ascii") if self.current_user else "",
                **values,
            )
        )

    def see(self, page: str) -> None:
        """Send the browser to another page, so that loading it again does nothing twice."""
        self.redirect(f"{self.prefix}{page}", status=303)  # type: ignore[no-untyped-call]

    def tell(self, problem: Problem) -> None:
        """Show a page that says what is wrong, and nothing else."""
        self.set_status(status_of(problem))
        self.show("problem", title=self._("That did not work"), problem=self.words_of(problem))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        problem = {"message": self.say(self.explain(status_code)), "details": ""}
        self.show("problem", title=self._("That did not work"), problem=problem)

    def _(self, msgid: str, **params: Any) -> str:
        return texts.translate(self.lang, msgid, **params)

    async def live(self, seen: Overview, name: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of what is going on, with how far it is."""
        going = [one for one in seen.actions if not one.over and name in (None, one.environment)]
        found = await asyncio.gather(
            *(self.follows.glance(self.user, one.id) for one in going[:_GLANCES]), return_exceptions=True
        )
        # What cannot be looked at now is in the history all the same.
        return [glance_row(one, self.lang) for one in found if not isinstance(one, BaseException)]

    def about(self, seen: Overview) -> dict[str, Any]:
        return {
            "files_problem": self.say(seen.files_problem) if seen.files_problem else "",
            "slurm_answers": seen.slurm_answers,
            "as_of": seen.as_of,
        }
