"""Windows of Notebook and Lab are told how long the job still runs, and the hub is hardly asked."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from singleuser import hub as own_hub
from singleuser.timeleft import ABSENT, Known, seconds, understood
from tests.singleuser.jupyter import Jupyter, TimeHub, jupyter_server, time_hub

EXTENSION = "hpchub-time-left"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[TimeHub]:
    """A hub, and an environment as that of its servers."""
    with time_hub() as running:
        monkeypatch.setenv("JUPYTERHUB_API_URL", running.api)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-server's-own")
        yield running


@pytest.fixture(scope="module")
def busy_hub() -> Iterator[TimeHub]:
    with time_hub() as running:
        yield running


@pytest.fixture(scope="module")
def jupyter(busy_hub: TimeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server with Notebook and Lab that asks its hub whenever it is asked."""
    folder = tmp_path_factory.mktemp("jupyter")
    with jupyter_server(
        folder, busy_hub.api, seconds="0.001", pages=True, JUPYTERHUB_BASE_URL="/hpc/"
    ) as running:
        yield running


@pytest.fixture
def fresh(busy_hub: TimeHub) -> TimeHub:
    """The hub of `jupyter`, as it was at first."""
    busy_hub.status, busy_hub.left = 200, 3600
    busy_hub.more.clear()
    return busy_hub


# -- the server ------------------------------------------------------------------------------------


def test_window_is_told_when_the_job_ends(jupyter: Jupyter, fresh: TimeHub) -> None:
    told = jupyter.time()
    assert 3000 < told["seconds_left"] <= 3600
    assert (told["job_id"], told["node"], told["home"]) == ("17", "gpu01", "/hpc/hub/home")
    assert set(fresh.asked) == {"/hub/api/hpchub/server"}
    assert fresh.tokens == {"token the-server's-own"}


def test_window_is_told_of_an_extension(jupyter: Jupyter, fresh: TimeHub) -> None:
    jupyter.time()
    fresh.left = 7200
    assert jupyter.time()["seconds_left"] > 7100


def test_window_is_told_the_language_chosen_at_the_hub(jupyter: Jupyter, fresh: TimeHub) -> None:
    assert jupyter.time()["lang"] is None
    answer = jupyter.http.get("hpchub/time", headers={"Cookie": "hpchub-lang=ko"})
    assert answer.json()["lang"] == "ko"


def test_nobody_else_is_told(jupyter: Jupyter) -> None:
    assert httpx.get(f"{jupyter.url}hpchub/time", timeout=60).status_code == 403


@pytest.mark.parametrize("status", [404, 500, 503])
def test_hub_without_an_answer_shows_nothing_and_fills_no_log(
    tmp_path: Path, hub: TimeHub, status: int
) -> None:
    hub.status = status
    with jupyter_server(tmp_path, hub.api, seconds="0.001") as jupyter:
        before = jupyter.log
        for _ in range(5):
            assert jupyter.time()["seconds_left"] is None
        assert len(hub.asked) == 5
        assert not [line for line in jupyter.log[len(before) :].splitlines() if "api/status" not in line]


def test_open_window_does_not_make_an_idle_server_look_busy(jupyter: Jupyter) -> None:
    before = jupyter.http.get("api/status").json()["last_activity"]
    jupyter.time()
    assert jupyter.http.get("api/status").json()["last_activity"] == before


@pytest.mark.parametrize("page", ["lab", "tree"])
def test_both_front_ends_load_the_extension(jupyter: Jupyter, page: str) -> None:
    config = jupyter.page_config(page)
    assert config["hpchubTimeLeft"] == "0.001"
    found = [each for each in config["federated_extensions"] if each["name"] == EXTENSION]
    assert len(found) == 1
    entry = httpx.get(
        urljoin(jupyter.url, f"{config['fullLabextensionsUrl']}/{EXTENSION}/{found[0]['load']}"), timeout=60
    )
    assert entry.status_code == 200
    # A browser must ask whether it has changed: the next version of the hub brings another.
    assert entry.headers["Cache-Control"] == "no-cache"


def test_nobody_is_asked_for_news_unless_the_site_or_the_user_says_so(jupyter: Jupyter) -> None:
    news = "@jupyterlab/apputils-extension:announcements"
    assert news in jupyter.page_config("lab")["disabledExtensions"]
    settings = jupyter.home / ".jupyter" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": {news: False}}))
    assert news not in jupyter.page_config("lab")["disabledExtensions"]
    settings.unlink()


def test_site_can_switch_it_off(tmp_path: Path, hub: TimeHub) -> None:
    with jupyter_server(tmp_path, hub.api, seconds="0", pages=True) as jupyter:
        assert jupyter.http.get("hpchub/time").status_code == 404
        assert "hpchubTimeLeft" not in jupyter.page_config("lab")
        assert "hpchubTimeLeft" not in jupyter.page_config("tree")
    assert hub.asked == []


def test_extension_is_where_its_metadata_says() -> None:
    folder = Path(own_hub.__file__).with_name("labextension") / EXTENSION
    package = json.loads((folder / "package.json").read_text())
    assert package["name"] == EXTENSION == folder.name, "the front end fetches it by this name"
    build = package["jupyterlab"]["_build"]
    assert (folder / build["load"]).is_file()
    imported = {
        name
        for script in folder.glob("*.js")
        for name in re.findall(r'"(?:\./)?(\w+\.(?:js|css))"', script.read_text())
    }
    assert imported == {"main.js", "clock.js", "view.js", "words.js", "style.css"}
    assert all((folder / name).is_file() for name in imported)


# -- what is known -----------------------------------------------------------------------------------


async def test_many_windows_are_one_question(hub: TimeHub) -> None:
    known = Known(60)
    told = await asyncio.gather(*(known.now() for _ in range(20)))
    await known.now()
    assert len(hub.asked) == 1
    assert all(each["job_id"] == "17" for each in told)


async def test_hub_that_goes_away_leaves_the_last_end(hub: TimeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(0)
    hub.left = 100
    first = (await known.now())["seconds_left"]
    for trouble in ("http://127.0.0.1:1/hub/api", hub.api):
        hub.status = 503
        monkeypatch.setenv("JUPYTERHUB_API_URL", trouble)
        await asyncio.sleep(0.6)
        later = (await known.now())["seconds_left"]
        assert first - 10 < later < first + 1
        first = later
    assert later < 100, "it counts down all the same"


async def test_hub_that_hangs_does_not_hang_the_window(hub: TimeHub) -> None:
    known = Known(0)
    await known.now()
    hub.open.clear()
    told = await known.now()
    assert told["job_id"] == "17", "answered while the hub has not"
    asked = len(hub.asked)
    assert (await known.now())["job_id"] == "17"
    assert len(hub.asked) == asked, "no second question beside one that is under way"


async def test_window_that_gives_up_waiting_does_not_take_the_answer_from_others(hub: TimeHub) -> None:
    known = Known(60)
    hub.open.clear()
    impatient = asyncio.create_task(known.now())
    await asyncio.sleep(0.1)
    impatient.cancel()
    threading.Timer(0.2, hub.open.set).start()
    assert (await known.now())["job_id"] == "17"
    assert len(hub.asked) == 1


async def test_job_without_a_limit_shows_nothing(hub: TimeHub) -> None:
    hub.left = None
    assert await Known(0).now() == ABSENT


async def test_paused_job_is_told_without_a_clock(hub: TimeHub) -> None:
    hub.left = None
    hub.more["state"] = "paused"
    told = await Known(0).now()
    assert (told["state"], told["seconds_left"]) == ("paused", None)


async def test_time_that_is_up_is_not_negative(hub: TimeHub) -> None:
    hub.left = -5
    assert (await Known(0).now())["seconds_left"] == 0


async def test_hub_is_not_sought_behind_the_proxy_of_the_nodes(
    hub: TimeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await Known(0).now())["job_id"] == "17"


@pytest.mark.parametrize(
    "answer",
    [None, [], "soon", {}, {"seconds_left": "soon"}, {"seconds_left": float("nan")}, {"state": "running"}],
)
def test_answer_that_is_no_answer_is_none(answer: object) -> None:
    assert understood(answer) == {}


@pytest.mark.parametrize(
    ("text", "value"), [("", 60), ("5", 5), ("0", 0), ("-1", 60), ("soon", 60), ("nan", 60), ("inf", 60)]
)
def test_interval_that_cannot_be_understood_is_the_usual_one(text: str, value: float) -> None:
    assert seconds(text) == value
