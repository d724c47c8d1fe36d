from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm.errors import SlurmNotUnderstood
from slurm.parse import (
    job_format,
    parse_associations,
    parse_cluster_name,
    parse_ended_job,
    parse_jobs,
)
from slurm.records import Association, Job

DATA = Path(__file__).parent / "data"
MARK = "=ab12="
"""What stood between the fields when data/squeue.txt was taken from a Slurm 22.05.8 with twelve nodes."""


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    found, strange = parse_jobs((DATA / "squeue.txt").read_text(), MARK)
    assert strange == []
    return {job.id: job for job in found}


def test_a_real_answer_is_read_whole(jobs: dict[str, Job]) -> None:
    assert list(jobs) == ["13", "14", "8", "12", "9", "4", "16", "10", "17_[2-3%1]", "5", "15", "17_1", "1"]
    assert jobs["16"] == Job(
        id="16",
        name="two nodes",
        user="a1113a01",
        account="proj01",
        partition="cas_v100_2",
        state="RUNNING",
        nodes=("gpu03", "gpu04"),
        node_count=2,
        submitted=datetime(2026, 11, 21, 9, 59, 35, tzinfo=UTC),
        started=datetime(2026, 11, 21, 9, 59, 35, tzinfo=UTC),
        ends=datetime(2026, 11, 21, 10, 59, 35, tzinfo=UTC),
        time_limit=timedelta(hours=1),
        priority=4294901745,
        qos="normal",
        batch_host="gpu03",
    )


def test_a_waiting_job_shows_slurms_reason_and_expected_start(jobs: dict[str, Job]) -> None:
    assert jobs["13"].reason == "ReqNodeNotAvail, May be reserved for other job"
    assert jobs["13"].started == datetime(2026, 11, 21, 10, 58, 56, tzinfo=UTC)
    assert jobs["13"].nodes == ()
    assert jobs["4"].started is None
    assert jobs["10"].time_limit is None


def test_a_job_name_that_looks_like_a_row_ends_nobodys_server(jobs: dict[str, Job]) -> None:
    """Job 15 of another user is called ``evil|name``, and the next line says that job 1 was cancelled."""
    assert jobs["15"].name == "evil|name\n1|CANCELLED|jupyter|x"
    assert jobs["15"].comment == "com|ment\nx"
    assert jobs["1"].state == "SUSPENDED"


def _row(**changed: str) -> str:
    names = "id state partition user account qos submitted started ends limit priority count host nodes gres"
    usual = "7|RUNNING|jupyter|u|a|q|1795255175|N/A|N/A|30:00|5|1|n/a||N/A"
    fields = dict(zip(names.split(), usual.split("|"), strict=True))
    head = "|".join({**fields, **changed}.values())
    return f"{MARK}{head}{MARK}None{MARK}(null){MARK}name\n"


def test_thirty_minutes_are_not_thirty_hours() -> None:
    (job,), _ = parse_jobs(_row(), MARK)
    assert job.time_limit == timedelta(minutes=30)


@pytest.mark.parametrize(
    "changed", [{"id": ""}, {"id": "x"}, {"state": ""}, {"limit": "soon"}, {"nodes": "g[1-"}]
)
def test_one_strange_row_hides_only_itself(changed: dict[str, str]) -> None:
    found, strange = parse_jobs(_row(id="1") + _row(**changed) + _row(id="3"), MARK)
    assert [job.id for job in found] == ["1", "3"]
    assert len(strange) == 1
    with pytest.raises(SlurmNotUnderstood):
        parse_jobs(_row(**changed), MARK)


@pytest.mark.parametrize("job_id", ["17", "17_4", "17_[5-9,11%3]", "17+1"])
def test_arrays_and_heterogeneous_jobs_of_others_are_jobs(job_id: str) -> None:
    (job,), _ = parse_jobs(_row(id=job_id), MARK)
    assert job.id == job_id


def test_no_jobs_is_an_answer_and_an_unknown_format_is_none() -> None:
    assert parse_jobs("", MARK) == ([], [])
    with pytest.raises(SlurmNotUnderstood, match="JOBID"):
        parse_jobs("JOBID PARTITION NAME\n", MARK)


@given(st.text(), st.text(alphabet="|=ab\n%ij 1"))
def test_no_name_and_no_comment_can_break_out_of_its_row(name: str, comment: str) -> None:
    mark = "=f00dfacef00dface="
    row = _row(id="1").replace(MARK, mark).replace("(null)", comment).replace("name", name)
    found, strange = parse_jobs(row + _row(id="2").replace(MARK, mark), mark)
    assert ([job.id for job in found], strange) == (["1", "2"], [])


def test_the_format_asks_for_what_the_parser_reads() -> None:
    assert job_format("=").count("|") == _row().count("|")


ENDED = (
    "2|CANCELLED by 10001|jupyter|a1113a01|proj01|normal|1795254835|1795254836|1795255141|01:00:00"
    "|4294901758|1|gpu01|0:0|evil|name\n1|CANCELLED|jupyter|x\n"
)


def test_the_accounting_database_tells_how_a_job_ended() -> None:
    job = parse_ended_job(ENDED, "2")
    assert job is not None
    assert (job.state, job.exit_code, job.name, job.nodes) == ("CANCELLED", "0:0", "evil|name", ("gpu01",))
    assert job.ends == datetime(2026, 11, 21, 9, 59, 1, tzinfo=UTC)


def test_a_job_that_never_started_has_no_start() -> None:
    line = "6|CANCELLED by 1|jupyter|u|p|q|1795254836|None|1795255142|01:00:00|1|1|None assigned|0:0|later\n"
    job = parse_ended_job(line, "6")
    assert job is not None
    assert (job.started, job.nodes) == (None, ())


def test_a_job_without_a_record_is_none_and_a_broken_record_is_an_error() -> None:
    assert parse_ended_job("", "6") is None
    assert parse_ended_job(ENDED, "3") is None
    with pytest.raises(SlurmNotUnderstood, match="sacct"):
        parse_ended_job("6|RUNNING|\n", "6")


def test_the_user_of_two_projects_has_both_and_one_is_the_default() -> None:
    found, strange = parse_associations((DATA / "associations.txt").read_text())
    assert strange == []
    assert [a for a in found if a.user == "a1113a02"] == [
        Association("a1113a02", "proj02", None, ("normal",), default=False),
        Association("a1113a02", "proj01", None, ("normal",), default=True),
    ]


def test_an_association_may_hold_in_one_partition_only() -> None:
    found, _ = parse_associations("u|p1|p1|bigmem|normal,high\n")
    assert found == [Association("u", "p1", "bigmem", ("normal", "high"), default=True)]


def test_the_clusters_name_is_found_or_missed_aloud() -> None:
    assert parse_cluster_name("AuthType    = auth/munge\nClusterName             = hpchub\n") == "hpchub"
    with pytest.raises(SlurmNotUnderstood, match="ClusterName"):
        parse_cluster_name("nothing of the kind")
