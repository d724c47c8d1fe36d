"""Jobs with the hub's name and without a server: administrators see them, and they are cancelled in time."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.centre import RunningCentre
from tests.integration.fire import hub_with
from tests.person import Person

pytestmark = pytest.mark.centre

GRACE = 25


@pytest.fixture
def short_grace(empty: RunningCentre) -> Iterator[None]:
    with hub_with(empty, f"c = get_config()\nc.SlurmGPUSpawner.orphan_grace = {GRACE}\n"):
        yield


@pytest.fixture
def administrator(empty: RunningCentre, short_grace: None) -> Iterator[Person]:
    person = Person(empty.url, "hpcadmin")
    person.try_login(empty.otp("hpcadmin"), empty.password("hpcadmin"))
    yield person
    person.close()


def shown(page: httpx.Response, job: str) -> bool:
    assert page.status_code == 200
    return f'<th scope="row">{job}<' in page.text


def test_orphan_is_shown_to_administrators_and_cancelled_and_others_are_left_alone(
    empty: RunningCentre, administrator: Person, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    waiting = anna.job_id()
    mine = ("--partition=jupyter", "--account=proj01", "--time=30")
    orphan = empty.submit("a1113a01", *mine, "--job-name=hpchub/a1113a01/default/0123abcd")
    others = [
        empty.submit("a1113a01", *mine, f"--job-name={name}")
        for name in ("hpchub/a1113a02/default/0123abcd", "hpchub2/a1113a01/default/0123abcd", "mine")
    ]
    deadline = time.monotonic() + 90
    while not shown(page := administrator.get("hub/hpchub/jobs"), orphan):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert not any(shown(page, job) for job in (waiting, *others))
    assert "hpchub_orphan_jobs 1.0" in administrator.get("hub/metrics").text
    assert anna.get("hub/hpchub/jobs").status_code == 403
    empty.wait_for_job(orphan, "CANCELLED", "", limit=90)
    assert [empty.job_state(job) for job in (waiting, *others)] == ["PENDING"] * 4
    log = empty.log("hub")
    told = [
        line for line in log.splitlines() if f"Job {orphan} (hpchub/" in line and "no server of this" in line
    ]
    assert len(told) == 1
    deadline = time.monotonic() + 90
    while shown(administrator.get("hub/hpchub/jobs"), orphan):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert anna.state() == "spawn"
