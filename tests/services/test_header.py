"""The header leads to the same pages wherever one is: on the hub's own pages and on those of its services."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hpchub.configuration import load
from queues.policy import parse_policy
from queues.table import build_table
from services.environments.rendering import render as render_environments
from services.queues.page import render_page
from services.rendering import Frame
from services.settings import Place
from tests.queues.cluster import NOW, snapshot
from tests.queues.test_gpus import MIXED, TYPES
from tests.services.realhub import ROOT
from tests.templates.contexts import user
from tests.templates.pages import Page, render

HEADER = ("queues", "environments", "otp")
ENVIRONMENTS = "/services/environments/"
QUEUES = "/services/queues/"


def entries(page: Page) -> list[tuple[str, str | None]]:
    """Read the header: what each entry says, and where it leads."""
    return [(one.text, one.get("href")) for one in page.all("a") if one.inside("nav") and one.inside("li")]


def of_the_hub(lang: str, admin: bool) -> Page:
    services = [SimpleNamespace(name=name, href=f"/services/{name}/") for name in HEADER[:2]]
    scopes: dict[str, Any] = {"admin-ui": None} if admin else {}
    person = user()
    person.authenticator = SimpleNamespace(factor="tokens")
    context: dict[str, Any] = {"status_code": 404, "services": services, "parsed_scopes": scopes}
    return render("error.html", lang, user=person, **context)


def frame(prefix: str, header: tuple[str, ...] = HEADER, *, admin: bool = False) -> Frame:
    return Frame(Place("127.0.0.1", 1, prefix, "/", header), prefix, "a1113a01", admin)


def of_the_queues(lang: str, seen: Frame) -> Page:
    table = build_table(parse_policy(MIXED + TYPES), snapshot([]), NOW, user="a1113a01")
    return Page(render_page(table, lang, seen))


def of_the_environments(lang: str, seen: Frame) -> Page:
    problem = {"message": "No.", "details": ""}
    return Page(render_environments("problem", lang, seen, prefix="/", xsrf="", title="x", problem=problem))


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("admin", [False, True])
def test_has_the_same_entries_everywhere(lang: str, admin: bool) -> None:
    wanted = entries(of_the_hub(lang, admin))
    assert len(wanted) == 5 + admin
    queues = of_the_queues(lang, frame(QUEUES, admin=admin))
    environments = of_the_environments(lang, frame(ENVIRONMENTS, admin=admin))
    assert entries(queues) == entries(environments) == wanted
    for page, own in ((queues, QUEUES), (environments, ENVIRONMENTS)):
        assert page.one("a", aria_current="page").get("href") == own


def test_leads_to_nothing_that_this_site_does_not_have() -> None:
    page = of_the_queues("en", frame(QUEUES, ("queues",)))
    assert [text for text, _href in entries(page)] == ["Home", "Tokens", "Queues"]
    # Nor to nothing at all where nobody has said what there is.
    assert [text for text, _href in entries(of_the_environments("en", frame(ENVIRONMENTS, ())))] == [
        "Home",
        "Tokens",
        "My environments",
    ]


@pytest.mark.parametrize(
    ("more", "told"), [({}, "queues,otp"), ({"HPCHUB_ENVIRONMENTS": "x"}, ",".join(HEADER))]
)
def test_services_are_told_what_this_site_has(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, str], told: str
) -> None:
    for name in ("HPCHUB_ENVIRONMENTS", "HPCHUB_SITE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    services = load(ROOT / "jupyterhub_config.py").config.JupyterHub.services
    assert {one["environment"]["HPCHUB_HEADER"] for one in services} == {told}
    environment = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1", "JUPYTERHUB_SERVICE_PREFIX": QUEUES}
    place = Place.from_environment({**environment, "HPCHUB_HEADER": told})
    assert place.header == tuple(told.split(","))
