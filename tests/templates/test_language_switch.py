"""The language switch and our static files, on a real hub."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from texts.handler import is_local_page

ROOT = Path(__file__).resolve().parents[2]

# No proxy: the tests talk to the hub itself.
CONFIG = """
import texts.handler, texts.jinja
from jupyterhub.proxy import Proxy
class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{}}
texts.handler.register()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.template_paths = [str(texts.jinja.TEMPLATES)]
c.JupyterHub.template_vars = texts.jinja.TEMPLATE_VARS
c.JupyterHub.jinja_environment_options = {{"extensions": texts.jinja.EXTENSIONS}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hub")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config.py").write_text(CONFIG.format(port=port))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", "config.py"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/hub/"
    try:
        wait_for(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}login", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"the hub did not start:\n{log.read_text()[-4000:]}")


@pytest.fixture
def browser(hub: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub, headers={"User-Agent": "test"}) as client:
        client.get("login")
        yield client


def switch(browser: httpx.Client, lang: str, page: str = "/hub/login", **more: str) -> httpx.Response:
    return browser.post(
        "language", data={"_xsrf": browser.cookies["_xsrf"], "lang": lang, "next": page, **more}
    )


def test_the_choice_is_remembered_and_leads_back_to_the_page(browser: httpx.Client) -> None:
    answer = switch(browser, "ko")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hub/login")
    assert 'lang="ko"' in browser.get("login").text
    switch(browser, "en")
    assert '<html lang="en"' in browser.get("login").text


def test_the_cookie_lasts_a_year_and_stays_on_this_site(browser: httpx.Client) -> None:
    cookie = switch(browser, "ko").headers["Set-Cookie"]
    assert all(
        part in cookie for part in ("hpchub-lang=ko", "HttpOnly", "SameSite=Lax", "Path=/", "expires=")
    )
    assert "Secure" not in cookie


def test_two_visitors_at_once_read_their_own_language(hub: str) -> None:
    for lang in ("ko", "en", "ko"):
        answer = httpx.get(f"{hub}login", headers={"Cookie": f"hpchub-lang={lang}"})
        assert f'<html lang="{lang}"' in answer.text


@pytest.mark.parametrize("lang", ["", "xx", "ko\r\nX: y", "../en", "<b>"])
def test_an_unknown_language_is_refused(browser: httpx.Client, lang: str) -> None:
    answer = switch(browser, lang)
    assert answer.status_code == 400
    assert "hpchub-lang" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_another_site_cannot_change_the_language(browser: httpx.Client, token: str) -> None:
    assert switch(browser, "ko", _xsrf=token).status_code == 403


EVIL_PAGES = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/hub//evil.example",
    "/hub/../../evil",
    "/hub/\r\nX-Evil: 1",
    "/hub/\tx",
    "javascript:alert(1)",
    "/user/a1113a02/",
    "",
    "hub/home",
    "/hub/./x",
    "/hub/\u2028x",
]


@pytest.mark.parametrize("page", EVIL_PAGES)
def test_it_never_leads_elsewhere(browser: httpx.Client, page: str) -> None:
    answer = switch(browser, "en", page)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hub/")


@pytest.mark.parametrize(
    "page", ["/hub/home", "/hub/spawn/a1113a01?next=%2Fhub%2Fhome", "/hub/", "/hub/a%20b"]
)
def test_pages_of_the_hub_are_kept(page: str) -> None:
    assert is_local_page(page, "/hub/")


def test_static_files_are_served_with_their_types(browser: httpx.Client) -> None:
    style, script = browser.get("hpchub-static/hpchub.css"), browser.get("hpchub-static/queues.js?v=1")
    assert style.headers["Content-Type"].startswith("text/css")
    assert "javascript" in script.headers["Content-Type"]
    assert style.headers["Cache-Control"] == "no-cache"
    assert "max-age" in script.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["../setup.cfg", "%2e%2e/setup.cfg", "..%2fsetup.cfg", "//etc/passwd"])
def test_nothing_else_of_the_machine_is_served(browser: httpx.Client, path: str) -> None:
    assert browser.get(f"hpchub-static/{path}").status_code in (403, 404)
