"""Forms that were open while their reader's login ended: nothing is started, and no choice is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.centre import RunningCentre
from tests.person import Person

pytestmark = pytest.mark.centre

CHOICES = {"queue": "mixed", "gpu_type": "v100", "gpus": "2", "hours": "7", "interface": "lab"}


@pytest.fixture
def stranger(centre: RunningCentre) -> Iterator[Person]:
    """Somebody's browser after the cookies of the login have gone."""
    person = Person(centre.url, "a1113a01")
    yield person
    person.close()


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("hub/spawn", "hub/spawn"),
        ("hub/spawn/a1113a01", "hub/spawn/a1113a01"),
        ("hub/hpchub/presets/new?page=/hub/spawn/a1113a01", "hub/spawn/a1113a01"),
    ],
)
def test_a_form_sent_after_the_login_ended_comes_back_with_all_choices(
    empty: RunningCentre, anna: Person, stranger: Person, path: str, back: str
) -> None:
    anna.get("hub/spawn")
    answer = stranger.http.post(path, data={"_xsrf": anna.xsrf, **CHOICES})
    assert answer.url.path == "/hub/login"
    form = anna.get(parse_qs(urlsplit(str(answer.url)).query)["next"][0])
    assert urlsplit(str(form.url)).path == f"/{back}"
    checked = re.search(r'<input type="radio" name="queue" value="(\w+)"[^>]* checked', form.text)
    assert checked
    assert checked[1] == "mixed"
    assert re.search(r'id="hours"[^>]* value="7"', form.text)
    assert re.search(r'<option value="v100" selected', form.text)
    assert re.search(r'value="lab" checked', form.text)
    assert anna.state() == "stopped"


def test_a_form_of_before_the_last_login_starts_nothing_either(
    empty: RunningCentre, anna: Person, stranger: Person
) -> None:
    stranger.get("hub/login")
    answer = anna.http.post("hub/spawn", data={"_xsrf": stranger.xsrf, **CHOICES, "uid": "0"})
    assert answer.url.path == "/hub/spawn"
    assert dict(answer.url.params) == CHOICES
    foreign = {"Sec-Fetch-Site": "cross-site"}
    refused = anna.http.post("hub/spawn", data={"_xsrf": stranger.xsrf, **CHOICES}, headers=foreign)
    assert refused.status_code == 403
    assert anna.state() == "stopped"


def jobs(centre: RunningCentre) -> set[str]:
    """Say which jobs there are, ended ones included as long as Slurm remembers them."""
    return set(centre.run(["squeue", "-h", "-t", "all", "-o", "%i"]).stdout.split())


def test_a_form_of_my_environments_comes_back_as_well(
    empty: RunningCentre, anna: Person, stranger: Person
) -> None:
    before = jobs(empty)
    typed = {"environment": "thesis", "set": "base", "uid": "0"}
    answer = stranger.http.post("services/environments/new/bootstrap", data={"_xsrf": "x", **typed})
    assert answer.url.path == "/hub/login"
    back = answer.history[0].headers["Location"]
    assert back == "/services/environments/new/bootstrap?environment=thesis&set=base&again=1"
    page = anna.get(back)
    assert "Nothing has been done yet: your login had ended." in page.text
    assert re.search(r'name="environment" value="thesis"', page.text)
    assert jobs(empty) <= before
    assert stranger.http.post("services/environments/api/v1/actions", json={}).status_code == 403
