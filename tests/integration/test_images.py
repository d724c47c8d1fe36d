"""A notebook server from a container image: Charliecloud, on a node, through the hub."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.cells import run_cell
from tests.centre import RunningCentre
from tests.conftest import leave_no_server
from tests.person import Login, Person
from tests.servers import log, started

pytestmark = pytest.mark.centre

ANNA = "a1113a01"
MINE = "$HOME/.config/hpchub"
SETTINGS = f"{MINE}/notebook.env"
IMAGE = {"environment": "image:demo"}


def as_anna(centre: RunningCentre, script: str) -> str:
    return centre.run(["bash", "-c", script], ANNA).stdout


def ports_told(said: str) -> list[str]:
    return [line.split()[-1] for line in said.splitlines() if "The hub knows that this server" in line]


@pytest.fixture(scope="module")
def inside(centre: RunningCentre, login: Login) -> Iterator[tuple[Person, str]]:
    """Anna's server in the image, and its job."""
    centre.cancel_all_jobs()
    person = login(ANNA)
    leave_no_server(person)
    as_anna(
        centre,
        f"mkdir -p {MINE}/before-notebook.d ~/.local/lib/python3.11/site-packages;"
        f" echo DOCKER_STACKS_JUPYTER_CMD=lab > {SETTINGS};"
        f" echo 'export MY_HOOK=ran' > {MINE}/before-notebook.d/10-mine.sh;"
        f" echo 'JUPYTERHUB_API_TOKEN=lost; false' > {MINE}/before-notebook.d/20-bad.sh;"
        " echo 'raise SystemExit' > ~/.local/lib/python3.11/site-packages/traitlets.py",
    )
    yield person, started(centre, person, **IMAGE)
    leave_no_server(person)
    as_anna(centre, f"rm -rf {MINE} ~/.local/lib")


@pytest.fixture
def settings(anna: Person, empty: RunningCentre) -> Iterator[None]:
    as_anna(empty, f"mkdir -p {MINE}")
    yield
    as_anna(empty, f"rm -f {SETTINGS}")


class TestInside:
    async def test_a_cell_runs_in_the_image_with_the_users_own_folders(
        self, centre: RunningCentre, inside: tuple[Person, str]
    ) -> None:
        as_anna(centre, "echo hers > ~/at-home; echo hers > /scratch/$USER/workspace/at-work")
        code = """
import json, os, pathlib, sys, traitlets
read = lambda name: pathlib.Path(name).expanduser().read_text()
try:
    pathlib.Path("/opt/notebook/written").touch()
except OSError as error:
    refused = error.strerror
names = ("HPCHUB_IMAGE", "DEMO_HOOK", "MY_HOOK", "PYTHONUSERBASE", "HOME")
print(json.dumps({"os": read("/etc/os-release"), "python": sys.prefix, "cwd": os.getcwd(), "refused": refused,
    "home": read("~/at-home"), "work": read("at-work"), **{name: os.environ.get(name) for name in names}}))
"""
        told = json.loads(await run_cell(inside[0], code))
        home = f"{centre.instance.home}/{ANNA}"
        assert "hpchub-demo" in told.pop("os")
        assert told == {
            "python": "/opt/notebook",
            "cwd": f"/scratch/{ANNA}/workspace",
            "refused": "Read-only file system",
            "home": "hers\n",
            "work": "hers\n",
            "HPCHUB_IMAGE": "demo",
            "DEMO_HOOK": "ran",
            "MY_HOOK": "ran",
            "PYTHONUSERBASE": f"{home}/.local/share/hpchub/images/demo",
            "HOME": home,
        }

    def test_it_is_a_server_as_any_other(self, centre: RunningCentre, inside: tuple[Person, str]) -> None:
        person, job = inside
        assert person.get(f"user/{ANNA}/").url.path == f"/user/{ANNA}/lab"
        told = person.get(f"user/{ANNA}/hpchub/time").json()
        assert 0 < told["seconds_left"] <= 3600
        assert "apputils-extension:announcements" in person.get(f"user/{ANNA}/lab").text, (
            "nobody asks for news"
        )
        for extension in ("report", "leash", "timeleft"):
            assert f"singleuser.{extension} | extension was successfully loaded" in log(centre, ANNA, job)

    def test_hooks_are_told_in_the_log_and_do_not_cut_the_server_off(
        self, centre: RunningCentre, inside: tuple[Person, str]
    ) -> None:
        _, job = inside
        said = log(centre, ANNA, job)
        assert "hook /usr/local/bin/before-notebook.d/10-demo.sh" in said
        assert "20-bad.sh failed with status 1; going on" in said
        assert "The hub knows that this server listens on port" in said

    def test_no_token_stands_on_a_command_line_or_in_the_script(
        self, centre: RunningCentre, inside: tuple[Person, str]
    ) -> None:
        processes = centre.processes_of(ANNA)
        server = next(pid for pid, line in processes.items() if "singleuser/launch.py" in line)
        with open(f"/proc/{server}/environ", "rb") as file:
            variables = dict(pair.split(b"=", 1) for pair in file.read().split(b"\0") if b"=" in pair)
        token = variables[b"JUPYTERHUB_API_TOKEN"].decode()
        assert len(token) >= 32
        script = centre.run(["scontrol", "write", "batch_script", inside[1], "-"]).stdout
        assert "ch-run" in script
        assert token not in "\n".join([script, *processes.values()])

    def test_stop_ends_everything(self, centre: RunningCentre, inside: tuple[Person, str]) -> None:
        person, job = inside
        person.stop()
        centre.wait_for_job(job, "", "CANCELLED", "COMPLETED")
        deadline = time.monotonic() + 90
        while left := centre.processes_of(ANNA):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)


@pytest.mark.usefixtures("settings")
class TestSettings:
    @pytest.mark.parametrize(
        ("wanted", "page", "not_there"),
        [("nbclassic", "/nbclassic/tree", None), ("server", None, "/lab")],
    )
    async def test_the_page_that_the_user_asks_for_comes_before_the_forms(
        self, empty: RunningCentre, anna: Person, wanted: str, page: str | None, not_there: str | None
    ) -> None:
        as_anna(empty, f"echo DOCKER_STACKS_JUPYTER_CMD={wanted} > {SETTINGS}")
        job = started(empty, anna, **IMAGE, interface="lab")
        first = anna.get(f"user/{ANNA}/")
        if page:
            assert (first.url.path, first.status_code) == (f"/user/{ANNA}{page}", 200), log(empty, ANNA, job)
        if not_there:
            assert anna.get(f"user/{ANNA}{not_there}").status_code == 404
        assert await run_cell(anna, "print(6 * 7)") == "42\n"

    def test_a_server_that_is_to_be_started_again_comes_back_in_its_job(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        as_anna(empty, f"printf 'RESTARTABLE=yes\\nDOCKER_STACKS_JUPYTER_CMD=notebook\\n' > {SETTINGS}")
        job = started(empty, anna, **IMAGE, interface="lab")
        assert anna.get(f"user/{ANNA}/").url.path == f"/user/{ANNA}/tree"
        xsrf = [one.value for one in anna.http.cookies.jar if one.name == "_xsrf" and ANNA in one.path]
        done = anna.http.post(f"user/{ANNA}/api/shutdown", headers={"X-XSRFToken": str(xsrf[0])})
        assert done.status_code == 200, done.text
        deadline = time.monotonic() + 90
        while len(ports := ports_told(log(empty, ANNA, job))) < 2:
            assert time.monotonic() < deadline, log(empty, ANNA, job)
            time.sleep(0.2)
        assert ports[0] == ports[1]
        assert empty.job_state(job) == "RUNNING"
        assert anna.get(f"user/{ANNA}/tree").status_code == 200
        anna.stop()
        assert empty.wait_for_job(job, "", "CANCELLED", "COMPLETED") != "RUNNING"
