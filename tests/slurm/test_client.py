import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from slurm.client import SlurmClient
from slurm.errors import SlurmNotUnderstood, SlurmRefused, SlurmUnavailable

DATA = Path(__file__).parent / "data"
Install = Callable[[str, str], str]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put a program in place of one of Slurm's: it notes its arguments and runs a line of shell."""

    def put(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.calls\n{script}\n')
        path.chmod(0o755)
        return str(path)

    return put


async def test_all_jobs_come_with_one_question(install: Install, tmp_path: Path) -> None:
    # As squeue does: it takes the format, and with it the mark, from its environment.
    script = f'mark="${{SQUEUE_FORMAT2##*:0}}"; sed "s/=ab12=/$mark/g" {DATA}/squeue.txt'
    client = SlurmClient(squeue_command=install("squeue", script))
    jobs = await client.jobs()
    assert (len(jobs), jobs["67"].nodes, jobs["70"].state) == (16, ("gpu03", "gpu04"), "SUSPENDED")
    assert (tmp_path / "squeue.calls").read_text() == "-a -t all\n"
    assert client.queries == {"squeue": 1}


async def test_the_mark_is_another_one_each_time_and_not_among_the_arguments(
    install: Install, tmp_path: Path
) -> None:
    script = (
        f'echo "$SQUEUE_FORMAT2" >> {tmp_path}/formats; mark="${{SQUEUE_FORMAT2##*:0}}"; '
        f'sed "s/=ab12=/$mark/g;1q" {DATA}/squeue.txt'
    )
    client = SlurmClient(squeue_command=install("squeue", script))
    assert await client.jobs() == await client.jobs() == {}
    marks = {line.rpartition(":0")[2] for line in (tmp_path / "formats").read_text().splitlines()}
    # The width stands before it: squeue would take digits for a part of that.
    assert [mark[0] + mark[-1] for mark in marks] == ["==", "=="]
    assert not any(mark in (tmp_path / "squeue.calls").read_text() for mark in marks)


async def test_nodes_and_partitions_come_by_name(install: Install) -> None:
    command = install(
        "scontrol", f'case "$*" in *node) cat {DATA}/nodes.txt;; *) cat {DATA}/partitions.txt;; esac'
    )
    client = SlurmClient(scontrol_command=command)
    assert (await client.nodes())["gpu07"].gpus == {"a100": 4}
    assert (await client.partitions())["bigmem"].allow_accounts == {"proj02"}


async def test_associations_are_those_of_this_cluster_and_its_name_is_asked_once(
    install: Install, tmp_path: Path
) -> None:
    client = SlurmClient(
        scontrol_command=install("scontrol", "echo 'ClusterName = neuron'"),
        sacctmgr_command=install("sacctmgr", f"cat {DATA}/associations.txt"),
    )
    await client.associations()
    assert len(await client.associations()) == 7
    assert client.queries == {"scontrol": 1, "sacctmgr": 2}
    assert "cluster=neuron" in (tmp_path / "sacctmgr.calls").read_text()


async def test_a_refusal_and_an_outage_are_told_apart(install: Install) -> None:
    refuse = "echo 'sacct: error: Invalid user id: x' >&2; exit 1"
    silent = "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1"
    client = SlurmClient(sacct_command=install("sacct", refuse), squeue_command=install("squeue", silent))
    with pytest.raises(SlurmRefused, match="Invalid user id"):
        await client.ended_job("1")
    with pytest.raises(SlurmUnavailable, match="connect failure"):
        await client.jobs()


async def test_an_answer_in_another_format_is_not_no_jobs(install: Install) -> None:
    client = SlurmClient(squeue_command=install("squeue", "echo 'JOBID PARTITION NAME'"))
    with pytest.raises(SlurmNotUnderstood, match="JOBID"):
        await client.jobs()


async def test_a_hanging_command_ends_with_its_time(install: Install) -> None:
    client = SlurmClient(scontrol_command=install("scontrol", "sleep 60"), timeout=0.3)
    with pytest.raises(SlurmUnavailable, match=r"within 0\.3 s"):
        await client.nodes()


async def test_a_missing_command_names_its_setting() -> None:
    with pytest.raises(SlurmUnavailable, match=r"set SlurmClient\.scontrol_command to"):
        await SlurmClient(scontrol_command="/nowhere/scontrol").nodes()


async def test_settings_of_the_site_reach_the_commands(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", "/wrong")
    command = install("sacct", 'test "$SLURM_CONF" = /right')
    assert (
        await SlurmClient(sacct_command=command, environment={"SLURM_CONF": "/right"}).ended_job("1") is None
    )


async def test_a_strange_line_is_told_once_and_not_at_every_look(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    command = install("scontrol", "echo NodeName=n1 State=IDLE; echo strange")
    client = SlurmClient(scontrol_command=command, log=logging.getLogger("hpchub"))
    for _ in range(3):
        assert list(await client.nodes()) == ["n1"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'strange'" in caplog.text
