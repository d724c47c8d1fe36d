"""The job of IPyParallel's engines: what it asks for, what it knows, and what no value can make of it."""

import subprocess
from pathlib import Path

import pytest

from environments.clusters.in_profile import hpchub_slurm_job as job

NASTY = "x' \"; $(touch owned) `touch owned`\n#SBATCH --uid=0"
OWN = {
    "HOME": "/home/anna",
    "USER": "anna",
    "LANG": "ko_KR.UTF-8",
    "PATH": "/evil/bin",
    "JUPYTERHUB_API_TOKEN": "canary",
    "JPY_API_TOKEN": "canary",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "SLURM_JOB_ID": "7",
    "SLURM_MEM_PER_CPU": "100",
    "SLURM_CONF": "/etc/slurm/x.conf",
    "SBATCH_ACCOUNT": "proj02",
    "CONDA_PREFIX": "/env",
    "CONDA_DEFAULT_ENV": "notebook",
    "PYTHONNOUSERSITE": "1",
}


def asked(**about: object) -> job.Asked:
    return job.Asked(**{"n": 4, "name": "ipengine-1", "log": "/log/%j.log", **about})  # type: ignore[arg-type]


def test_engines_ask_for_a_task_each() -> None:
    said = job.arguments(asked(queue="gpu", timelimit="30", per_node=2, cpus=3, options=("--gres=gpu:2", "")))
    assert said == [
        "--parsable",
        "--job-name=ipengine-1",
        "--output=/log/%j.log",
        "--ntasks=4",
        "--cpus-per-task=3",
        "--partition=gpu",
        "--time=30",
        "--ntasks-per-node=2",
        "--gres=gpu:2",
        "--export=ALL",
    ]


def test_fewer_engines_than_fit_a_node_ask_for_no_more() -> None:
    assert "--ntasks-per-node=1" in job.arguments(asked(n=1, per_node=4))


@pytest.mark.parametrize("n", [0, -1])
def test_no_engines_are_refused_in_words(n: int) -> None:
    with pytest.raises(ValueError, match="ask for one or more"):
        job.arguments(asked(n=n))


def test_a_hostile_value_stays_one_word() -> None:
    said = job.arguments(asked(queue=NASTY, account=NASTY, name=NASTY, timelimit=NASTY, qos=NASTY))
    assert f"--partition={NASTY}" in said
    assert len([word for word in said if NASTY in word]) == 5
    assert all(word.startswith("--") for word in said)


def test_nothing_of_the_notebooks_goes_to_the_engines() -> None:
    more = {"IPP_CLUSTER_ID": "1", "IPP_CONNECTION_INFO": "canary", "OMP_NUM_THREADS": "1"}
    environment = job.environment(OWN, more, "/env", ["/opt/slurm/bin"])
    assert "canary" not in str(environment)
    assert environment == {
        "HOME": "/home/anna",
        "USER": "anna",
        "LANG": "ko_KR.UTF-8",
        "PATH": "/env/bin:/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin",
        "SLURM_CONF": "/etc/slurm/x.conf",
        "SBATCH_ACCOUNT": "proj02",
        "CONDA_PREFIX": "/env",
        "CONDA_DEFAULT_ENV": "notebook",
        "PYTHONNOUSERSITE": "1",
        "IPP_CLUSTER_ID": "1",
        "OMP_NUM_THREADS": "1",
    }


def test_condas_names_of_another_environment_are_left_out() -> None:
    assert "CONDA_PREFIX" not in job.environment(OWN, {}, "/other")


def test_the_script_runs_hooks_and_an_engine_whatever_the_names(tmp_path: Path) -> None:
    prefix = tmp_path / NASTY.replace("/", "")
    hooks = prefix / "etc" / "conda" / "activate.d"
    hooks.mkdir(parents=True)
    (hooks / "a.sh").write_text("export FROM_HOOK=yes\n")
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin" / "srun"
    srun.write_text('#!/bin/sh\numask > said; echo "$FROM_HOOK" >> said; printf "%s\\n" "$@" >> said\n')
    srun.chmod(0o755)
    text = job.script(str(prefix), ["python", "-m", "it's; touch owned"], 2, 0o027)
    done = subprocess.run(
        ["/bin/bash"],
        input=text,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stderr == ""
    told = ["0027", "yes", "--mpi=none", "--cpus-per-task=2", "python", "-m", "it's; touch owned"]
    assert (tmp_path / "said").read_text().splitlines() == told
    assert not (tmp_path / "owned").exists()


def test_a_script_without_hooks_runs(tmp_path: Path) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\necho $#\n")
    (tmp_path / "srun").chmod(0o755)
    text = job.script(str(tmp_path / "none"), ["python"], 1, 0o022)
    done = subprocess.run(
        ["/bin/bash", "-eu"],
        input=text,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


@pytest.mark.parametrize(
    ("said", "words", "ended"),
    [
        ("PENDING|Resources|", "The engines' job 7 waits (Resources).", False),
        ("PENDING|None|", "The engines' job 7 waits (Slurm has not looked at it yet).", False),
        ("RUNNING|None|gpu[06-07]\n", "The engines' job 7 runs on gpu[06-07].", False),
        ("CANCELLED|None|gpu06", "The engines' job 7 was cancelled.", True),
        ("TIMEOUT|TimeLimit|gpu06", "The engines' job 7 has reached its time limit.", True),
        ("COMPLETING|None|gpu06", "The engines' job 7 is over.", False),
        ("OUT_OF_MEMORY|None|", "The engines' job 7 is OUT_OF_MEMORY.", True),
        ("NODE_FAIL|None|", "The engines' job 7 is NODE_FAIL.", True),
        ("PREEMPTED|None|", "The engines' job 7 is PREEMPTED.", True),
        ("SUSPENDED|None|gpu06", "The engines' job 7 is SUSPENDED.", False),
        ("FORGOTTEN||", "The engines' job 7 is over.", True),
    ],
)
def test_what_a_job_does_is_said(said: str, words: str, ended: bool) -> None:
    about = job.seen(said)
    assert about
    assert (job.words("7", about), about.ended) == (words, ended)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("12\n", "12"),
        ("12;cluster\n", "12"),
        ("Dear user\n12\n", "12"),
        ("2026\n12\n", "12"),
        ("you have 12 jobs\n", ""),
        ("", ""),
    ],
)
def test_the_jobs_number_is_found_whatever_a_site_says_besides(said: str, number: str) -> None:
    assert job.number(said) == number


def test_an_empty_answer_says_nothing() -> None:
    assert job.seen("\n") is None


def test_the_controller_listens_on_the_nodes_own_address() -> None:
    assert job.listening({"SLURMD_NODENAME": "127.0.0.9"}) == ("127.0.0.9", "127.0.0.9")


@pytest.mark.parametrize("name", ["localhost", "no-such-node.invalid", "192.0.2.1"])
def test_a_name_that_says_no_address_of_the_node_leaves_all_of_them(name: str) -> None:
    assert job.listening({"SLURMD_NODENAME": name}) == ("0.0.0.0", name)
