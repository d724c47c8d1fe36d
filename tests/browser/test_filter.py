"""Somebody with two hundred environments finds one: by typing a part of its name, and without a mouse."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import pytest
from jupyterhub._data import DATA_FILES_PATH
from playwright.sync_api import Browser, Page, Route, expect

from environments.records import Environment
from services.environments.rendering import environment_row, render
from services.handlers import content_policy
from services.rendering import Frame
from services.settings import Place
from tests.browser.axe import violations
from texts.jinja import STATIC

pytestmark = pytest.mark.browser

PREFIX = "/services/environments/"
ADDRESS = f"http://hub.test{PREFIX}"
HUB = Path(DATA_FILES_PATH) / "static"


def written(count: int, lang: str) -> str:
    """Return the page of somebody with so many environments."""
    made = [
        Environment(
            name=f"course-{number:03}",
            prefix=f"/scratch/anna/.conda/envs/course-{number:03}",
            engine="rattler",
            packages=30,
            python="3.13.1" if number % 2 else "3.12.7",
            server=True,
        )
        for number in range(count)
    ]
    return render(
        "list",
        lang,
        Frame(Place("", 1, PREFIX, "/", ("queues", "environments", "otp")), PREFIX, "anna", True),
        prefix=PREFIX,
        xsrf="token",
        environments=[environment_row(one, f"{PREFIX}environments/{one.name}", "/", lang) for one in made],
        more=0,
        live=[],
        past=[],
        site={"default": "notebook"},
        files_problem="",
        slurm_answers=True,
        as_of=0.0,
    )


def opened(browser: Browser, count: int, lang: str = "en", *, scripts: bool = True) -> Page:
    """Open the page as its service would send it, with the hub's style and ours."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://hub.test").partition("?")[0]
        if path == PREFIX:
            policy = {"Content-Security-Policy": content_policy(forms=True)}
            route.fulfill(body=written(count, lang), content_type="text/html; charset=utf-8", headers=policy)
            return
        ours = path.startswith("/hub/hpchub-static/")
        root = STATIC if ours else HUB
        file = root / path.removeprefix("/hub/hpchub-static/" if ours else "/hub/static/")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if file.is_file():
            route.fulfill(body=file.read_bytes(), content_type=kind)
        else:
            route.fulfill(status=404)

    context = browser.new_context(
        java_script_enabled=scripts, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.route("**/*", answer)
    page = context.new_page()
    page.goto(ADDRESS)
    return page


def test_list_of_two_hundred_is_filtered_while_one_types(browser: Browser) -> None:
    page = opened(browser, 200)
    field = page.get_by_role("searchbox", name="Filter environments")
    cards = page.locator(".hp-env:visible")
    expect(cards).to_have_count(200)
    field.focus()
    page.keyboard.type("COURSE 3.12  19")
    expect(cards).to_have_count(5)  # 190, 192, 194, 196, 198
    expect(page.locator("#hp-status")).to_have_text("5 of 200 environments are shown.")
    expect(page.locator("#filter-count")).to_have_text("5 of 200 environments are shown.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="course-190", exact=True)).to_be_focused()
    # A list that is written anew stays as it was asked for.
    page.evaluate(
        "environments.replaceChildren(...[...environments.children].map((one) => one.cloneNode(true)))"
    )
    page.evaluate("for (const one of environments.children) one.hidden = false")
    page.evaluate("environments.append(document.createElement('p'))")
    expect(cards).to_have_count(5)
    field.fill("nothing like it")
    expect(page.locator("#hp-status")).to_have_text("0 of 200 environments are shown.")
    page.keyboard.press("Escape")
    expect(cards).to_have_count(200)
    expect(field).to_have_value("")
    page.context.close()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_filter_withholds_nothing_from_anybody(browser: Browser, lang: str) -> None:
    page = opened(browser, 10, lang)
    page.get_by_role("searchbox").fill("3.12")
    expect(page.locator(".hp-env:visible")).to_have_count(5)
    wrong = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        wrong += violations(page, f"filter, {lang}, {scheme}")
    assert not wrong, "\n".join(wrong)
    page.context.close()


@pytest.mark.parametrize(("count", "scripts"), [(9, True), (200, False)])
def test_short_lists_and_pages_without_scripts_have_no_filter(
    browser: Browser, count: int, scripts: bool
) -> None:
    page = opened(browser, count, "ko", scripts=scripts)
    expect(page.locator(".hp-env:visible")).to_have_count(count)
    expect(page.locator("#filter")).to_be_hidden()
    page.context.close()
