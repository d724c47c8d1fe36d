"""While the hub is away the proxy says what that means, and when to come again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.proxy.page import files
from tests.proxy import AWAY, Centre, run_proxy

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HEADING = "<h1>JupyterHub does not answer at the moment</h1>"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with run_proxy(tmp_path_factory.mktemp("proxy")) as running:
        running.route("/user/dead", running.dead)
        yield running


@pytest.mark.parametrize("name", files())
def test_what_lies_beside_the_proxy_says_what_the_texts_say(name: str) -> None:
    assert (AWAY / name).read_text(encoding="utf-8") == files()[name], "run python -m services.proxy"


@pytest.mark.parametrize("path", ["/", "/user/x/", "/user/dead/lab", "/hub/spawn?queue=jupyter", "/%ff"])
def test_who_opens_a_page_reads_in_both_languages_that_the_hub_is_away(centre: Centre, path: str) -> None:
    # Of all these the proxy knows only /user/dead, like one that was started anew before the hub.
    answer = httpx.get(centre.url + path, headers=PAGE)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"
    assert HEADING in answer.text
    assert "<h2>지금 JupyterHub가 응답하지 않습니다</h2>" in answer.text
    assert '<noscript><meta http-equiv="refresh"' in answer.text
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_who_sent_a_form_reads_so_and_nothing_is_sent_again(centre: Centre) -> None:
    answer = httpx.post(f"{centre.url}/hub/spawn", data={"queue": "jupyter"}, headers=PAGE)
    assert answer.status_code == 503
    assert "What you sent may not have arrived." in answer.text
    assert "http-equiv" not in answer.text
    assert "location.replace" not in answer.text


def test_a_program_reads_json_and_learns_when_to_come_again(centre: Centre) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, f"{centre.url}/hub/api/users/x/server")
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            503,
            "application/json; charset=utf-8",
        )
        assert int(answer.headers["Retry-After"]) > 0
        assert json.loads(answer.text)["message"].startswith("JupyterHub does not answer at the moment.")


def test_pages_of_the_hub_are_its_own_as_soon_as_it_answers(centre: Centre) -> None:
    centre.hub_comes()
    try:
        assert "<h1>The hub</h1>" in httpx.get(f"{centre.url}/hub/home", headers=PAGE).text
        dead = httpx.get(f"{centre.url}/user/dead/lab", headers=PAGE)
        assert (dead.status_code, "The hub's error page" in dead.text) == (503, True)
    finally:
        centre.hub_goes()
    assert HEADING in httpx.get(f"{centre.url}/hub/home", headers=PAGE).text


def test_with_tls_inside_a_dead_server_is_not_taken_for_a_hub_that_is_away(tmp_path: Path) -> None:
    with run_proxy(tmp_path, tls=True) as centre:
        assert HEADING in httpx.get(f"{centre.url}/user/dead/lab", headers=PAGE).text
        centre.hub_comes()
        centre.route("/user/dead", centre.dead)
        assert "<h1>The hub</h1>" in httpx.get(f"{centre.url}/hub/home", headers=PAGE).text
        dead = httpx.get(f"{centre.url}/user/dead/lab", headers=PAGE)
        assert (dead.status_code, "The hub's error page" in dead.text) == (503, True)


def test_proxy_runs_as_ever_where_the_pages_are_missing(tmp_path: Path) -> None:
    module = shutil.copy(AWAY / "away.mjs", tmp_path)
    with run_proxy(tmp_path, Path(module)) as alone:
        answer = httpx.get(f"{alone.url}/hub/home", headers=PAGE)
        assert (answer.status_code, answer.text) == (404, "Not Found")
    assert "there will be no page that says so" in (tmp_path / "proxy.log").read_text()
