"""A server from an environment of the user's own, made from the demo's channel, and from nothing at all."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.cells import kernels_of, run_cell
from tests.centre import RunningCentre
from tests.conftest import leave_no_server
from tests.person import Login, Person
from tests.servers import log, started

pytestmark = pytest.mark.centre

ANNA = "a1113a01"
ROOT = f"/scratch/{ANNA}/.conda"
ABOUT = """
import json, os, sys
names = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONNOUSERSITE", "HPCHUB_ENVIRONMENT")
print(json.dumps({"prefix": sys.prefix, "first": os.environ["PATH"].split(":")[0],
    **{name: os.environ.get(name) for name in names}}))
"""


def as_anna(centre: RunningCentre, script: str) -> str:
    return centre.run(["bash", "-euc", f"cd {ROOT}; {script}"], ANNA, limit=120).stdout.strip()


def generation(centre: RunningCentre, name: str = "notebook") -> str:
    """Return the path of the state that an environment is in."""
    return as_anna(centre, f"cd -P envs/{name}; pwd")


def copy(centre: RunningCentre, target: str) -> None:
    """Make a working state of an environment out of links, of which packages can be taken away."""
    packages = "lib/python3.11/site-packages"
    as_anna(
        centre,
        f"from=$(readlink -f envs/notebook); mkdir -p {target}/{packages}; cp -a $from/bin {target};"
        f" for folder in . lib lib/python3.11 {packages}; do"
        f" ln -s $from/$folder/* {target}/$folder/ 2>/dev/null || true; done;"
        # Debian's Python looks there.
        f" ln -sfn site-packages {target}/lib/python3.11/dist-packages",
    )


@pytest.fixture(scope="module")
def notebook(centre: RunningCentre) -> Iterator[None]:
    """Anna's environment, made as she would make it; it stays with a centre that stays."""
    made = f"{ROOT}/envs/notebook/bin/jupyterhub-singleuser"
    if centre.run(["test", "-x", made], ANNA, check=False).returncode:
        centre.run(["rm", "-rf", ROOT], ANNA, limit=240)
        centre.run(["hpchub", "env", "bootstrap"], ANNA, limit=240)
    yield
    if not os.environ.get("HPCHUB_TEST_KEEP"):
        centre.run(["rm", "-rf", ROOT], ANNA, limit=240)


@pytest.fixture
def beside(notebook: None, empty: RunningCentre) -> Iterator[str]:
    """Another environment; gone afterwards."""
    as_anna(empty, "rm -rf envs/work generations/work-*")
    copy(empty, "generations/work-00000001")
    as_anna(empty, "ln -s ../generations/work-00000001 envs/work")
    yield "work"
    as_anna(empty, "rm -rf envs/work generations/work-*")


@pytest.fixture(scope="module")
def running(notebook: None, centre: RunningCentre, login: Login) -> Iterator[Person]:
    """Anna, with a server from her environment."""
    centre.cancel_all_jobs()
    person = login(ANNA)
    leave_no_server(person)
    started(centre, person, environment="own:notebook")
    yield person
    leave_no_server(person)


class TestRunning:
    async def test_a_cell_runs_in_the_environment_as_it_was_when_the_server_began(
        self, running: Person, centre: RunningCentre
    ) -> None:
        prefix = generation(centre)
        assert json.loads(await run_cell(running, ABOUT)) == {
            "prefix": prefix,
            "first": f"{prefix}/bin",
            "CONDA_PREFIX": prefix,
            "CONDA_DEFAULT_ENV": "notebook",
            "PYTHONNOUSERSITE": "1",
            "HPCHUB_ENVIRONMENT": "own:notebook",
        }

    async def test_pip_in_a_cell_is_the_environments(self, running: Person, centre: RunningCentre) -> None:
        said = await run_cell(running, "!which pip python")
        prefix = generation(centre)
        assert said.split() == [f"{prefix}/bin/pip", f"{prefix}/bin/python"]

    def test_the_home_page_says_what_the_server_runs_from(self, running: Person) -> None:
        page = running.get("hub/home").text
        assert "<dt>Environment</dt>" in page
        assert "<dd>notebook</dd>" in page

    async def test_an_environment_made_meanwhile_is_a_kernel_without_a_restart(
        self, running: Person, centre: RunningCentre
    ) -> None:
        assert "conda-env-notebook-py" in kernels_of(running)
        assert "conda-env-later-py" not in kernels_of(running)
        centre.run(["hpchub", "env", "clone", "notebook", "later"], ANNA, limit=120)
        try:
            spec = kernels_of(running)["conda-env-later-py"]["spec"]
            assert spec["display_name"] == "Python 3.11 (later)"
            told = json.loads(await run_cell(running, ABOUT, "conda-env-later-py"))
            prefix = generation(centre, "later")
            assert (told["prefix"], told["CONDA_PREFIX"]) == (prefix, prefix)
            assert (told["CONDA_DEFAULT_ENV"], told["first"]) == ("later", f"{prefix}/bin")
        finally:
            centre.run(["hpchub", "env", "delete", "--yes", "later"], ANNA, limit=60)
        assert "conda-env-later-py" not in kernels_of(running)

    async def test_a_switch_of_the_environment_leaves_the_server_as_it_is(
        self, running: Person, centre: RunningCentre
    ) -> None:
        before = generation(centre)
        now = "generations/notebook-0000000f"
        copy(centre, now)
        as_anna(centre, f"ln -s ../{now} envs/.next; mv -T envs/.next envs/notebook")
        try:
            told = json.loads(await run_cell(running, ABOUT))
            assert told["prefix"] == before
            # A kernel that is chosen by the environment's name has its new state at once.
            told = json.loads(await run_cell(running, ABOUT, "conda-env-notebook-py"))
            assert told["CONDA_PREFIX"] == f"{ROOT}/{now}"
        finally:
            back = (
                f"ln -s ../generations/{before.rsplit('/', 1)[-1]} envs/.next; mv -T envs/.next envs/notebook"
            )
            as_anna(centre, f"{back}; rm -rf {now}")


ENGINES = """
import glob, json, os, stat, subprocess, sys
import ipyparallel as ipp
cluster = ipp.Cluster(profile="slurm", n=2)
cluster.config.SlurmEngines.engines_per_node = 1
client = cluster.start_and_connect_sync()
def about():
    import os, sys
    return {"node": os.environ["SLURMD_NODENAME"], "prefix": sys.prefix, "environment": str(dict(os.environ))}
engines = client[:].apply_sync(about)
security = os.path.join(cluster.profile_dir, "security")
files = glob.glob(f"{security}/ipcontroller-{cluster.cluster_id}-*.json")
told = {
    "own": [os.environ["SLURMD_NODENAME"], sys.prefix, os.environ.get("JUPYTERHUB_API_TOKEN", "")],
    "engines": engines,
    "secrets": [json.load(open(files[0]))[name] for name in ("key", "curve_serverkey")],
    "modes": sorted({stat.S_IMODE(os.stat(path).st_mode) for path in files}),
    "folder": stat.S_IMODE(os.stat(security).st_mode),
    "job": cluster.engine_set.job_id,
    "log": cluster.engine_set.log_file,
    "shown": subprocess.run(["scontrol", "show", "job", cluster.engine_set.job_id], capture_output=True,
        text=True).stdout + subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout,
}
client.close()
cluster.stop_cluster_sync()
print("\\n" + json.dumps(told))
"""
REFUSED = """
import ipyparallel as ipp
cluster = ipp.Cluster(profile="slurm", n=2)
cluster.config.SlurmEngines.account = "nobodys"
try:
    cluster.start_and_connect_sync()
except Exception as error:
    print(error)
cluster.stop_cluster_sync()
"""
WAITING = """
import ipyparallel as ipp
cluster = ipp.Cluster(profile="slurm", n=2)
cluster.config.SlurmEngines.options = "--begin=now+1hour"
cluster.engine_timeout = 10
try:
    cluster.start_and_connect_sync()
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="class")
def plugins(running: Person, centre: RunningCentre) -> Iterator[None]:
    """Anna's environment with the plugins; the profile is gone afterwards."""
    centre.run(["hpchub", "env", "plugins"], ANNA, limit=120)
    yield
    centre.run(["bash", "-c", "rm -rf ~/.ipython/profile_slurm"], ANNA)


def jobs(centre: RunningCentre, *states: str) -> list[str]:
    """Return the numbers of engines' jobs in these states; in any that is not over without them."""
    asked = [f"--states={','.join(states)}"] if states else []
    said = centre.run(["squeue", "--noheader", "--user", ANNA, "--format=%j %i", *asked]).stdout
    return [line.split()[1] for line in said.splitlines() if line.startswith("ipengine")]


def until_no_jobs(centre: RunningCentre) -> None:
    for _try in range(100):
        if not jobs(centre):
            return
        time.sleep(0.2)
    raise AssertionError(f"engines are left: {jobs(centre)}")


@pytest.mark.usefixtures("plugins")
class TestEngines:
    """In a kernel that was started after Plugins, by a server that was started before."""

    KERNEL = "conda-env-notebook-py"

    async def test_a_cell_computes_on_other_nodes_and_stop_ends_the_job(
        self, running: Person, centre: RunningCentre
    ) -> None:
        told = json.loads((await run_cell(running, ENGINES, self.KERNEL)).splitlines()[-1])
        node, prefix, token = told["own"]
        assert token
        assert len({node, *(one["node"] for one in told["engines"])}) == 3
        assert [one["prefix"] for one in told["engines"]] == [prefix, prefix]
        assert prefix == generation(centre)
        # Nobody but Anna can connect, and nothing of her notebook's goes along.
        assert (told["modes"], told["folder"]) == ([0o600], 0o700)
        log = as_anna(centre, f"stat -c %a {told['log']}; cat {told['log']}")
        assert log.startswith("600\n")
        assert "Using CurveZMQ security" in log
        assert all(len(secret) >= 40 for secret in told["secrets"])
        for secret in (token, *told["secrets"]):
            assert secret not in str(told["engines"]) + told["shown"] + log
        until_no_jobs(centre)

    async def test_what_slurm_refuses_is_said_in_its_words(self, running: Person) -> None:
        said = await run_cell(running, REFUSED, self.KERNEL)
        assert "Slurm did not take the engines' job: sbatch: error: Batch job submission failed" in said
        assert "Invalid account" in said

    async def test_a_kernel_that_ends_takes_waiting_engines_along(
        self, running: Person, centre: RunningCentre
    ) -> None:
        said = await run_cell(running, WAITING, self.KERNEL)
        assert "waits (BeginTime)" in said
        assert "2 engines not ready in 10 seconds" in said
        # The kernel that ran the cell was shut down with it, as by Restart.
        until_no_jobs(centre)


class TestForm:
    def test_own_environment_is_chosen_first_and_the_others_are_offered(
        self, beside: str, anna: Person
    ) -> None:
        page = anna.get("hub/spawn", headers={"Referer": f"{anna.url}services/environments/"}).text
        assert '<option value="own:notebook" selected>notebook (Python 3.11.2)</option>' in page
        assert '<option value="own:work">work (Python 3.11.2)</option>' in page
        assert '<option value="site">the site&#39;s own</option>' in page
        assert "Bootstrap" not in page

    def test_nobody_without_an_environment_is_left_alone(self, empty: RunningCentre, login: Login) -> None:
        person = login("a1113a02")
        empty.run(["rm", "-rf", "/scratch/a1113a02/.conda"], "a1113a02")
        page = person.get("hub/spawn", headers={"Referer": f"{person.url}services/environments/"}).text
        assert "You have no environment of your own yet" in page
        assert 'id="bootstrap" href="/services/environments/"' in page
        assert '<option value="site" selected>' in page

    def test_nobody_has_to_choose(self, notebook: None, empty: RunningCentre, anna: Person) -> None:
        assert anna.start(queue="jupyter", hours=1).status_code in (201, 202)
        anna.until("ready")
        assert f"{generation(empty)}/bin/python" in " ".join(empty.processes_of(ANNA).values())
        anna.stop()


class TestRefused:
    def test_environment_that_is_gone_since_the_form_was_shown(
        self, beside: str, empty: RunningCentre, anna: Person
    ) -> None:
        anna.get("hub/spawn")
        as_anna(empty, "rm envs/work")
        page = anna.submit(queue="jupyter", hours="1", environment="own:work")
        assert page.status_code == 400
        assert "There is no environment “work” any more." in anna.alert(page)
        assert anna.state() == "stopped"

    def test_environment_without_a_server(self, beside: str, empty: RunningCentre, anna: Person) -> None:
        as_anna(empty, "rm generations/work-00000001/bin/jupyterhub-singleuser")
        page = anna.submit(queue="jupyter", hours="1", environment="own:work")
        assert "No notebook server can be started from the environment “work”" in anna.alert(page)

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ("rm envs/work", "it is not there"),
            (
                "rm -r envs/work/lib/python3.11/site-packages/jupyter_server",
                "there is no notebook server in it",
            ),
            # As pip does, one `pip install --upgrade` too many.
            (
                "rm -r envs/work/lib/python3.11/site-packages/tornado",
                "the notebook server of this environment is",
            ),
        ],
    )
    def test_environment_that_breaks_while_the_job_waits_is_told_in_words(
        self, beside: str, empty: RunningCentre, anna: Person, busy: str, broken: str, why: str
    ) -> None:
        anna.submit(queue="jupyter", hours="1", environment="own:work")
        job = anna.job_id()
        empty.wait_for_job(job, "PENDING")
        as_anna(empty, broken)
        empty.run(["scancel", busy])
        anna.until("stopped")
        page = anna.get("hub/spawn-pending/a1113a01").text
        assert "no notebook server could be started from the environment “work”: it is gone" in page, page
        assert why in log(empty, ANNA, job)

    @pytest.mark.parametrize("wrong", ["own:../x", "shared:none", "image:none", "elsewhere", "own:a\nb"])
    def test_what_nobody_offers_is_refused_by_rest(self, anna: Person, wrong: str) -> None:
        answer = anna.start(queue="jupyter", hours=1, environment=wrong)
        assert answer.status_code == 400
        assert anna.state() == "stopped"


def test_server_that_waited_over_a_reset_has_the_new_state(
    beside: str, empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1", environment="own:work")
    job = anna.job_id()
    empty.wait_for_job(job, "PENDING")
    new = "generations/work-00000002"
    copy(empty, new)
    as_anna(empty, f"ln -s ../{new} envs/.next; mv -T envs/.next envs/work")
    try:
        empty.run(["scancel", busy])
        anna.until("ready")
        assert f"{ROOT}/{new}/bin/python" in " ".join(empty.processes_of(ANNA).values())
    finally:
        leave_no_server(anna)


def test_form_comes_while_the_folder_of_environments_does_not_answer(
    notebook: None, empty: RunningCentre, anna: Person
) -> None:
    helper = empty.instance.sbin / "hpchub-as-user.json"
    settings = json.loads(helper.read_text())
    before = helper.read_text()
    helper.write_text(json.dumps({**settings, "environments": ["/bin/sleep", "60"]}))
    try:
        began = time.monotonic()
        page = anna.get("hub/spawn", headers={"Referer": f"{anna.url}services/environments/"}).text
        assert time.monotonic() - began < 30  # a page that waits for the sleep takes 60
        assert "Your own environments could not be looked up just now." in page
        assert re.search(r'<option value=""( selected)?>your usual one</option>', page)
    finally:
        helper.write_text(before)
