"""A site that requires an environment: form, API and link say so, and after Bootstrap it works at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.centre import RunningCentre
from tests.conftest import leave_no_server
from tests.integration.fire import hub_with
from tests.integration.test_environments import User, forget, hide, until_answered
from tests.person import Login, Person

pytestmark = pytest.mark.centre

ANNA = "a1113a01"
NONE_YET = "At this site servers start from an environment of your own, and you have no “notebook” yet."


@pytest.fixture(scope="module")
def strict(centre: RunningCentre) -> Iterator[RunningCentre]:
    """A hub of a site that requires one."""
    centre.up()
    centre.cancel_all_jobs()
    file = centre.instance.etc / "environments-strict.toml"
    said = centre.instance.environments_file.read_text()
    file.write_text(said.replace('\nwithout = "offer"\n', '\nwithout = "require"\n'))
    assert file.read_text() != said
    with hub_with(centre, f'c.SlurmGPUSpawner.environments_file = "{file}"\n'):
        yield centre
    file.unlink()


@pytest.fixture(scope="module")
def anna(strict: RunningCentre, login: Login) -> Iterator[Person]:
    """Somebody who has no environment when the first test begins."""
    forget(strict, ANNA)
    person = login(ANNA)
    leave_no_server(person)
    until_answered(User(person))
    yield person
    leave_no_server(person)
    strict.cancel_all_jobs()
    hide(strict, ANNA)


def options_of(page: str) -> list[str]:
    menu = page.split('id="environment"', 1)[1].split("</select>", 1)[0]
    return re.findall(r'<option value="([^"]*)"', menu)


def test_the_form_says_so_offers_bootstrap_and_chooses_nothing(anna: Person) -> None:
    page = anna.get("hub/spawn").text
    assert "you have none yet. You may also choose one of those below." in page
    assert 'id="bootstrap" href="/services/environments/"' in page
    assert options_of(page)[0] == ""
    assert "site" not in options_of(page)
    assert "shared:teaching" in options_of(page)
    assert re.search(r'<select[^>]*id="environment"[^>]* required', page)


def test_a_link_to_the_sites_own_fills_in_what_there_is(anna: Person) -> None:
    page = anna.get("hub/spawn?queue=jupyter&environment=site").text
    assert "The environment “site” cannot be had" in page
    assert "site" not in options_of(page)


@pytest.mark.parametrize("environment", [{}, {"environment": ""}])
def test_whoever_submits_without_one_reads_what_to_do(anna: Person, environment: dict[str, str]) -> None:
    page = anna.submit(queue="jupyter", hours="1", **environment)
    # A look at the environments that takes longer than a second is waited for on the waiting page.
    waiting = page.url.path.startswith("/hub/spawn-pending/")
    assert NONE_YET in (anna.event_with("failed", True)["message"] if waiting else anna.alert(page))
    anna.until("stopped")


def test_the_api_says_the_same(anna: Person) -> None:
    answer = anna.start(queue="jupyter", hours=1)
    assert (answer.status_code, NONE_YET in answer.json()["message"]) == (400, True)
    answer = anna.start(queue="jupyter", hours=1, environment="site")
    assert (answer.status_code, "Make one" in answer.json()["message"]) == (400, True)


def test_what_the_site_has_for_all_may_be_chosen(anna: Person) -> None:
    anna.start(queue="jupyter", hours=1, environment="shared:teaching")
    anna.until("ready")
    leave_no_server(anna)


def test_after_bootstrap_it_works_at_once(anna: Person) -> None:
    user = User(anna)
    user.until(user.begin("bootstrap"), "done")
    page = anna.get("hub/spawn").text
    assert "you have none yet" not in page
    assert 'id="bootstrap"' not in page
    answer = anna.start(queue="jupyter", hours=1)
    assert answer.status_code in (201, 202), answer.text
    anna.until("ready")
    leave_no_server(anna)
