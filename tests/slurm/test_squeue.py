from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm.errors import SlurmNotUnderstood
from slurm.records import Job
from slurm.squeue import JobReader, job_format, parse_jobs
from slurm.states import JobPhase, phase

DATA = Path(__file__).parent / "data"
MARK = "=ab12="
"""What stood between the fields when data/squeue.txt was taken from a Slurm 22.05.8 with twelve nodes."""


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    found, strange = parse_jobs((DATA / "squeue.txt").read_text(), MARK)
    assert strange == []
    return dict(found)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_real_answer_is_read_whole(jobs: dict[str, Job]) -> None:
    ids = "76 72 73 67 75 69_[2-3%1] 77 78 80 81 82 74 68 69_1 71 70"
    assert list(jobs) == ids.split()
    assert jobs["72"] == Job(
        id="72",
        name="course",
        user="a1113a01",
        account="proj01",
        partition="amd_a100_4",
        state="RUNNING",
        nodes=("gpu06",),
        node_count=1,
        submitted=_at(1795277572),
        started=_at(1795277572),
        ends=_at(1795281172),
        time_limit=timedelta(hours=1),
        priority=4294901716,
        qos="normal",
        gres="gres:gpu:2",
        batch_host="gpu06",
        cpus=64,
        memory_mb=512000,
        gpus=4,
        gpu_types={"a100": 4},
        reservation="course",
    )
    assert jobs["67"].nodes == ("gpu03", "gpu04")


def test_a_waiting_job_shows_slurms_reason_and_expected_start(jobs: dict[str, Job]) -> None:
    assert jobs["76"].reason == "ReqNodeNotAvail, UnavailableNodes:gpu11"
    assert (jobs["73"].started, jobs["73"].nodes) == (_at(1795281172), ())
    assert jobs["74"].started is None


def test_a_waiting_job_says_what_it_asks_for(jobs: dict[str, Job]) -> None:
    sizes = {key: (job.cpus, job.memory_mb, job.gpus, dict(job.gpu_types)) for key, job in jobs.items()}
    assert sizes["74"] == (1, 16000, 3, {})  # --gpus=3
    assert sizes["75"] == (3, 4500, 3, {"v100": 3})  # --gpus-per-task=v100:1 --ntasks=3
    assert sizes["67"] == (40, 768000, 4, {"v100": 4})  # asked for two nodes, and has them whole
    assert sizes["70"] == (1, 16000, 0, {})  # a shard is no GPU


def test_a_job_name_that_looks_like_a_row_ends_nobodys_server(jobs: dict[str, Job]) -> None:
    """Job 68 of another user is called ``evil|name``, and the next line says that job 1 was cancelled."""
    assert jobs["68"].name == "evil|name\n1|CANCELLED|jupyter|x"
    assert jobs["68"].comment == "com|ment\nx"
    assert "1" not in jobs


HEADER = (
    "JOBID|STATE|PARTITION|USER|ACCOUNT|QOS|SUBMIT_TIME|START_TIME|END_TIME|TIME_LIMIT|PRIORITY|NODES"
    "|EXEC_HOST|NODELIST|CPUS|RESERVATION|TRES_PER_JOB|TRES_PER_NODE|TRES_ALLOC"
    f"{MARK}REASON{MARK}COMMENT{MARK}NAME{MARK}\n"
)
NAMES = (
    "id state partition user account qos submitted started ends limit priority count host nodes cpus "
    "reservation per_job per_node tres"
)


def _row(**changed: str) -> str:
    usual = "7|RUNNING|jupyter|u|a|q|1795255175|N/A|N/A|30:00|5|1|n/a||2|(null)|N/A|N/A|N/A"
    fields = dict(zip(NAMES.split(), usual.split("|"), strict=True))
    head = "|".join({**fields, **changed}.values())
    return f"{head}{MARK}None{MARK}(null){MARK}name{MARK}\n"


def _one(**changed: str) -> Job:
    found, strange = parse_jobs(HEADER + _row(**changed), MARK)
    assert strange == []
    (job,) = found.values()
    return job


def test_thirty_minutes_are_not_thirty_hours() -> None:
    assert _one().time_limit == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("tres", "per_job", "per_node", "gpus", "types"),
    [
        ("cpu=2,mem=4G,node=1,gres/gpu=2,gres/gpu:v100=2", "N/A", "gres:gpu:v100:2", 2, {"v100": 2}),
        ("cpu=2,gres/gpu=7,gres/gpu:1g.10gb=7", "N/A", "N/A", 7, {"1g.10gb": 7}),
        ("cpu=2,gres/gpu=3,gres/gpu:a100=1,gres/gpu:h200=2", "N/A", "N/A", 3, {"a100": 1, "h200": 2}),
        ("cpu=2,gres/gpu:a100=1", "N/A", "N/A", 1, {"a100": 1}),
        ("cpu=2,gres/gpu=4", "N/A", "gres:gpu:2", 4, {}),
        ("cpu=2,gres/shard=1", "N/A", "gres:shard:1", 0, {}),
        # GPUs that the accounting does not count (AccountingStorageTRES without gres/gpu)
        ("cpu=2,mem=4G,node=3", "N/A", "gres:gpu:v100:2", 6, {"v100": 6}),
        ("cpu=2,mem=4G,node=3", "N/A", "gres/gpu:2", 6, {}),
        ("cpu=2,mem=4G,node=3", "N/A", "gres/gpu:v100=2", 6, {"v100": 6}),
        ("cpu=2,mem=4G,node=3", "gres:gpu:4", "N/A", 4, {}),
        ("N/A", "(null)", "(null)", 0, {}),
    ],
)
def test_gpus_of_a_job_are_counted_by_type(
    tres: str, per_job: str, per_node: str, gpus: int, types: dict[str, int]
) -> None:
    job = _one(tres=tres, per_job=per_job, per_node=per_node, count="3")
    assert (job.gpus, dict(job.gpu_types)) == (gpus, types)


@pytest.mark.parametrize(
    ("memory", "megabytes"), [("16000M", 16000), ("500G", 512000), ("1.50T", 1572864), ("4096K", 4), ("", 0)]
)
def test_memory_is_in_megabytes(memory: str, megabytes: int) -> None:
    assert _one(tres=f"cpu=1,mem={memory},node=1").memory_mb == megabytes


def test_where_slurm_says_no_tres_the_processors_stand_elsewhere() -> None:
    assert (_one().cpus, _one(tres="cpu=5").cpus) == (2, 5)


@pytest.mark.parametrize(
    "changed", [{"id": ""}, {"id": "x"}, {"state": ""}, {"limit": "soon"}, {"nodes": "g[1-"}, {"id": "1|2"}]
)
def test_one_strange_row_hides_only_itself(changed: dict[str, str]) -> None:
    found, strange = parse_jobs(HEADER + _row(id="1") + _row(**changed) + _row(id="3"), MARK)
    assert list(found) == ["1", "3"]
    assert len(strange) == 1
    with pytest.raises(SlurmNotUnderstood):
        parse_jobs(HEADER + _row(**changed), MARK)


@pytest.mark.parametrize("job_id", ["17", "17_4", "17_[5-9,11%3]", "17+1"])
def test_arrays_and_heterogeneous_jobs_of_others_are_jobs(job_id: str) -> None:
    assert _one(id=job_id).id == job_id


def test_a_state_that_nobody_knows_is_read_and_ends_nothing() -> None:
    assert phase(_one(state="DREAMING").state) is JobPhase.UNKNOWN


def test_no_jobs_is_an_answer_when_the_header_is_there() -> None:
    assert parse_jobs(HEADER, MARK) == ({}, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "JOBID PARTITION NAME\n",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
        "\x00\x01\ufffd\ufffd" * 1000,
        "x" * 10_000_000,
        HEADER[:-1],  # cut everywhere where it can be cut
        HEADER[:-3],
        HEADER[:40],
        HEADER + _row()[:1],
        HEADER + _row()[:9],
        HEADER + _row()[:-1],
        HEADER + _row()[:-5],
        HEADER + _row() + _row()[:-2] + "\n",
        HEADER + _row() + "8|RUN\n",
        _row(),  # the beginning is lost
        _row() + _row(id="8"),
        HEADER.replace("|STATE|", "|ST|") + _row(),
        MARK * 9,
        MARK * 8 + "\n",
    ],
)
def test_what_is_no_whole_answer_proves_nothing(text: str) -> None:
    with pytest.raises(SlurmNotUnderstood) as caught:
        parse_jobs(text, MARK)
    assert len(str(caught.value)) < 300


def test_every_cut_of_a_real_answer_is_noticed_or_falls_between_two_rows() -> None:
    text = (DATA / "squeue.txt").read_text()
    kept = set()
    for end in range(len(text)):
        try:
            kept.add(len(parse_jobs(text[:end], MARK)[0]))
        except SlurmNotUnderstood:
            continue
        assert text[:end].endswith(f"{MARK}\n")
    assert kept == set(range(16))


@pytest.mark.parametrize(
    "text",
    [
        "squeue: warning: something is old\n" + HEADER + _row(),
        "two\nlines\n" + HEADER + "a word in between\n" + _row(),
        HEADER + _row() + "Slurm's library says goodbye\n",
    ],
)
def test_words_around_the_rows_are_passed_over(text: str) -> None:
    found, strange = parse_jobs(text, MARK)
    assert (list(found), strange) == (["7"], [])


@given(st.text(), st.text(alphabet="|=ab\n%ij 1"))
def test_no_name_and_no_comment_can_break_out_of_its_row(name: str, comment: str) -> None:
    mark = "=f00dfacef00dface="
    row = _row(id="1").replace(MARK, mark).replace(f"{mark}(null)", mark + comment).replace("name", name)
    text = HEADER.replace(MARK, mark) + row + _row(id="2").replace(MARK, mark)
    found, strange = parse_jobs(text, mark)
    assert (list(found), strange) == (["1", "2"], [])


def test_the_format_asks_for_what_the_parser_reads() -> None:
    words = job_format(MARK).split(",")
    assert len(words) == HEADER.count("|") + 1 + 3
    assert words[0] == "JobArrayID:0|"
    assert words[-4:] == [f"{name}:0{MARK}" for name in ("tres-alloc", "Reason", "Comment", "Name")]


def test_a_row_that_did_not_change_is_not_read_again() -> None:
    reader = JobReader()
    first, _ = reader.read(HEADER + _row(id="1") + _row(id="2"), MARK)
    other = "=cd34="
    text = (HEADER + _row(id="1") + _row(id="2", state="COMPLETED") + _row(id="3")).replace(MARK, other)
    second, _ = reader.read(text, other)
    assert second["1"] is first["1"]
    assert [job.state for job in second.values()] == ["RUNNING", "COMPLETED", "RUNNING"]
    with pytest.raises(SlurmNotUnderstood):
        reader.read("", MARK)
    assert reader.read(text, other)[0]["1"] is first["1"]


def test_pending_jobs_are_counted_by_partition_and_usage_by_whose_it_is() -> None:
    found, _ = parse_jobs((DATA / "squeue.txt").read_text(), MARK)
    assert found.waiting == {"amd_a100_4": 1, "cas_v100_2": 2, "jupyter": 8}
    mine = found.tallies["a1113a01", "proj01", "normal", "jupyter"]
    assert (mine.running, mine.submitted, mine.gpus[""]) == (4, 10, 1)
    assert found.states == {"PENDING", "RUNNING", "SUSPENDED"}


def test_who_waits_stands_in_line_and_who_holds_a_node_is_found_by_it() -> None:
    found, _ = parse_jobs((DATA / "squeue.txt").read_text(), MARK)
    # In order of priority; those that wait for a time, a turn of their array or a release are in no line.
    assert {name: [place[2] for place in line] for name, line in found.lines.items()} == {
        "amd_a100_4": ["76"],
        "cas_v100_2": ["73"],
        "jupyter": ["77", "78", "80", "81", "82"],
    }
    assert {name: [job.id for job in jobs] for name, jobs in found.on_nodes.items()} == {
        "gpu06": ["72"],
        "gpu03": ["67"],
        "gpu04": ["67"],
        "gpu02": ["68", "69_1"],
        "gpu01": ["71", "70"],
    }
