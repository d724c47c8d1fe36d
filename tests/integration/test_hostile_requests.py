"""Hostile options through the doors of the real hub: form, REST and link."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.centre import RunningCentre
from tests.person import Person
from tests.spawner.hostile import SHORT

pytestmark = pytest.mark.centre

FIELDS = ("queue", "interface", "hours", "gpus", "account", "gpu_type", "feature", "qos", "reservation")


@pytest.fixture
def no_job(empty: RunningCentre) -> Iterator[RunningCentre]:
    """Give a centre in which the test must not have a job submitted, not even one that ends at once."""
    before = jobs(empty)
    yield empty
    assert jobs(empty) <= before


def jobs(centre: RunningCentre) -> set[str]:
    """Say which jobs there are, ended ones included as long as Slurm remembers them."""
    return set(centre.run(["squeue", "-h", "-t", "all", "-o", "%i"]).stdout.split())


def test_nothing_hostile_is_submitted_whatever_door_it_comes_through(
    no_job: RunningCentre, anna: Person
) -> None:
    anna.get("hub/spawn")
    for number, text in enumerate(SHORT):
        field = FIELDS[number % len(FIELDS)]
        right = {"queue": "jupyter", "hours": "1"}
        answers = [anna.start(**{**right, field: text})]
        if "\0" not in text:
            answers.append(anna.post("hub/spawn", {"interface": "notebook", **right, field: text}))
        for answer in answers:
            assert answer.status_code == 400, (field, text)
            assert "Traceback" not in answer.text
            assert "<script>alert" not in answer.text
    assert anna.state() == "stopped"


@pytest.mark.parametrize("text", ["x\n#SBATCH --uid=0", "$(reboot)", "<script>alert(1)</script>", "--uid=0"])
def test_link_with_hostile_options_starts_nothing(no_job: RunningCentre, anna: Person, text: str) -> None:
    for field in ("queue", "feature", "uid"):
        page = anna.get(f"hub/spawn/{anna.name}?{field}={quote(text)}")
        assert page.status_code in (200, 400), page.status_code
        assert "<script>alert" not in page.text
        assert "Traceback" not in page.text
    assert anna.state() == "stopped"


@pytest.mark.parametrize(
    "name", ["script", "environment", "cmd", "uid", "--wrap", "<script>alert(1)</script>"]
)
def test_hostile_name_of_a_field_is_refused_by_name(no_job: RunningCentre, anna: Person, name: str) -> None:
    answer = anna.start(**{"queue": "jupyter", name: "reboot"})
    assert (answer.status_code, name[:40] in str(json.loads(answer.text)["message"])) == (400, True)
    page = anna.submit(**{"queue": "jupyter", "hours": "1", name: "reboot"})
    assert page.status_code == 400
    assert "<script>alert" not in page.text


def test_ten_megabytes_in_a_field_are_refused(no_job: RunningCentre, anna: Person) -> None:
    long = "x" * 10_000_000
    assert anna.start(queue=long).status_code in (400, 413)
    assert anna.start(queue="jupyter", account=long).status_code in (400, 413)
    assert anna.submit(queue="jupyter", hours="1", feature=long).status_code in (400, 413)
    assert anna.state() == "stopped"


@pytest.mark.parametrize(
    "body", ["[]", '"jupyter"', "7", "null", "[[]]", '{"queue": "jupyter", "queue": "x;y"}']
)
def test_options_that_are_no_object_start_nothing_hostile(
    empty: RunningCentre, anna: Person, body: str
) -> None:
    answer = anna.api("POST", anna.server(), content=f'{{"user_options": {body}}}')
    assert answer.status_code in (201, 202, 400), answer.status_code
    assert "Traceback" not in answer.text
    if answer.status_code != 400:  # no options at all are the site's own
        anna.stop()
