"""An administrator's command ends what somebody holds in the running hub."""

import time

import httpx
import pytest

from demo.settings import HUB_ACCOUNT
from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre


def hpchub_otp(centre: RunningCentre, *words: str, feed: str = "") -> None:
    """Run the command as the hub's account."""
    instance = centre.instance
    where = ["--store", instance.token_store_url, "--key-file", str(instance.token_key)]
    program = ["env", f"PYTHONPATH={instance.src}", f"{instance.venv}/bin/python", "-m", "hpchub", "otp"]
    centre.run([*program, *words, *where], HUB_ACCOUNT, feed=feed)


def status(person: Person, token: str) -> int:
    headers = {"Authorization": f"token {token}"}
    return httpx.get(f"{person.url}hub/api/user", headers=headers, timeout=60).status_code


def test_a_reset_ends_cookies_and_tokens_and_the_job_runs_on(
    empty: RunningCentre, anna: Person, login: Login
) -> None:
    other = login("a1113a02")
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    anna.get("user/a1113a01/tree")  # passes the server's own door
    assert anna.get("user/a1113a01/api/status").status_code == 200
    script, others = (
        who.api("POST", f"users/{who.name}/tokens", json={"note": "script"}).json()["token"]
        for who in (anna, other)
    )
    assert [status(anna, script), status(other, others)] == [200, 200]
    anna.get("hub/spawn/a1113a01/second")
    assert anna.api("GET", "hpchub/queues").status_code == 200  # from now on the hub knows this browser

    hpchub_otp(empty, "disable", "a1113a01", "--why", "lost phone")
    try:
        deadline = time.monotonic() + 90
        while status(anna, script) == 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert status(anna, script) == 403
        assert anna.api("GET", "hpchub/queues").status_code == 403
        assert anna.get("hub/home").url.path == "/hub/login"
        assert other.get("hub/home").url.path == "/hub/home"
        assert status(other, others) == 200
        assert empty.job_state(job) == "RUNNING"
        deadline = time.monotonic() + 70  # what the server remembers of the browser
        while anna.get("user/a1113a01/api/status").status_code == 200 and time.monotonic() < deadline:
            time.sleep(1)
        assert anna.get("user/a1113a01/api/status").status_code == 403
    finally:
        hpchub_otp(empty, "enable", "a1113a01")
    anna.try_login(empty.otp("a1113a01"), empty.password("a1113a01"))
    assert anna.state() == "ready"
    assert anna.get("user/a1113a01/lab").status_code == 200
