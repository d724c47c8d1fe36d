"""Environments on a real centre, over REST: made in a job, followed, cancelled, and nobody else's."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre

ANNA, BEN = "a1113a01", "a1113a02"
SERVICE = "services/environments/"
OVER = ("done", "failed", "cancelled", "interrupted")
A_WHILE = 180.0


class User:
    """Somebody with a browser at the service."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.http = person.http
        self.name = person.name

    @property
    def xsrf(self) -> str:
        for _try in range(100):  # the hub starts its services after itself
            for cookie in self.http.cookies.jar:
                if cookie.name == "_xsrf" and cookie.path == f"/{SERVICE}":
                    return str(cookie.value)
            time.sleep(0 if self.http.get(SERVICE).status_code == 200 else 0.2)
        raise AssertionError("the page gave no token")

    def api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"X-XSRFToken": self.xsrf, "Sec-Fetch-Mode": "cors", **kwargs.pop("headers", {})}
        return self.http.request(method, f"{SERVICE}api/v1/{path}", headers=headers, **kwargs)

    def begin(self, verb: str, environment: str = "notebook", **more: Any) -> str:
        answer = self.api("POST", "actions", json={"verb": verb, "environment": environment, **more})
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"].endswith(answer.json()["id"])
        return str(answer.json()["id"])

    def state(self, action: str) -> dict[str, Any]:
        answer = self.api("GET", f"actions/{action}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until(self, action: str, *states: str) -> dict[str, Any]:
        deadline = time.monotonic() + A_WHILE
        while (found := self.state(action))["state"] not in states:
            over = found["state"] in OVER
            assert not over, found
            assert time.monotonic() < deadline, found
            time.sleep(0.5)
        return found

    def overview(self) -> dict[str, Any]:
        return dict(self.api("GET", "environments").json())

    def environment(self, name: str = "notebook") -> dict[str, Any]:
        return next((one for one in self.overview()["environments"] if one["name"] == name), {})

    def events(self, action: str, **headers: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the events of an action with their ids, until the service says that there are no more."""
        headers = {"X-XSRFToken": self.xsrf, "Sec-Fetch-Mode": "cors", **headers}
        path = f"{SERVICE}api/v1/actions/{action}/events"
        with self.http.stream("GET", path, headers=headers) as stream:
            assert stream.status_code == 200
            identity = ""
            for line in stream.iter_lines():
                if line.startswith("id:"):
                    identity = line[3:].strip()
                elif line.startswith("data:"):
                    yield identity, json.loads(line[5:])


Come = Callable[[str], User]


@pytest.fixture(scope="module")
def come(login: Login) -> Come:
    def come(name: str) -> User:
        user = User(login(name))
        # Other tests of this session may have started the hub anew, and with it the service.
        until_answered(user)
        return user

    return come


@pytest.fixture(scope="module")
def made(centre: RunningCentre, come: Come) -> Iterator[User]:
    """Give somebody who had nothing, and has an environment now."""
    centre.up()
    centre.cancel_all_jobs()
    user = come(ANNA)
    forget(centre, ANNA)
    action = user.begin("bootstrap")
    seen = [event for _id, event in user.events(action)]
    user.until(action, "done")
    # What a person sees of it, asserted here for it takes the longest of all. A quick step may be over
    # between two looks, but no line of the log is lost.
    log = "\n".join(line for event in seen for line in event.get("log", ()))
    assert "installing packages" in log
    assert "checking that a server starts" in log
    assert user.environment()["server"]
    assert user.environment()["packages"] > 50
    yield user
    centre.cancel_all_jobs()
    hide(centre, ANNA)


def forget(centre: RunningCentre, user: str) -> None:
    """Take away all that was made; what was fetched stays, so that the next one is made in a moment."""
    root = f"/scratch/{user}/.conda"
    gone = (f"{root}/{folder}" for folder in ("envs", "generations", "hpchub/actions", "hpchub/locks"))
    centre.run(["rm", "-rf", *gone], limit=300)


def hide(centre: RunningCentre, user: str) -> None:
    """Leave nobody an environment; to remove 50,000 files is for whoever makes the next one."""
    root = f"/scratch/{user}/.conda"
    centre.run(["rm", "-rf", f"{root}/envs", f"{root}/hpchub/actions"])


@pytest.fixture
def held(made: User, centre: RunningCentre) -> Iterator[RunningCentre]:
    """Have all nodes taken by somebody else, so that whoever comes now waits."""
    options = ("--partition=cas_v100_2", "--nodes=5", "--exclusive", "--time=30", "--account=proj02")
    centre.wait_for_job(centre.submit("a1113a03", *options), "RUNNING")
    yield centre
    centre.cancel_all_jobs()


def test_a_listener_that_comes_back_hears_only_what_it_missed(made: User) -> None:
    action = made.begin("snapshot", label="<script>alert(1)</script>")
    whole = list(made.events(action))
    ids = [identity for identity, event in whole if event]
    assert next(event for _id, event in whole if event)["whole"]
    again = [event for _id, event in made.events(action, **{"Last-Event-ID": ids[-1]}) if event]
    assert again[-1]["state"] == "done"
    labels = [one["label"] for one in made.environment()["generations"]]
    assert "<script>alert(1)</script>" in labels
    page = made.http.get(f"{SERVICE}environments/notebook").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_an_action_that_waits_says_why_and_can_be_cancelled(made: User, held: RunningCentre) -> None:
    action = made.begin("plugins")
    found = made.until(action, "waiting")
    assert found["reason"]
    page, cancelling = (
        made.http.get(f"{SERVICE}actions/{action}{end}").text for end in ("", "?cancelling=1")
    )
    assert [("being cancelled" in text, "/cancel" in text) for text in (page, cancelling)] == [
        (False, True),
        (True, False),
    ]
    assert made.api("DELETE", f"actions/{action}").status_code == 202
    assert made.until(action, "cancelled")["over"]
    assert made.api("DELETE", f"actions/{action}").status_code == 409


def test_two_at_once_are_one_and_a_sentence(made: User, centre: RunningCentre) -> None:
    with centre.hanging("channel"):  # the first cannot end before it is cancelled
        action = made.begin("install", specs=["tabulate"])
        answer = made.api(
            "POST", "actions", json={"verb": "install", "environment": "notebook", "specs": ["zlib"]}
        )
        assert answer.status_code == 409
        assert "not done with “notebook” yet" in answer.json()["message"]
        # Whoever presses Cancel on the page reads that it is on its way, until it is over.
        pressed = made.http.post(
            f"{SERVICE}actions/{action}/cancel", data={"_xsrf": made.xsrf}, follow_redirects=False
        )
        told = f"{SERVICE}actions/{action}?cancelling=1"
        assert (pressed.status_code, pressed.headers["Location"]) == (303, f"/{told}")
        assert made.until(action, "cancelled")
    assert "being cancelled" not in made.http.get(told).text
    # What was there before works, and the next action finds nothing in its way.
    assert made.environment()["server"]


def test_a_broken_environment_is_reset_and_works(made: User, centre: RunningCentre) -> None:
    prefix = made.environment()["prefix"]
    centre.run(["rm", "-rf", f"{prefix}/lib/python3.11/site-packages/jupyterhub"], ANNA)
    made.until(made.begin("reset"), "done")
    centre.run([f"{prefix}/bin/python", "-I", "-c", "import jupyterhub, jupyterlab"], ANNA)


def test_what_was_asked_for_can_be_taken_away(made: User) -> None:
    packages = made.api("GET", "environments/notebook/packages").json()["packages"]
    assert {"python", "jupyterlab"} <= {one["name"] for one in packages}
    for page in ("", "environments/notebook"):
        assert 'href="/hub/spawn?environment=own%3Anotebook"' in made.http.get(f"{SERVICE}{page}").text
    exported = made.api("GET", "environments/notebook/export", params={"format": "yml"})
    assert exported.headers["Content-Disposition"] == 'attachment; filename="environment.yml"'
    assert "dependencies:" in exported.text
    taken = made.api("GET", "environments/notebook/takeaway")
    assert taken.status_code == 200, taken.text
    with zipfile.ZipFile(io.BytesIO(taken.content)) as archive:
        assert any(name.endswith("Dockerfile") for name in archive.namelist())


def test_it_goes_on_while_the_hub_is_started_again(made: User, centre: RunningCentre) -> None:
    action = made.begin("plugins")
    before = services(centre)
    assert before
    centre.kill("hub")
    deadline = time.monotonic() + 90
    while before & services(centre):  # those answer for a moment longer
        assert time.monotonic() < deadline
        time.sleep(0.2)
    centre.up()
    until_answered(made)
    assert made.until(action, "done")["verb"] == "plugins"


def services(centre: RunningCentre) -> set[int]:
    """Return the processes of the hub's services."""
    listed = (line.split(None, 1) for line in centre.run(["ps", "-eo", "pid=,args="]).stdout.splitlines())
    return {int(pid) for pid, words in listed if " -m services." in words}


def until_answered(user: User) -> None:
    """Wait until the service that was started anew lets the browser in again, silently."""
    for cookie in list(user.http.cookies.jar):
        if cookie.path == f"/{SERVICE}" and cookie.name == "_xsrf":
            user.http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    for _try in range(100):
        if user.http.get(SERVICE).status_code == 200:
            return
        time.sleep(0.2)
    raise AssertionError("the service is not back")


def test_nobody_else_sees_or_touches_it(made: User, come: Come, centre: RunningCentre) -> None:
    action = made.overview()["actions"][0]["id"]
    ben = come(BEN)
    forget(centre, BEN)
    assert made.api("GET", f"actions/{action}").status_code == 200
    for method, path in (
        ("GET", f"actions/{action}"),
        ("GET", f"actions/{action}/events"),
        ("DELETE", f"actions/{action}"),
        ("GET", "environments/notebook/packages"),
        ("GET", "environments/notebook/export"),
        ("GET", "environments/notebook/takeaway"),
    ):
        answer = ben.api(method, path)
        assert answer.status_code == 404, (method, path, answer.text)
    for page in (f"actions/{action}", f"actions/{action}/cancel", "environments/notebook"):
        assert ben.http.get(SERVICE + page).status_code == 404
    assert ben.overview()["environments"] == []


HOSTILE: list[Any] = [
    {"verb": "bootstrap", "environment": "../../etc"},
    {"verb": "bootstrap", "environment": "a/b"},
    {"verb": "bootstrap", "environment": "-rf"},
    {"verb": "bootstrap", "environment": "x" * 300},
    {"verb": "bootstrap", "environment": "notebook\n#SBATCH --partition=paid"},
    {"verb": "install", "environment": "notebook", "specs": ["--prefix=/"]},
    {"verb": "install", "environment": "notebook", "specs": ["file:///etc/passwd"]},
    {"verb": "install", "environment": "notebook", "specs": ["<img src=x onerror=alert(1)>"]},
    {"verb": "install", "environment": "notebook", "specs": "numpy"},
    {
        "verb": "import",
        "environment": "new",
        "format": "yml",
        "text": "!!python/object/apply:os.system [id]\0",
    },
    {"verb": "clone", "environment": "copy", "source": "../../a1113a02/.conda/envs/x"},
    {"verb": "sh", "environment": "notebook"},
    {"verb": "delete", "environment": "notebook", "id": "0123456789abcdef"},
    {"verb": "delete", "environment": "notebook", "user": "a1113a02"},
    {"environment": "notebook"},
    [],
    "x",
]


def test_what_is_hostile_is_refused_and_nothing_is_submitted(made: User, centre: RunningCentre) -> None:
    centre.cancel_all_jobs()  # the last action's job may be about to end
    for wanted in HOSTILE:
        answer = made.api("POST", "actions", json=wanted)
        assert answer.status_code in (400, 404), (wanted, answer.text)
        assert answer.json()["message"], wanted
        assert "Traceback" not in answer.text, wanted
    assert centre.run(["squeue", "-h", "-u", ANNA]).stdout == ""


def test_a_huge_body_is_not_even_read(made: User) -> None:
    try:
        answer = made.api("POST", "actions", content=b"x" * (50 << 20))
        assert answer.status_code in (400, 413, 502, 503)
    except httpx.TransportError:
        pass  # the door was shut while we spoke
    large = {"verb": "import", "environment": "new", "format": "yml", "text": "a" * 300_000}
    answer = made.api("POST", "actions", json=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_form_without_its_token_does_nothing(made: User, centre: RunningCentre) -> None:
    centre.cancel_all_jobs()
    for data in ({"environment": "notebook"}, {"environment": "notebook", "_xsrf": "wrong"}):
        answer = made.http.post(f"{SERVICE}environments/notebook/delete", data=data)
        # The form again, which may be sent now that the person has seen it.
        assert (answer.status_code, answer.history[0].status_code) == (200, 303)
        assert "Nothing has been done yet" in answer.text
    assert centre.run(["squeue", "-h", "-u", ANNA]).stdout == ""
    assert made.environment()


def test_nobody_without_a_login_and_no_token_without_the_scope(made: User, centre: RunningCentre) -> None:
    assert httpx.get(f"{centre.url}{SERVICE}api/v1/environments", timeout=60).status_code == 403
    assert httpx.post(f"{centre.url}{SERVICE}api/v1/actions", json={}, timeout=60).status_code == 403
    assert "/hub/api/oauth2/authorize" in httpx.get(f"{centre.url}{SERVICE}", timeout=60).headers["Location"]
    poor = made.person.api("POST", f"users/{ANNA}/tokens", json={"scopes": ["read:users:name!user"]})
    headers = {"Authorization": f"token {poor.json()['token']}"}
    assert (
        httpx.get(f"{centre.url}{SERVICE}api/v1/environments", headers=headers, timeout=60).status_code == 403
    )
    rich = made.person.api(
        "POST", f"users/{ANNA}/tokens", json={"scopes": ["access:services!service=environments"]}
    )
    headers = {"Authorization": f"token {rich.json()['token']}"}
    answer = httpx.get(f"{centre.url}{SERVICE}api/v1/environments", headers=headers, timeout=30)
    assert answer.json()["environments"][0]["name"] == "notebook"
