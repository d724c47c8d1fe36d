"""The queue service behind a real JupyterHub and its proxy."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.services.realhub import FakeSlurm, Hub


def by_name(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {queue["name"]: queue for queue in answer.json()["queues"]}


def log_in(hub: Hub, user: str, **query: str) -> httpx.Client:
    """Come as a browser does: the page sends to the hub's login, and the login back to the page."""
    browser = httpx.Client(follow_redirects=True, timeout=20)
    form = browser.get(hub.service, params=query)
    assert "/hub/login" in str(form.url)
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
    assert xsrf is not None
    page = browser.post(str(form.url), data={"username": user, "password": "x", "_xsrf": xsrf[1]})
    assert str(page.url).startswith(hub.service), page.url
    return browser


def test_script_without_a_token_reads_no_and_is_not_led_in_circles(hub: Hub) -> None:
    answer = httpx.get(hub.api, timeout=60)
    assert answer.status_code == 403
    assert answer.json()["message"].startswith("You may not see this: log in, or use a token with the scope")
    assert httpx.get(hub.api, params={"lang": "ko"}, timeout=60).status_code == 403


@pytest.mark.parametrize("header", ["token nonsense", "token", "Bearer x", "Basic eDp4"])
def test_a_wrong_token_is_refused(hub: Hub, header: str) -> None:
    answer = httpx.get(hub.api, headers={"Authorization": header}, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (403, 403)


def test_a_token_in_the_address_does_not_count(hub: Hub) -> None:
    token = hub.token_of("a1113a01")["Authorization"].removeprefix("token ")
    assert httpx.get(hub.api, params={"token": token}, timeout=60).status_code == 403
    assert token not in hub.log_of_service()


def test_a_token_without_the_scope_is_refused(hub: Hub) -> None:
    of_user = hub.token_of("a1113a01", "read:users:name!user=a1113a01")
    assert httpx.get(hub.api, headers=of_user, timeout=60).status_code == 403
    for name in (f"stranger-{hub.token}", hub.token):
        answer = httpx.get(hub.api, headers={"Authorization": f"token {name}"}, timeout=60)
        assert (answer.status_code, "queues" in answer.json()) == (403, False)


def test_a_token_with_just_the_scope_is_enough(hub: Hub) -> None:
    just = hub.token_of("a1113a01", "access:services!service=queues")
    assert by_name(httpx.get(hub.api, headers=just, timeout=60))["jupyter"]["allowed"]


def test_a_service_with_the_scope_may_read_and_has_no_projects_to_be_judged_by(hub: Hub) -> None:
    answer = httpx.get(hub.api, headers={"Authorization": f"token script-{hub.token}"}, timeout=60)
    assert by_name(answer)["bigmem"]["allowed"]
    assert answer.json()["note"] is None


def test_script_reads_what_slurm_has(hub: Hub) -> None:
    answer = httpx.get(hub.api, headers=hub.token_of("a1113a01"), timeout=60)
    queues = by_name(answer)
    # Captured: three notebooks on gpu01, one exclusive job on gpu02, all A100 nodes taken, one job waiting.
    assert queues["jupyter"]["nodes"] == {"alloc": 2, "idle": 3, "down": 0, "total": 5}
    assert queues["jupyter"]["slots"] == {"free": 37, "total": 50}
    assert queues["jupyter"]["price_per_node_hour"] is None
    assert queues["jupyter"]["waiting"] == 1
    assert queues["cas_v100_2"]["nodes"] == {"alloc": 2, "idle": 3, "down": 0, "total": 5}
    v100 = queues["cas_v100_2"]["gpus"]
    assert v100 == {"types": {"v100": 10}, "free": 6, "free_types": {"v100": 6}, "total": 10}
    assert queues["amd_a100_4"]["nodes"] == {"alloc": 6, "idle": 0, "down": 0, "total": 6}
    a100 = queues["amd_a100_4"]["gpus"]
    assert a100 == {"types": {"a100": 24}, "free": 0, "free_types": {"a100": 0}, "total": 24}
    assert queues["amd_a100_4"]["waiting"] == 1
    assert queues["amd_a100_4"]["price_per_node_hour"] == "4600"
    assert queues["bigmem"]["gpus"] == {"types": {}, "free": 0, "free_types": {}, "total": 0}
    assert queues["biology"]["price_per_node_hour"] == "0.50"
    found = answer.json()
    assert found["totals"]["nodes"] == {"alloc": 8, "idle": 4, "down": 0, "total": 12}
    assert (found["problem"], found["currency"]) == (None, "KRW")
    assert found["as_of"].endswith("+00:00")
    assert found["age_seconds"] >= 0


def test_user_reads_which_queues_he_may_use_and_why_not_the_others(hub: Hub) -> None:
    first = by_name(httpx.get(hub.api, headers=hub.token_of("a1113a01"), timeout=60))
    second = by_name(httpx.get(hub.api, headers=hub.token_of("a1113a02"), timeout=60))
    third = by_name(httpx.get(hub.api, headers=hub.token_of("a1113a02"), params={"lang": "ko"}, timeout=60))
    assert first["bigmem"]["why_not"] == "This queue takes only jobs of the projects proj02; yours: proj01."
    assert second["bigmem"]["allowed"]
    assert second["biology"]["why_not"] == "This queue is for the groups bio, and you are in none of them."
    assert "proj02" in first["biology"]["why_not"]
    assert first["ghost"]["why_not"] == "Slurm has no partition “ghost”."
    assert (first["ghost"]["allowed"], first["ghost"]["nodes"]["total"]) == (False, None)
    assert third["jupyter"]["title"] == "Jupyter (무료)"


def test_user_without_a_slurm_account_is_warned_but_not_shut_out(hub: Hub) -> None:
    answer = httpx.get(hub.api, headers=hub.token_of("nouse01"), timeout=60)
    assert answer.json()["note"] == "You are in no project of Slurm's, so it may refuse your job."
    assert by_name(answer)["bigmem"]["allowed"]


async def test_fifty_who_refresh_at_once_cost_one_look(hub: Hub, slurm: FakeSlurm) -> None:
    async with httpx.AsyncClient(headers=hub.token_of("a1113a01"), timeout=30) as browser:
        await browser.get(hub.api)
        await asyncio.sleep(8)  # a busy Slurm is left alone for longer
        slurm.becomes("slow")
        before = len(slurm.calls)
        answers = await asyncio.gather(*(browser.get(hub.api, params={"refresh": "1"}) for _ in range(50)))
        again = await browser.get(hub.api, params={"refresh": "1"})
    assert {answer.status_code for answer in (*answers, again)} == {200}
    assert len({answer.json()["as_of"] for answer in (*answers, again)}) == 1
    asked = Counter(call.split()[0] for call in slurm.calls[before:])
    assert asked == {"squeue": 1, "scontrol": 1}


def test_looking_without_refresh_asks_slurm_nothing(hub: Hub, slurm: FakeSlurm) -> None:
    header = hub.token_of("a1113a01")
    httpx.get(hub.api, headers=header, params={"refresh": "1"}, timeout=60)
    before = len(slurm.calls)
    for _ in range(5):
        assert httpx.get(hub.api, headers=header, timeout=60).status_code == 200
    assert slurm.calls[before:] == []


def test_refresh_brings_newer_figures(hub: Hub) -> None:
    header = hub.token_of("a1113a01")
    first = httpx.get(hub.api, headers=header, timeout=60).json()["as_of"]
    deadline = time.monotonic() + 60
    while httpx.get(hub.api, headers=header, params={"refresh": "1"}, timeout=60).json()["as_of"] <= first:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_while_slurm_is_down_the_last_figures_come_with_their_age(hub: Hub, slurm: FakeSlurm) -> None:
    header = hub.token_of("a1113a01")
    good = httpx.get(hub.api, headers=header, timeout=60).json()
    slurm.becomes("down")
    deadline = time.monotonic() + 60
    found = good
    while not found["problem"] or found["age_seconds"] < 2:
        assert time.monotonic() < deadline, found
        time.sleep(1)
        answer = httpx.get(hub.api, headers=header, params={"refresh": "1"}, timeout=60)
        assert answer.status_code == 200
        found = answer.json()
    assert found["queues"] == good["queues"]
    assert found["as_of"] >= good["as_of"]
    assert "Unable to contact slurm controller" in found["problem"]
    page = log_in(hub, "a1113a01").get(hub.service)
    assert page.status_code == 200
    assert "These are the last figures; they may be out of date." in page.text
    slurm.becomes("up")


def test_browser_is_led_to_the_login_and_back_to_the_page(hub: Hub) -> None:
    browser = log_in(hub, "a1113a01")
    page = browser.get(hub.service)
    assert page.status_code == 200
    for word in ("Alloc", "Idle", "Down", "Total", "Refresh", "2 × V100, whole node", "4,600 KRW", "free"):
        assert word in page.text
    assert "This queue takes only jobs of the projects proj02; yours: proj01." in page.text
    # What an administrator wrote stays text.
    assert "&lt;b&gt;Ghost&lt;/b&gt;" in page.text
    assert "<b>Ghost" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assets = re.findall(r'(?:href|src)="(/hub/[^"?]+[.][a-z]+)[?"]', page.text)
    assert len(assets) == 4
    for address in assets:
        assert browser.get(hub.url.rstrip("/") + address).status_code == 200


def test_browser_reads_korean_when_asked(hub: Hub) -> None:
    page = log_in(hub, "a1113a01").get(hub.service, params={"lang": "ko"})
    assert '<html lang="ko">' in page.text
    assert "V100 2개, 노드 전체" in page.text
    strange = log_in(hub, "a1113a01").get(hub.service, params={"lang": '"><script>'})
    assert '<html lang="en">' in strange.text
    assert "<script>" not in strange.text


def test_the_tokens_of_users_are_in_no_page_and_no_log(hub: Hub) -> None:
    browser = log_in(hub, "a1113a01")
    page = browser.get(hub.service)
    log = hub.log_of_service()
    for cookie in browser.cookies.jar:
        assert cookie.value
        assert cookie.value not in page.text
        assert cookie.value not in log
    assert re.search(r"code=[A-Za-z0-9]{8}", log) is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "api/v1/nothing", 404), ("POST", "api/v1/queues", 405), ("GET", "api/v1/queues?lang=%ff", 200)],
)
def test_odd_requests_get_plain_answers(hub: Hub, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, hub.service + path, headers=hub.token_of("a1113a01"), timeout=60)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_login_that_somebody_else_began_is_refused_and_its_code_is_not_logged(hub: Hub) -> None:
    answer = httpx.get(
        f"{hub.service}oauth_callback", params={"code": "0f1e2d3c", "state": "foreign"}, timeout=60
    )
    assert answer.status_code == 403
    assert "oauth state does not match" in hub.log_of_service()
    assert "0f1e2d3c" not in hub.log_of_service()
