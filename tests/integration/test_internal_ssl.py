"""Hub, proxy, services and notebooks that prove themselves to each other (JupyterHub's `internal_ssl`).

The tests' centre is brought over to TLS for this file, and back afterwards.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.centre import RunningCentre
from tests.conftest import leave_no_server
from tests.person import Login, Person

pytestmark = pytest.mark.centre

ANNA, BEN = "a1113a01", "a1113a02"

# Connects to HOST:PORT, with the certificate in a folder if there is one, and says how far it got.
CONNECT = """
import http.client, ssl, sys
host, port, path, folder = sys.argv[1:]
context = None
if folder != "plain":
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if folder != "none":
        context.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/key.pem")
link = (http.client.HTTPSConnection(host, port, timeout=10, context=context) if context
        else http.client.HTTPConnection(host, port, timeout=10))
try:
    link.request("GET", path)
    print("answered", link.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print("refused", type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def secure(centre: RunningCentre, login: Login) -> Iterator[RunningCentre]:
    """Give the centre with TLS inside; nothing of it is left on afterwards."""
    for name in (ANNA, BEN):
        leave_no_server(login(name))
    centre.cancel_all_jobs()
    with_tls = RunningCentre(replace(centre.instance, internal_ssl=True))
    with_tls.up()
    yield with_tls
    for name in (ANNA, BEN):
        leave_no_server(login(name))
    centre.up()


@pytest.fixture(scope="module")
def anna(secure: RunningCentre, login: Login) -> Person:
    """A user whose notebook runs; no test here stops it."""
    person = login(ANNA)
    person.submit(queue="jupyter", hours="1")
    person.until("ready")
    return person


def address(centre: RunningCentre) -> tuple[str, str]:
    """Return host and port of Anna's server, as the hub's last word about its route has them."""
    lines = centre.log("hub").splitlines()
    route = next(line for line in reversed(lines) if f"Adding user {ANNA} to proxy" in line)
    url = urlsplit(route.split("=> ")[1].strip())
    assert url.scheme == "https"
    return str(url.hostname), str(url.port)


def folders(centre: RunningCentre) -> list[str]:
    """List Anna's certificate folders, with their paths."""
    home = centre.instance.home_of(ANNA)
    listed = centre.run(["find", f"{home}/.hpchub/tls", "-mindepth", "1", "-maxdepth", "1"], check=False)
    return listed.stdout.split()


def connect(
    centre: RunningCentre, how: str, user: str = BEN, target: tuple[str, str, str] | None = None
) -> str:
    """Ask Anna's server, or another target, as `user` would from a node."""
    python = [f"{centre.instance.venv}/bin/python", "-c", CONNECT]
    words = target or (*address(centre), f"/user/{ANNA}/api")
    return centre.run([*python, *words, how], user).stdout.strip()


def variables(centre: RunningCentre) -> dict[str, str]:
    find = f"tr '\\0' '\\n' < /proc/$(pgrep -u {ANNA} -f singleuser/launch.py | head -1)/environ"
    lines = centre.run(["sh", "-c", find]).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_a_notebook_works_from_end_to_end(secure: RunningCentre, anna: Person) -> None:
    assert anna.get(f"user/{ANNA}/tree").status_code == 200
    assert anna.get(f"user/{ANNA}/api/contents").json()["type"] == "directory"
    address(secure)
    names = variables(secure)
    assert names["JUPYTERHUB_API_URL"].startswith("https://")
    # The server asks the hub with its certificate, and the hub hears of its work.
    assert anna.model()["url"]


async def test_a_kernel_answers_over_the_websocket(secure: RunningCentre, anna: Person) -> None:
    token = anna.api("POST", f"users/{ANNA}/tokens", json={"note": "test", "expires_in": 300}).json()["token"]
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        made = (await http.post(f"{secure.url}user/{ANNA}/api/kernels")).json()
    url = f"{secure.url}user/{ANNA}/api/kernels/{made['id']}/channels".replace("http", "ws", 1)
    socket = await websocket_connect(HTTPRequest(url, headers=headers))
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3"}
    code = {"code": "6 * 7", "silent": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": code, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    async with asyncio.timeout(60):
        while (answer := json.loads(str(await socket.read_message())))["msg_type"] != "execute_result":
            pass
    socket.close()
    assert answer["content"]["data"]["text/plain"] == "42"


def test_the_queue_service_works_too(secure: RunningCentre, anna: Person) -> None:
    deadline = time.monotonic() + 60
    while (
        answer := anna.get("services/queues/")
    ).status_code != 200:  # the hub starts its services after itself
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    queues = anna.get("services/queues/api/v1/queues").json()["queues"]
    assert queues[0]["name"] == "jupyter"
    assert queues[0]["nodes"]["total"] == 5


def test_a_page_that_is_not_there_comes_from_the_hub(secure: RunningCentre, anna: Person) -> None:
    # The proxy asks the hub for this page, over a connection of its own.
    answer = anna.get("hub/no-such-page")
    assert answer.status_code == 404


def test_nobody_gets_a_word_out_of_the_port_without_a_certificate_of_the_hub(
    secure: RunningCentre, anna: Person
) -> None:
    assert connect(secure, "plain").startswith("refused")
    assert connect(secure, "none").startswith("refused")


@pytest.mark.parametrize(
    ("door", "path"),
    [("hub", "/hub/health"), ("proxy-api", "/api/routes"), ("services", "/services/queues/")],
)
def test_hub_proxy_and_service_answer_nobody_without_a_certificate(
    secure: RunningCentre, anna: Person, door: str, path: str
) -> None:
    target = ("127.0.0.1", str(secure.instance.port_of(door)), path)
    for how in ("plain", "none"):
        assert connect(secure, how, target=target).startswith("refused"), how
    # The hub is who a notebook speaks with; the service is not.
    (own,) = folders(secure)
    answer = connect(secure, own, ANNA, target)
    assert answer.startswith(
        {"hub": "answered 200", "proxy-api": "answered 403", "services": "refused"}[door]
    )


def test_certificate_of_another_notebook_opens_no_notebook(secure: RunningCentre, anna: Person) -> None:
    # Her own server's, the only other one there is: what it proves is no more than Ben's would.
    own = folders(secure)[0]
    assert re.match(r"refused .*(alert|EOF|reset)", connect(secure, own, ANNA), re.IGNORECASE)


def test_certificates_are_the_users_alone(secure: RunningCentre, anna: Person) -> None:
    (own,) = folders(secure)
    listed = secure.run(["stat", "-c", "%U %a %n", own, f"{own}/key.pem", f"{own}/certificate.pem"]).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [[ANNA, "700"], [ANNA, "600"], [ANNA, "600"]]
    for path in (own, f"{own}/key.pem"):
        done = secure.run(["cat" if path.endswith("pem") else "ls", path], BEN, check=False)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
    names = variables(secure)
    assert names["JUPYTERHUB_SSL_KEYFILE"] == f"{own}/key.pem"


def test_key_is_nowhere_else(secure: RunningCentre, anna: Person) -> None:
    (own,) = folders(secure)
    key = secure.run(["cat", f"{own}/key.pem"]).stdout.splitlines()[1]
    job = secure.run(["squeue", "-h", "-u", ANNA, "-o", "%i"]).stdout.strip()
    everywhere = [
        secure.run(["scontrol", "show", "job", "-dd", job], ANNA).stdout,
        secure.run(["scontrol", "write", "batch_script", job, "-"], ANNA).stdout,
        secure.run(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '"]).stdout,
        secure.run(["sh", "-c", f"cat /scratch/{ANNA}/log/*"]).stdout,
        secure.log("hub"),
    ]
    assert all(len(text) > 100 for text in everywhere)
    assert not any(key in text for text in everywhere)
    state = secure.instance.data / "hub"
    assert (
        secure.run(
            ["grep", "-rlF", key, str(state), str(secure.instance.data / "slurmctld")], check=False
        ).stdout
        == ""
    )


def test_certificate_names_the_nodes_of_its_queue(secure: RunningCentre, anna: Person) -> None:
    (own,) = folders(secure)
    text = secure.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", f"{own}/certificate.pem"]
    )
    named = set(re.findall(r"DNS:([^,\s]+)", text.stdout))
    assert named == {"localhost", "gpu01", "gpu02", "gpu03", "gpu04", "gpu05"}


def test_server_is_reached_after_a_restart_of_the_hub(secure: RunningCentre, anna: Person) -> None:
    secure.stop("hub")
    secure.start("hub")
    anna.until("ready")
    assert anna.get(f"user/{ANNA}/api/contents").json()["type"] == "directory"


def test_server_is_reached_after_a_restart_of_the_proxy(secure: RunningCentre, anna: Person) -> None:
    secure.stop("proxy")
    secure.start("proxy")
    secure.stop("hub")
    secure.start("hub")  # it tells a proxy that has forgotten them all routes at its start
    anna.until("ready")
    assert anna.get(f"user/{ANNA}/api/contents").json()["type"] == "directory"


def test_folders_go_when_their_servers_do(secure: RunningCentre, login: Login) -> None:
    ben = login(BEN)
    home = secure.instance.home_of(BEN)
    ben.submit(queue="jupyter", hours="1")
    ben.until("ready")
    listing = ["find", f"{home}/.hpchub/tls", "-mindepth", "1", "-type", "d"]
    assert len(secure.run(listing).stdout.split()) == 1
    ben.stop()
    assert secure.run(listing).stdout == ""


def test_folder_of_a_server_that_nobody_stopped_goes_at_the_next_start(
    secure: RunningCentre, login: Login
) -> None:
    ben = login(BEN)
    home = secure.instance.home_of(BEN)
    listing = ["find", f"{home}/.hpchub/tls", "-mindepth", "1", "-type", "d"]
    ben.submit(queue="jupyter", hours="1")
    ben.until("ready")
    (old,) = secure.run(listing).stdout.split()
    job = secure.run(["squeue", "-h", "-u", BEN, "-o", "%i"]).stdout.strip()
    secure.run(["scancel", job])
    ben.until("stopped")
    assert secure.run(listing).stdout.split() == [old]
    ben.submit(queue="jupyter", hours="1")
    ben.until("ready")
    (new,) = secure.run(listing).stdout.split()
    assert new != old
    ben.stop()


def test_key_and_certificate_are_not_in_what_the_hub_keeps(secure: RunningCentre, anna: Person) -> None:
    records = json.loads((secure.instance.internal_certs / "certipy.json").read_text())
    assert records
    assert not any(name == f"user-{ANNA}" for name in records)
