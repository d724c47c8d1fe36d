from datetime import UTC, datetime
from pathlib import Path

import pytest

from slurm.errors import SlurmNotUnderstood
from slurm.parse import (
    parse_associations,
    parse_cluster_name,
    parse_ended_job,
)
from slurm.records import Association

DATA = Path(__file__).parent / "data"

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
