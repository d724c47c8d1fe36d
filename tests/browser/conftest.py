"""Chromium, people who are logged in, and a cluster that every test finds empty."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.window import PATIENCE_MS, Windows
from tests.centre import RunningCentre
from tests.person import Login, Person

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# A module long and not a session: while it lives its event loop counts as the running one, and the
# asynchronous tests of other folders could not run theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "no chromium: demo/install.sh test installs it"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def windows(browser: Browser, centre: RunningCentre, request: pytest.FixtureRequest) -> Iterator[Windows]:
    """Give windows, and complain about what their consoles complained about."""
    windows = Windows(browser, centre, re.sub(r"^test_", "", request.node.name))
    yield windows
    windows.close()
    assert not windows.complaints, "\n".join(windows.complaints)


@pytest.fixture
def empty(centre: RunningCentre) -> Iterator[RunningCentre]:
    """Give a centre without jobs, and leave it so."""
    centre.cancel_all_jobs()
    yield centre
    centre.up()
    centre.cancel_all_jobs()


@pytest.fixture
def anna(empty: RunningCentre, login: Login) -> Iterator[Person]:
    """A user of the project proj01, without a server."""
    person = login("a1113a01")
    stop(person)
    yield person
    stop(person)


@pytest.fixture
def busy(empty: RunningCentre) -> str:
    """Have all nodes of the V100 queues taken by somebody else, so that whoever comes now waits."""
    options = ("--partition=cas_v100_2", "--nodes=5", "--exclusive", "--time=30", "--account=proj02")
    job = empty.submit("a1113a03", *options)
    empty.wait_for_job(job, "RUNNING")
    return job


def stop(person: Person) -> None:
    if person.state() not in ("stopped", "stop"):
        person.stop(wait=False)
    person.until("stopped", seconds=40)
