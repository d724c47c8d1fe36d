"""What one user can see of another, and what a stolen token is good for."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
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


GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")

# Reads what there is of each process, as often as it can, until its input ends; then says what it has seen.
WATCH = """
import pathlib, select, sys
seen = set()
while not select.select([sys.stdin], [], [], 0)[0]:
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        for name in sys.argv[1:]:
            try:
                seen.add((folder / name).read_bytes())
            except OSError:
                pass
sys.stdout.buffer.write(b"\\n".join(seen).replace(b"\\0", b" "))
"""


STEPS = ("sudo -nHu a1113a01", "hpchub-as-user", "/sbatch --parsable", "launch.py")


@dataclass
class Watched:
    """A server that was watched while it started: command lines by root, environments by another user."""

    person: Person
    command_lines: str
    environments: str


@pytest.fixture(scope="module")
def watched(centre: RunningCentre, login: Login) -> Iterator[Watched]:
    centre.cancel_all_jobs()
    person = login("a1113a01")
    for _try in range(4):
        person.until("stopped")
        found = watch_a_start(centre, person)
        # What is over in some milliseconds may fall between two looks on a busy machine.
        if all(step in found.command_lines for step in STEPS):
            break
        person.stop()
    yield found
    person.stop()


def watch_a_start(centre: RunningCentre, person: Person) -> Watched:
    python = f"{centre.instance.venv}/bin/python"
    watchers = [
        subprocess.Popen(
            centre.command([python, "-c", WATCH, *names], user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        for names, user in ((["cmdline"], None), (["environ", "cmdline"], "a1113a02"))
    ]
    try:
        person.submit(queue="jupyter", hours="1")
        person.until("ready")
    finally:
        lines, environments = (watcher.communicate(timeout=60)[0] for watcher in watchers)
    return Watched(person, lines, environments)


@pytest.fixture(scope="module")
def anna(watched: Watched) -> Person:
    """A user with one running server, the same for all tests here: none of them changes it."""
    return watched.person


@pytest.fixture(scope="module")
def token(centre: RunningCentre, anna: Person) -> str:
    """Give the API token of the running server, which its user can read in a notebook at any time."""
    find = "tr '\\0' '\\n' < /proc/$(pgrep -u a1113a01 -f singleuser/launch.py | head -1)/environ"
    lines = centre.run(["sh", "-c", find]).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["JUPYTERHUB_API_TOKEN"]


def post(centre: RunningCentre, path: str, token: str, body: object) -> int:
    url = f"{centre.url}hub/api/{path}"
    answer = httpx.post(url, json=body, headers={"Authorization": f"token {token}"}, timeout=60)
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
    assert httpx.post(f"{centre.url}hub/api/hpchub/port", json={"port": 40123}, timeout=60).status_code == 403
    person = login("a1113a02")
    made = person.api("POST", "users/a1113a02/tokens", content=json.dumps({"note": "test"}))
    assert post(centre, "hpchub/port", made.json()["token"], {"port": 40123}) == 404


def test_token_is_on_no_command_line_while_the_server_starts_and_runs(
    centre: RunningCentre, watched: Watched, token: str
) -> None:
    # Each step was seen, so that the token would have been.
    for step in STEPS:
        assert step in watched.command_lines, step
    assert token not in watched.command_lines
    assert token not in centre.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).stdout


def test_other_user_saw_no_environment_with_the_token(watched: Watched, token: str) -> None:
    assert "LOGNAME=a1113a02" in watched.environments  # their own, so the watch was awake
    assert "launch.py" in watched.environments
    assert "JUPYTERHUB_API_TOKEN" not in watched.environments
    assert token not in watched.environments


def test_token_is_in_no_log(centre: RunningCentre, token: str) -> None:
    for program in ("hub", "proxy", "slurmctld", "slurmd-gpu01"):
        assert token not in centre.log(program)
    assert token not in centre.run(["sh", "-c", "cat /scratch/a1113a01/log/*"]).stdout
    logs = ["grep", "-rlF", token, str(centre.instance.log)]
    assert centre.run(logs, check=False).stdout == ""


def test_slurm_shows_the_token_to_nobody(centre: RunningCentre, anna: Person, token: str) -> None:
    (job,) = centre.run(["squeue", "-h", "-u", "a1113a01", "-o", "%i"]).stdout.split()
    script = centre.run(["scontrol", "write", "batch_script", job, "-"], "a1113a01").stdout
    assert "launch.py" in script
    assert token not in script
    other = centre.run(["scontrol", "write", "batch_script", job, "-"], "a1113a02", check=False)
    assert "launch.py" not in other.stdout
    for user in ("a1113a01", "a1113a02", None):
        described = centre.run(["scontrol", "show", "job", "-dd", job], user).stdout
        assert f"JobId={job}" in described
        assert token not in described
    database = ["sacct", "-j", job, "--parsable2", "--format=ALL"]
    assert token not in centre.run(database).stdout


def test_no_file_with_the_token_can_be_read_by_others(
    centre: RunningCentre, anna: Person, token: str
) -> None:
    state = centre.instance
    search = ["grep", "-rlFs", "--devices=skip", token]
    places = [str(state.data), str(state.run), str(state.etc), str(state.log), "/scratch", "/tmp", "/dev/shm"]
    assert centre.run([*search, *places], "a1113a02", check=False).stdout == ""
    # Slurm keeps the environment of a waiting or running batch job, for root and its own account.
    held = centre.run([*search, str(state.data / "slurmctld")], check=False).stdout.split()
    assert held
    assert all(path.endswith("/environment") for path in held)
    # The hub keeps no more than a digest.
    assert centre.run([*search, str(state.data / "hub")], check=False).stdout == ""


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


def test_job_starts_with_a_short_list_of_variables(centre: RunningCentre, token: str) -> None:
    find = "tr '\\0' '\\n' < /proc/$(pgrep -u a1113a01 -f singleuser/launch.py | head -1)/environ"
    names = {line.split("=", 1)[0] for line in centre.run(["sh", "-c", find]).stdout.splitlines()}
    others = {
        name
        for name in names
        if not name.startswith(("SLURM", "JUPYTERHUB_", "JPY_", "HPCHUB_", "MEM_", "CPU_"))
    }
    own = {"PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL"}
    assert own <= others
    # The shell's, and Slurm's for each batch job.
    assert others - own <= {
        *("PWD", "OLDPWD", "SHLVL", "_"),
        *("ENVIRONMENT", "HOSTNAME", "TMPDIR"),
        *GPU_VARIABLES,
    }
    assert {name for name in names if name.startswith("HPCHUB_")} == {
        *("HPCHUB_BIND", "HPCHUB_PORTS"),
        *("HPCHUB_ENVIRONMENT", "HPCHUB_ENVIRONMENTS", "HPCHUB_ENV_FOLDERS"),
    }
