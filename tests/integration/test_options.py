"""What a user reads when the hub, or Slurm, does not give what was asked."""

import json

import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre

FIELDS = ("queue", "interface", "hours", "gpus", "account")


def message(answer: object) -> str:
    return str(json.loads(answer.text)["message"])  # type: ignore[attr-defined]


def test_unknown_queue_by_rest_is_named_with_those_that_exist(anna: Person) -> None:
    answer = anna.start(queue="gold")
    assert answer.status_code == 400
    assert "There is no queue “gold”. The queues are: jupyter, cas_v100_2, amd_a100_4, bigmem" in message(
        answer
    )


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("bad", ["jupyter\n#SBATCH --partition=bigmem", "jupyter;id"])
def test_newline_or_semicolon_is_refused_by_rest_form_and_for_named_servers(
    anna: Person, field: str, bad: str
) -> None:
    assert anna.start(**{field: bad}).status_code == 400
    assert anna.start("second", **{field: bad}).status_code == 400
    page = anna.submit(**{"queue": "jupyter", "hours": "1", field: bad})
    assert page.status_code == 400
    assert anna.alert(page) != ""
    assert anna.state() == "stopped"


def test_field_outside_the_set_is_refused_by_name(anna: Person) -> None:
    answer = anna.start(queue="jupyter", prologue="reboot")
    assert (answer.status_code, "“prologue”" in message(answer)) == (400, True)


def test_queue_of_another_project_is_refused_and_says_whose_it_is(anna: Person) -> None:
    answer = anna.start(queue="bigmem")
    assert answer.status_code == 400
    assert "only jobs of the projects proj02; yours: proj01" in message(answer)
    page = anna.submit(queue="bigmem", hours="1")
    assert "proj02" in anna.alert(page)


def test_hours_over_the_limit_say_the_limit(anna: Person) -> None:
    answer = anna.start(queue="jupyter", hours=25)
    assert "at most 24 hours; 25 were asked for" in message(answer)


def test_user_without_slurm_account_reads_slurms_own_words(empty: RunningCentre, login: Login) -> None:
    person = login("nouse01")
    form = person.get("hub/spawn")
    assert "You are in no project" in form.text
    answer = person.start(queue="jupyter", hours=1)
    assert answer.status_code == 400
    assert "Invalid account or account/partition combination specified" in message(answer)


def test_link_fills_in_the_form_and_starts_nothing(anna: Person) -> None:
    page = anna.get("hub/spawn?queue=cas_v100_2&hours=3")
    assert page.status_code == 200
    assert "Nothing has been started" in page.text
    assert 'value="3"' in page.text
    assert anna.state() == "stopped"


def test_refused_form_keeps_what_was_typed(anna: Person) -> None:
    page = anna.submit(queue="cas_v100_2", hours="47", account="proj09")
    assert page.status_code == 400
    assert 'value="47"' in page.text


def test_form_in_korean_says_the_same_in_korean(anna: Person) -> None:
    anna.post("hub/language", {"lang": "ko", "next": "/hub/home"})
    try:
        page = anna.submit(queue="jupyter", hours="25")
        assert 'lang="ko"' in page.text
        assert "24" in anna.alert(page)
        assert "were asked for" not in page.text
    finally:
        anna.post("hub/language", {"lang": "en", "next": "/hub/home"})
