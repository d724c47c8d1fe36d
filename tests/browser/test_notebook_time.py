"""The time left, inside Notebook and Lab: seen, heard, and never in the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.window import ARTEFACTS, Windows
from tests.centre import RunningCentre
from tests.person import Person
from tests.singleuser.jupyter import TOKEN, Jupyter, TimeHub, jupyter_server, time_hub

pytestmark = pytest.mark.browser

FRONT_ENDS = {"lab": "lab", "tree": "tree", "notebook": "notebooks/first.ipynb"}
OPENED = {
    "lab": ".jp-Launcher",
    "tree": ".jp-DirListing-item",
    "notebook": ".jp-Notebook-ExecutionIndicator[data-status=idle]",
}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
NOTEBOOK = {"cells": [], "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
PARTS = (".hpchub-time", "#hpchub-time-panel")
MINUTE = 60


@pytest.fixture(scope="module")
def clock() -> Iterator[TimeHub]:
    """The hub of `jupyter`; tests turn its clock."""
    with time_hub() as running:
        yield running


@pytest.fixture(scope="module")
def jupyter(clock: TimeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("jupyter")
    (folder / "home").mkdir()
    (folder / "home" / "first.ipynb").write_text(json.dumps(NOTEBOOK))
    with jupyter_server(folder, clock.api, seconds="0.5", pages=True) as running:
        yield running


@pytest.fixture
def hub(clock: TimeHub) -> Iterator[TimeHub]:
    clock.left, clock.status = 66 * MINUTE, 200
    yield clock
    clock.more.clear()


@pytest.fixture
def page(browser: Browser, jupyter: Jupyter) -> Iterator[Page]:
    context = browser.new_context(
        base_url=jupyter.url, viewport={"width": 1280, "height": 900}, locale="en", reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def open_page(page: Page, where: str) -> Locator:
    """Open a front end; return the place of the time left."""
    page.goto(f"{FRONT_ENDS[where]}?token={TOKEN}")
    button = page.locator(".hpchub-time-button")
    button.wait_for(state="attached")
    return button


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"time-left-{name}.png")


def type_into_the_page(page: Page, where: str) -> None:
    """Type in a field of the page, once the front end has stopped giving the focus to what it has opened."""
    page.locator(OPENED[where]).first.wait_for(state="attached")
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), {id: 'typing'}))")
    field = page.locator("#typing")
    for _ in range(20):
        field.focus()
        page.wait_for_timeout(1000)
        if page.evaluate("document.activeElement.id") == "typing":
            break
    page.keyboard.type("half a ")


def panel_of(page: Page) -> Locator:
    return page.locator("#hpchub-time-panel")


def broken_rules(page: Page, name: str) -> list[str]:
    """Where our own parts break a rule of accessibility; Jupyter's are Jupyter's."""
    return [each for each in violations(page, name) if "hpchub-time" in each]


@pytest.mark.parametrize("where", FRONT_ENDS)
def test_time_left_is_shown_and_the_end_is_warned_of(page: Page, hub: TimeHub, where: str) -> None:
    button, panel = open_page(page, where), panel_of(page)
    expect(button).to_have_text(re.compile(r"^Time left: 1 h 0[0-6] min$"))
    expect(panel).to_be_hidden()
    picture(page, where)
    type_into_the_page(page, where)

    hub.more.update(can_extend=True, extend_to="2026-11-21T10:00:00+00:00")
    hub.left = 14 * MINUTE
    expect(panel).to_be_visible()
    expect(button).to_have_text(re.compile("^Time left: 1[0-4] min$"))
    warning = re.compile(r"Your job ends at \d\d:\d\d\..*Save your work")
    expect(panel).to_have_text(warning)
    expect(page.locator(".hpchub-time-voice[role=status]")).to_have_text(warning)
    page.keyboard.type("word")
    expect(page.locator("#typing")).to_have_value("half a word")
    link = panel.get_by_role("link", name="Extend the time (in a new tab)")
    expect(link).to_have_attribute("href", "/hub/hpchub/extend/anna")
    picture(page, f"{where}-warning")
    assert broken_rules(page, where) == []


def test_each_warning_comes_once_in_all_windows_and_again_after_an_extension(
    page: Page, hub: TimeHub
) -> None:
    open_page(page, "tree")
    panel = panel_of(page)
    other = page.context.new_page()
    open_page(other, "lab")

    hub.left = 14 * MINUTE
    expect(panel).to_be_visible()
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()
    expect(panel_of(other)).to_be_hidden()
    page.reload()
    expect(page.locator(".hpchub-time-button")).to_have_text(re.compile("1[0-4] min"))
    expect(panel).to_be_hidden()

    hub.left = 4 * MINUTE
    expect(panel).to_be_visible()
    expect(panel_of(other)).to_be_visible()
    hub.left = 60 * MINUTE
    expect(panel).to_be_hidden()
    hub.left = 14 * MINUTE
    expect(panel).to_be_visible()


def test_site_that_wants_no_warning_gives_none(page: Page, hub: TimeHub) -> None:
    hub.more["warn_minutes"] = 0
    hub.left = 4 * MINUTE
    expect(open_page(page, "tree")).to_have_text(re.compile("Time left: [1-4] min"))
    expect(panel_of(page)).to_be_hidden()


def test_details_open_and_close_with_the_keyboard(page: Page, hub: TimeHub) -> None:
    button, panel = open_page(page, "lab"), panel_of(page)
    expect(button).to_be_visible()
    # Lab takes the focus when it has loaded.
    expect(page.locator(".jp-Launcher-body")).to_be_visible()
    page.wait_for_load_state("networkidle")
    button.focus()
    page.keyboard.press("Enter")
    expect(panel).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    assert panel.locator("dd").all_inner_texts() == ["17", "jupyter", "gpu01"]
    expect(panel.get_by_role("link")).to_have_attribute("href", "/hub/home")
    panel.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


def test_people_who_chose_korean_at_the_hub_read_korean(page: Page, hub: TimeHub, jupyter: Jupyter) -> None:
    page.context.add_cookies([{"name": "hpchub-lang", "value": "ko", "url": jupyter.url}])
    hub.left = 14 * MINUTE
    expect(open_page(page, "tree")).to_have_text(re.compile("^남은 시간: 1[0-4]분$"))
    expect(panel_of(page)).to_have_text(re.compile("작업이 .*에 끝납니다"))
    expect(panel_of(page)).to_have_attribute("lang", "ko")
    picture(page, "korean")


def test_browsers_language_counts_where_none_was_chosen(
    browser: Browser, hub: TimeHub, jupyter: Jupyter
) -> None:
    with browser.new_context(base_url=jupyter.url, locale="ko-KR") as context:
        expect(open_page(context.new_page(), "tree")).to_have_text(re.compile("^남은 시간: 1시간 0[0-6]분$"))


def test_dark_theme_is_as_readable(page: Page, hub: TimeHub, jupyter: Jupyter) -> None:
    url = f"{jupyter.url}lab/api/settings/@jupyterlab/apputils-extension:themes"
    send = {"raw": '{"theme": "JupyterLab Dark"}'}
    assert jupyter.http.put(url, json=send).status_code == 204
    try:
        hub.left = 14 * MINUTE
        open_page(page, "lab")
        expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached()
        expect(panel_of(page)).to_be_visible()
        picture(page, "dark")
        assert broken_rules(page, "dark") == []
    finally:
        jupyter.http.put(url, json={"raw": "{}"})


def test_hub_that_goes_silent_changes_nothing_and_paused_jobs_say_so(page: Page, hub: TimeHub) -> None:
    button = open_page(page, "tree")
    expect(button).to_have_text(re.compile("1 h 0[0-6] min"))
    hub.status = 503
    asked = len(hub.asked)
    while len(hub.asked) < asked + 3:
        page.wait_for_timeout(100)
    expect(button).to_have_text(re.compile("1 h 0[0-6] min"))
    hub.status, hub.left = 200, None
    hub.more["state"] = "paused"
    expect(button).to_have_text("Job is paused")
    del hub.more["state"]
    expect(button).to_be_hidden()


def test_hub_that_never_answers_leaves_no_trace(browser: Browser, tmp_path: Path, hub: TimeHub) -> None:
    hub.status = 404
    heard: list[str] = []
    with (
        jupyter_server(tmp_path, hub.api, seconds="0.2", pages=True) as server,
        browser.new_context(base_url=server.url) as context,
    ):
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        button = open_page(page, "lab")
        asked = len(hub.asked)
        while len(hub.asked) < asked + 3:
            page.wait_for_timeout(100)
        expect(button).to_be_hidden()
    assert [text for text in heard if "hpchub" in text or "Failed to load" in text] == []


def test_both_languages_say_everything(page: Page, jupyter: Jupyter, hub: TimeHub) -> None:
    open_page(page, "tree")
    words = f"{jupyter.url}lab/extensions/hpchub-time-left/words.js"
    keys, lengths, languages = page.evaluate(
        """async (url) => {
          const { wordsOf, lengthOf, languageOf } = await import(url);
          const spans = [0, 59, 60, 3599, 3600, 90000, 172800 + 3600];
          return [
            ["en", "ko"].map((lang) => Object.keys(wordsOf(lang))),
            spans.map((span) => lengthOf(span, wordsOf("en"))),
            [languageOf("ko", ["en"]), languageOf(null, ["fr", "ko-KR"]), languageOf("xx", undefined)],
          ];
        }""",
        words,
    )
    assert keys[0] == keys[1]
    assert lengths == [
        "less than a minute",
        "less than a minute",
        "1 min",
        "59 min",
        "1 h 00 min",
        "25 h 00 min",
        "2 d 1 h",
    ]
    assert languages == ["ko", "ko", "en"]


@pytest.fixture
def hurry(anna: Person, empty: RunningCentre) -> Iterator[None]:
    """Have anna's servers ask the hub every second, by her own configuration of Jupyter."""
    script = """\
        folder="$HOME/.jupyter"
        mkdir -p "$folder"
        echo 'import os; os.environ["HPCHUB_TIME_SECONDS"] = "1"' > "$folder/jupyter_server_config.py"
    """
    empty.run(["bash", "-c", script], anna.name)
    yield
    empty.run(["bash", "-c", 'rm -f "$HOME/.jupyter/jupyter_server_config.py"'], anna.name)


@pytest.mark.centre
@pytest.mark.usefixtures("hurry")
def test_job_that_is_cut_short_warns_in_notebook_and_lab(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    anna.start(queue="jupyter", hours=1)
    anna.until("ready")
    job = empty.run(["squeue", "-h", "-u", anna.name, "-o", "%i"]).stdout.strip()
    lab, tree = windows.open(anna), windows.open(anna)
    lab.goto(f"user/{anna.name}/lab")
    tree.goto(f"user/{anna.name}/tree")
    for page in (lab, tree):
        expect(page.locator(".hpchub-time-button")).to_have_text(re.compile(r"^Time left: (1 h 00|5\d) min$"))
        expect(panel_of(page)).to_be_hidden()
        windows.picture(page, "an-hour")

    empty.run(["scontrol", "update", f"JobId={job}", "TimeLimit=14"])
    for page in (lab, tree):
        # The hub looks at Slurm twice a minute while nobody starts anything.
        expect(panel_of(page)).to_contain_text("Save your work", timeout=90_000)
        expect(page.locator(".hpchub-time-button")).to_have_text(re.compile(r"^Time left: 1[0-3] min$"))
        expect(panel_of(page).locator("dd").first).to_have_text(job)
        windows.picture(page, "warned")
    log = empty.run(["bash", "-c", f"cat /scratch/{anna.name}/log/{job}.log"]).stdout
    assert "hpchub/time" not in log
