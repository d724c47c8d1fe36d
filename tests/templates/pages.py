"""Renders pages the way JupyterHub does, and reads them the way a browser does."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
from jupyterhub._data import DATA_FILES_PATH

from texts.jinja import EXTENSIONS, TEMPLATE_VARS, TEMPLATES

__all__ = ["Element", "FakeRequest", "Page", "environment", "render"]

STOCK = Path(DATA_FILES_PATH) / "templates"


class FakeRequest:
    """The part of a handler that pages look at."""

    def __init__(self, lang: str | None, uri: str = "/hub/home") -> None:
        self.lang = lang
        self.uri = uri

    @property
    def request(self) -> FakeRequest:
        return self

    def get_cookie(self, name: str, /) -> str | None:
        return self.lang if name == "hpchub-lang" else None

    def static_url(self, path: str, include_version: bool = True) -> str:
        return f"/hub/static/{path}"


class Element:
    """One element of a page: its name, attributes and all the text inside it."""

    def __init__(self, name: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.name = name
        self.attributes = attributes
        self.parent = parent
        self.text = ""

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    def inside(self, name: str) -> bool:
        return self.parent is not None and (self.parent.name == name or self.parent.inside(name))


class Page(HTMLParser):
    """A parsed page."""

    VOID = frozenset({"input", "meta", "link", "img", "br", "hr", "rect", "circle", "path"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[Element] = []
        self._open: Element | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self.elements.append(element)
        if tag not in self.VOID:
            self._open = element

    def handle_endtag(self, tag: str) -> None:
        while self._open is not None and tag not in self.VOID:
            closed, self._open = self._open, self._open.parent
            if closed.name == tag:
                return

    def handle_data(self, data: str) -> None:
        element = self._open
        while element is not None:
            element.text += data
            element = element.parent

    def all(self, tag: str = "", /, **attributes: str) -> list[Element]:
        """Return the elements of a kind with these attributes (``class_`` and ``for_`` as in Python)."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            element
            for element in self.elements
            if (not tag or element.name == tag)
            and all(element.get(key) == value for key, value in wanted.items())
        ]

    def one(self, tag: str = "", /, **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of <{tag} {attributes}>"
        return found[0]


def environment(undefined: type[jinja2.Undefined] = jinja2.Undefined) -> jinja2.Environment:
    """JupyterHub's environment with our settings (jupyterhub.app, init_tornado_settings)."""
    stock = {"templates": jinja2.FileSystemLoader(STOCK)}
    loader = jinja2.ChoiceLoader(
        [jinja2.PrefixLoader(stock, "/"), jinja2.FileSystemLoader([str(TEMPLATES), str(STOCK)])]
    )
    return jinja2.Environment(loader=loader, autoescape=True, extensions=EXTENSIONS, undefined=undefined)


def render(
    name: str,
    lang: str | None,
    *,
    user: Any = None,
    uri: str = "/hub/home",
    undefined: type[jinja2.Undefined] = jinja2.Undefined,
    **context: Any,
) -> Page:
    """Render a template for a request in a language."""
    request = FakeRequest(lang, uri)
    namespace = {
        "base_url": "/hub/",
        "prefix": "/",
        "user": user,
        "login_url": "/hub/login",
        "logout_url": "/hub/logout",
        "static_url": request.static_url,
        "version_hash": "20261121",
        "services": [],
        "parsed_scopes": {},
        "xsrf": "the-token",
        "xsrf_token": "the-token",
        **{key: value(user) for key, value in TEMPLATE_VARS.items()},
        **context,
    }
    return Page(environment(undefined).get_template(name).render(namespace))
