"""The pages: what there is, what is going on, and a form for each thing that can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tornado import web

from environments.names import check_environment
from environments.problems import Problem
from environments.records import Environment
from services.environments import told
from services.environments.base import status_of
from services.environments.desk import Overview
from services.environments.files import problem_of
from services.environments.forms import LARGEST_FILE, from_form
from services.environments.page import FIELDS, Page
from services.environments.rendering import glance_row, rows
from services.environments.takeaway import zipped
from services.environments.told import Trouble
from services.environments.view import package_of, site_of
from services.environments.wording import WORDING
from slurm.errors import SlurmError

__all__ = ["ROUTES", "NoSuchPageHandler"]

_LOG_LINES: Final = 60
_LEADS_TO_A_SERVER: Final = ("bootstrap", "import", "clone", "reset", "rollback")


class ListHandler(Page):
    """All environments, what is going on, and what was done."""

    async def get(self) -> None:
        seen = await self.desk.overview(self.user)
        self.show(
            "list",
            environments=[self.row(one) for one in seen.environments],
            more=seen.more,
            live=await self.live(seen),
            past=rows((one for one in seen.actions if one.over), self.lang),
            site=site_of(self.site, self.lang),
            **self.about(seen),
        )


class EnvironmentHandler(Page):
    """One environment: its states and its packages."""

    async def get(self, name: str) -> None:
        seen = await self.desk.overview(self.user)
        one = seen.environment(name)
        if one is None:
            if seen.files_problem is not None:
                self.tell(problem_of(Trouble("unreachable", seen.files_problem)))
                return
            raise web.HTTPError(404)
        packages, others, problem = await self._packages(one)
        self.show(
            "environment",
            one=self.row(one),
            live=await self.live(seen, name),
            packages=packages,
            others=others,
            packages_problem=problem,
            **self.about(seen),
        )

    async def _packages(self, one: Environment) -> tuple[list[Any], list[Any], str]:
        try:
            answer = await self.ask(ask="packages", environment=one.name)
        except Problem as problem:
            return [], [], self.say(problem.sentence)
        found = [
            package_of(each) for raw in told.listed(answer.get("packages")) if (each := told.package(raw))
        ]
        others = [each for raw in told.listed(answer.get("others")) if (each := told.package(raw))]
        found.sort(key=lambda each: (not each["requested"], each["name"].lower()))
        return found, others, ""


class FormHandler(Page):
    """The form of an action, and what becomes of it."""

    async def get(self, name: str, verb: str) -> None:
        if verb == "export":
            self.show("export", environment=name, url=self.url_of(name))
            return
        seen = await self.desk.overview(self.user)
        if name and seen.environment(name) is None and seen.files_problem is None:
            raise web.HTTPError(404)
        given = {key: self.get_query_argument(key, "") for key in FIELDS}
        self._form(name, verb, seen, given)

    async def post(self, name: str, verb: str) -> None:
        form = {key: self.get_body_argument(key, "") for key in self.request.body_arguments}
        files = self.request.files.get("file") or []
        try:
            wanted = from_form(verb, name, form, bytes(files[0].body) if files else None)
            if verb in ("bootstrap", "import", "clone"):
                wanted["environment"] = form.get("environment", "").strip()
            if verb == "clone":
                wanted["source"] = name
            action = await self.clerk.submit(self.user, self.groups, wanted)
        except Problem as problem:
            self.set_status(status_of(problem))
            seen = await self.desk.overview(self.user)
            self._form(name, verb, seen, form, problem)
            return
        self.see(f"actions/{action.id}")

    def _form(
        self,
        name: str,
        verb: str,
        seen: Overview,
        values: Mapping[str, str],
        problem: Problem | None = None,
    ) -> None:
        wording = WORDING[verb]
        one = seen.environment(name)
        filled = {key: values.get(key, "") for key in FIELDS}
        if not filled["environment"] and verb == "bootstrap" and seen.environment(self.site.default) is None:
            filled["environment"] = self.site.default
        if verb == "reset" and one is not None:
            filled["set"] = filled["set"] or one.set
        self.show(
            "form",
            verb=verb,
            title=self._(wording.title),
            about=[self._(text) for text in wording.about],
            button=self._(wording.button),
            fields=wording.fields,
            destructive=wording.destructive,
            environment=name,
            values=filled,
            states=[each for each in one.generations if not each["current"]] if one else [],
            site=site_of(self.site, self.lang),
            largest=LARGEST_FILE,
            problem=self.words_of(problem) if problem else None,
            again=self.get_query_argument("again", "") == "1" and problem is None,
            action=self.request.path,
            back=self.url_of(name) if name else self.prefix,
        )


class NewHandler(FormHandler):
    """The forms that make a new environment."""

    async def get(self, verb: str) -> None:  # type: ignore[override]
        await super().get("", verb)

    async def post(self, verb: str) -> None:  # type: ignore[override]
        await super().post("", verb)


class ExportHandler(Page):
    """An environment as a file."""

    async def get(self, name: str, kind: str) -> None:
        try:
            check_environment(name)
            answer = await self.ask(ask="export", environment=name, format=kind)
        except Problem as problem:
            self.tell(problem)
            return
        text = told.text(answer.get("text"), 4 << 20)
        self.download(told.text(answer.get("filename")), "text/plain; charset=utf-8", text.encode())


class TakeawayHandler(Page):
    """An environment to take along."""

    async def get(self, name: str) -> None:
        content = await self.try_to(zipped(self, name, self.get_query_argument("folder", "")))
        if content is not None:
            self.download(f"{name}.zip", "application/zip", content)


class ActionHandler(Page):
    """One action: how far it is, its log, and how it ended."""

    async def get(self, identity: str) -> None:
        glance = await self.try_to(self.glance(identity))
        if glance is None:
            return
        one = glance_row(glance, self.lang)
        job_log: list[str] = []
        if one["job"] and one["state"] in ("failed", "interrupted") and not one["log"]:
            job_log = await self._job_log(one["job"])
        usable = await self._usable(one) if one["state"] == "done" else None
        # The job has to end what it does, which takes some seconds, and runs meanwhile.
        cancelling = self.get_query_argument("cancelling", "") == "1" and not one["over"]
        self.show("action", one=one, job_log=job_log, cancelling=cancelling, usable=usable)

    async def _usable(self, action: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the environment that an action has left, where it is there and a server starts from it."""
        if action["verb"] not in _LEADS_TO_A_SERVER:
            return None
        found = (await self.desk.overview(self.user)).environment(action["environment"])
        return self.row(found) if found is not None and found.server and not found.busy else None

    async def _job_log(self, job: str) -> list[str]:
        try:
            async with self.desk.files.acting(self.user) as acts:
                return await acts.log_tail(job, _LOG_LINES)
        except SlurmError:
            return []


class CancelHandler(Page):
    """Asks whether to cancel an action, and does."""

    async def get(self, identity: str) -> None:
        glance = await self.try_to(self.glance(identity))
        if glance is not None:
            again = self.get_query_argument("again", "") == "1"
            self.show("cancel", one=glance_row(glance, self.lang), again=again)

    async def post(self, identity: str) -> None:
        try:
            glance = await self.glance(identity)
            await self.clerk.cancel(self.user, glance.now)
        except Problem as problem:
            if problem.code != "over":
                self.tell(problem)
                return
        self.see(f"actions/{identity}?cancelling=1")


class NoSuchPageHandler(Page):
    """Everything else below the service's address."""

    def get(self) -> None:
        raise web.HTTPError(404)


_NAME: Final = r"([^/]{1,200})"
_ID: Final = r"([0-9a-f]{16})"
_FORMS: Final = "|".join(verb for verb in WORDING if verb not in ("bootstrap", "import"))

ROUTES: Final[list[tuple[str, Any]]] = [
    ("", ListHandler),
    (r"new/(bootstrap|import)", NewHandler),
    (f"environments/{_NAME}", EnvironmentHandler),
    (f"environments/{_NAME}/({_FORMS}|export)", FormHandler),
    (f"environments/{_NAME}/export/(yml|requested|explicit|lock)", ExportHandler),
    (f"environments/{_NAME}/takeaway", TakeawayHandler),
    (f"actions/{_ID}", ActionHandler),
    (f"actions/{_ID}/cancel", CancelHandler),
]
