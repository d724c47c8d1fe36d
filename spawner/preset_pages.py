"""Pages for one's own presets: ``/hub/hpchub/presets``. All of it works without JavaScript.

A preset is kept in two steps, because a field for its name within the form would make Enter start a server:
the form sends its choices to ``/new``, which asks for the name, and ``/save`` keeps them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from tornado import web
from tornado.httputil import url_concat

from slurm.records import Sentence
from spawner.options import Options, OptionsError, from_form, parse
from spawner.pages.page import ServerPage
from spawner.presets import LONGEST_NAME, PresetError
from spawner.remembering import shown
from spawner.routes import add_page
from texts import mark as _
from texts.handler import is_local_page

__all__ = ["register"]

_NO_PRESET = _("There is no preset “%(name)s”.")


class PresetsHandler(ServerPage):
    """GET lists the presets of whoever is logged in."""

    @web.authenticated
    async def get(self) -> None:
        await self.list_presets()

    @property
    def spawner(self) -> Any:
        """The default server of the user, which keeps the presets."""
        self._may(user_name=self.current_user.name)
        return self.current_user.spawner

    def _may(self, user_name: str) -> None:
        if not self.has_scope(f"servers!user={user_name}"):  # type: ignore[no-untyped-call]
            raise web.HTTPError(403, "Presets need the right to start servers")

    async def list_presets(self, problem: Sentence | None = None) -> None:
        spawner = self.spawner
        kept = [(name, self.link_to(name), spawner.presets.get(name)) for name in spawner.presets]
        await self.show("presets.html", spawner, problem=problem, kept=kept, choices=None)

    async def ask_name(
        self, choices: dict[str, str], name: str = "", problem: Sentence | None = None
    ) -> None:
        names = {"choices": choices, "typed": name, "longest": LONGEST_NAME, "kept": []}
        await self.show("presets.html", self.spawner, problem=problem, **names, back=self.back)

    @property
    def back(self) -> str:
        """The page with the form from which somebody came."""
        page = self.get_argument("page", "")
        own = f"{self.hub.base_url}spawn"
        path = urlsplit(page).path if is_local_page(page, own) else own
        return path if path.startswith(f"{own}/") else own

    def link_to(self, name: str) -> str:
        return f"{self.back}?{urlencode({'preset': name})}"

    def choices(self) -> dict[str, str]:
        """Read the form's fields; what is no option is dropped, for nothing is started with it."""
        form = {name: self.get_body_arguments(name) for name in Options.model_fields}
        return from_form({name: values for name, values in form.items() if values})


class NewPresetHandler(PresetsHandler):
    """POST takes the form's choices and asks for a name."""

    def check_xsrf_cookie(self) -> None:
        """Give a form that is older than its reader's login back, filled in."""
        try:
            super().check_xsrf_cookie()
        except web.HTTPError:
            is_ours = "_xsrf" in self.request.body_arguments  # as every form of ours, from before the login
            if self.request.method != "POST" or not is_ours or self.current_user is not None:
                raise
            self.redirect(url_concat(self.back, shown(self.choices())), status=303)

    @web.authenticated
    async def get(self) -> None:
        self.redirect(f"{self.hub.base_url}hpchub/presets")

    @web.authenticated
    async def post(self) -> None:
        try:
            parse(self.choices(), self.spawner.shared().policy)
        except OptionsError as error:
            self.set_status(400)
            await self.list_presets(error.sentence)
            return
        await self.ask_name(self.choices())


class SavePresetHandler(PresetsHandler):
    """POST keeps the choices under a name and leads back to the form."""

    @web.authenticated
    async def get(self) -> None:
        self.redirect(f"{self.hub.base_url}hpchub/presets")

    @web.authenticated
    async def post(self) -> None:
        spawner = self.spawner
        name = self.get_body_argument("name", "", strip=False)
        try:
            options = parse(self.choices(), spawner.shared().policy)
            name = spawner.presets.save(name, options)
        except OptionsError as error:
            self.set_status(400)
            await self.list_presets(error.sentence)
            return
        except PresetError as error:
            self.set_status(400)
            await self.ask_name(self.choices(), name[: 2 * LONGEST_NAME], error.sentence)
            return
        spawner.save()
        self.redirect(self.link_to(name), status=303)


class DeletePresetHandler(PresetsHandler):
    """POST forgets a preset."""

    @web.authenticated
    async def get(self) -> None:
        self.redirect(f"{self.hub.base_url}hpchub/presets")

    @web.authenticated
    async def post(self) -> None:
        spawner = self.spawner
        name = self.get_body_argument("name", "", strip=False)
        if not spawner.presets.delete(name):
            self.set_status(404)
            await self.list_presets(Sentence(_NO_PRESET, {"name": name[: 2 * LONGEST_NAME]}))
            return
        spawner.save()
        self.redirect(f"{self.hub.base_url}hpchub/presets", status=303)


def register() -> None:
    """Put the pages into the hub; calling it twice changes nothing."""
    add_page(r"/hpchub/presets", PresetsHandler)
    add_page(r"/hpchub/presets/new", NewPresetHandler)
    add_page(r"/hpchub/presets/save", SavePresetHandler)
    add_page(r"/hpchub/presets/delete", DeletePresetHandler)
