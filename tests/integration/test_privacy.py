"""What one user can see of another, and what a stolen token is good for."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre

ASK = """
import http.client, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
link = http.client.HTTPConnection(url.hostname, url.port)
link.request("GET", url.path)
answer = link.getresponse()
print(answer.status, answer.getheader("Location") or "")
"""


@pytest.fixture(scope="module")
def anna(centre: RunningCentre, login: Login) -> Iterator[Person]:
    """A user with one running server, the same for all tests here: none of them changes it."""
    centre.cancel_all_jobs()
    person = login("a1113a01")
    person.until("stopped", seconds=60)
    person.submit(queue="jupyter", hours="1")
    person.until("ready")
    yield person
    person.stop()


@pytest.fixture(scope="module")
def token(centre: RunningCentre, anna: Person) -> str:
    """Give the API token of the running server, which its user can read in a notebook at any time."""
    find = "tr '\\0' '\\n' < /proc/$(pgrep -u a1113a01 -f singleuser/launch.py | head -1)/environ"
    lines = centre.run(["sh", "-c", find]).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["JUPYTERHUB_API_TOKEN"]


def post(centre: RunningCentre, path: str, token: str, body: object) -> int:
    url = f"{centre.url}hub/api/{path}"
    answer = httpx.post(url, json=body, headers={"Authorization": f"token {token}"})
    return answer.status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"port": 40123}, 409),
        ({"port": 40123, "cmd": "reboot"}, 400),
        ({"cmd": ["reboot"]}, 400),
        ({"job_id": "1"}, 400),
        ({"port": "40123"}, 400),
        ({"port": 80}, 400),
        ({"port": True}, 400),
        ([], 400),
    ],
)
def test_port_route_takes_one_port_once_and_nothing_else(
    centre: RunningCentre, token: str, body: object, status: int
) -> None:
    assert post(centre, "hpchub/port", token, body) == status


def test_batchspawners_own_route_is_gone(centre: RunningCentre, token: str) -> None:
    assert post(centre, "batchspawner", token, {"acts_as_user": "id"}) == 404


def test_port_route_refuses_who_is_not_a_starting_server(centre: RunningCentre, login: Login) -> None:
    assert post(centre, "hpchub/port", "nonsense", {"port": 40123}) == 403
    assert httpx.post(f"{centre.url}hub/api/hpchub/port", json={"port": 40123}).status_code == 403
    person = login("a1113a02")
    made = person.api("POST", "users/a1113a02/tokens", content=json.dumps({"note": "test"}))
    assert post(centre, "hpchub/port", made.json()["token"], {"port": 40123}) == 404


def test_token_is_on_no_command_line_and_in_no_log(centre: RunningCentre, token: str) -> None:
    lines = centre.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).stdout
    assert token not in lines
    assert token not in centre.log("hub")
    assert token not in centre.run(["sh", "-c", "cat /scratch/a1113a01/log/*"]).stdout


def test_other_user_reads_neither_log_nor_workspace_nor_environment(
    centre: RunningCentre, token: str
) -> None:
    for command in (
        ["ls", "/scratch/a1113a01/log"],
        ["ls", "/scratch/a1113a01/workspace"],
        ["sh", "-c", "cat /proc/$(pgrep -u a1113a01 -f singleuser/launch.py | head -1)/environ"],
    ):
        done = centre.run(command, "a1113a02", check=False)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr


def test_other_user_on_the_node_gets_nothing_from_the_servers_port(
    centre: RunningCentre, anna: Person, token: str
) -> None:
    route = next(
        line for line in centre.log("hub").splitlines()[::-1] if "Adding user a1113a01 to proxy" in line
    )
    address = route.split("=> ")[1].strip()
    ask = [f"{centre.instance.venv}/bin/python", "-c", ASK]
    for path in ("api/contents", "api/terminals", "files/", "tree"):
        url = f"{address}/user/a1113a01/{path}"
        code, _, target = centre.run([*ask, url], "a1113a02").stdout.strip().partition(" ")
        assert code in ("302", "403")
        if target:
            assert "/hub/api/oauth2/authorize" in urlsplit(target).path


def test_other_user_cannot_see_or_stop_the_server_through_the_hub(
    centre: RunningCentre, anna: Person, token: str, login: Login
) -> None:
    other = login("a1113a02")
    assert other.get("user/a1113a01/tree").status_code == 403
    assert other.api("DELETE", anna.server()).status_code == 404
    assert other.api("GET", f"{anna.server()}/progress").status_code == 404
    assert anna.state() == "ready"


def test_jobs_environment_has_nothing_of_the_hubs(centre: RunningCentre, token: str) -> None:
    find = "tr '\\0' '\\n' < /proc/$(pgrep -u a1113a01 -f singleuser/launch.py | head -1)/environ"
    names = {line.split("=", 1)[0] for line in centre.run(["sh", "-c", find]).stdout.splitlines()}
    assert not {"CONFIGPROXY_AUTH_TOKEN", "JUPYTERHUB_CRYPT_KEY", "HPCHUB_SITE_CONFIG", "PYTHONPATH"} & names
