"""What a user may have at once, from sacctmgr's tables (Slurm 22.05.8) and the jobs of one look."""

from datetime import timedelta

import pytest

from slurm.errors import SlurmNotUnderstood
from slurm.jobs import Jobs
from slurm.limits import Limit, Rules, limits_of, longest, refusal
from slurm.records import Job, Partition
from slurm.rules import limits_are_enforced, parse_assoc_rules, parse_qos_rules

ASSOC = """\
root|||||normal|||||||
root|root||||normal|||||||
proj01|||root||normal|7||20|50|gres/gpu:v100=2|cpu=100,gres/gpu=8|1-00:00:00
proj01|anna||||normal|7|3|||gres/gpu:v100=2||1-00:00:00
proj01|bert||||normal|7||||gres/gpu:v100=2||1-00:00:00
sub1|||proj01||normal|7||||gres/gpu:v100=2||1-00:00:00
sub1|anna|jupyter||short|normal|2||||gres/gpu:v100=2||1-00:00:00
proj02|||root||normal|||||||
proj02|carl||||normal|||||||
""".replace("|normal|", "|")
QOS = """\
normal||||||||||||
short|DenyOnLimit|2|4|gres/gpu=4|10|||30|60|gres/gpu=16|gres/gpu:a100=1,gres/gpu=2|04:00:00
over|OverPartQOS|5|||||||||gres/gpu=6|
room|||||6|9||||gres/gpu=4||
"""


def _rules(assoc: str = ASSOC, qos: str = QOS) -> Rules:
    associations, strange = parse_assoc_rules(assoc)
    assert strange == []
    table, strange = parse_qos_rules(qos)
    assert strange == []
    return Rules(tuple(associations), {one.name: one for one in table})


def _job(job_id: str, user: str, account: str, state: str = "RUNNING", **more: object) -> Job:
    job = {"name": "nb", "partition": "jupyter", "qos": "normal", "gpus": 1, **more}
    return Job(id=job_id, user=user, account=account, state=state, **job)  # type: ignore[arg-type]


JOBS = Jobs(
    [
        _job("1", "anna", "proj01", gpus=2),
        _job("2", "anna", "proj01", "PENDING"),
        _job("3", "bert", "proj01", "SUSPENDED"),
        _job("4", "bert", "sub1", "CONFIGURING", gpus=3),
        _job("5_[1-3,9%2]", "bert", "proj01", "PENDING"),
        _job("6", "anna", "proj01", "COMPLETED"),
        _job("7", "carl", "proj02", qos="short", gpus=4),
        _job("8", "anna", "proj02", qos="short", gpus=1),
    ]
)


def _limits(rules: Rules, user: str = "anna", account: str | None = "proj01", **more: object) -> list[Limit]:
    asked = {"qos": None, "partition": Partition("jupyter"), **more}
    return list(limits_of(rules, JOBS, user=user, account=account, **asked))  # type: ignore[arg-type]


def test_a_users_own_limits_and_those_of_the_project_and_all_below_it() -> None:
    assert _limits(_rules()) == [
        Limit("submitted", 2, 3, "user anna"),
        Limit("running", 1, 7, "user anna"),
        Limit("submitted", 8, 50, "account proj01", group=True),
        Limit("running", 3, 20, "account proj01", group=True),
        Limit("gpus", 6, 8, "account proj01", group=True),
    ]


def test_a_qos_hides_the_same_limits_of_the_association_and_no_others() -> None:
    assert _limits(_rules(), qos="short") == [
        Limit("submitted", 1, 4, "QOS short"),
        Limit("running", 1, 2, "QOS short"),
        Limit("gpus", 1, 4, "QOS short"),
        Limit("running", 0, 10, "QOS short", group=True),
        Limit("submitted", 2, 60, "QOS short", group=True),
        Limit("running", 2, 30, "QOS short", group=True),
        Limit("gpus", 5, 16, "QOS short", group=True),
        Limit("gpus", 0, 2, "QOS short", per_job=True),
    ]


def test_a_limit_for_an_account_hides_the_one_for_a_user_too() -> None:
    """acct_policy.c asks the association's MaxJobs only where no QoS has MaxJobsPU or MaxJobsPA."""
    found = _limits(_rules(), qos="room")
    assert [(one.kind, one.source) for one in found if not one.group] == []
    assert found[0] == Limit("submitted", 0, 9, "QOS room", group=True)


def test_the_partitions_qos_comes_first_unless_the_jobs_qos_says_otherwise() -> None:
    def running(rules: Rules) -> list[Limit]:
        found = _limits(rules, qos="over", partition=Partition("jupyter", qos="short"))
        return [one for one in found if one.kind == "running" and not one.group]

    assert running(_rules()) == [Limit("running", 0, 5, "QOS over")]
    assert running(_rules(qos=QOS.replace("over|OverPartQOS", "over|"))) == [
        Limit("running", 2, 2, "QOS short")
    ]


def test_jobs_of_all_partitions_that_share_a_qos_count() -> None:
    room, other = Partition("big", qos="short"), Partition("jupyter", qos="short")
    alone = _limits(_rules(), qos="short", partition=room)
    together = _limits(_rules(), qos="short", partition=room, partitions={"jupyter": other})
    assert (alone[1].used, together[1].used) == (1, 2)


def test_an_association_for_one_partition_comes_before_the_one_for_all() -> None:
    found = _limits(_rules(), account="sub1")
    assert Limit("running", 1, 2, "QOS short") in found  # by way of the association's own QoS
    found = _limits(_rules(), account="sub1", qos="normal")
    assert Limit("running", 0, 2, "user anna") in found


def test_a_limit_for_a_type_of_gpu_counts_only_for_that_type() -> None:
    assert _limits(_rules())[2].kind == "submitted"
    assert Limit("gpus", 0, 2, "user anna", per_job=True) in _limits(_rules(), gpu_type="v100")
    assert Limit("gpus", 0, 1, "QOS short", per_job=True) in _limits(_rules(), qos="short", gpu_type="a100")


def test_typed_gpus_in_use_are_counted_by_type() -> None:
    assoc = "proj01|||root|||||||gres/gpu:v100=4|\nproj01|anna||||||||||\n"
    jobs = [_job("1", "bert", "proj01", gpus=3, gpu_types={"v100": 3})]
    rules = _rules(assoc)
    found = limits_of(
        rules,
        {"1": jobs[0]},
        user="anna",
        account="proj01",
        qos=None,
        partition=None,
        gpu_type="v100",
    )
    assert found == (Limit("gpus", 3, 4, "account proj01", group=True),)


def test_without_an_account_or_with_an_unknown_one_nothing_is_made_up() -> None:
    assert _limits(_rules(), account=None) == []
    assert _limits(_rules(), account="nowhere") == []
    assert limits_of(Rules(), JOBS, user="anna", account="proj01", qos="x", partition=None) == ()


def test_limits_that_slurm_does_not_heed_are_not_shown() -> None:
    rules = _rules()
    off = Rules(rules.associations, rules.qos, enforced=False)
    assert _limits(off, qos="short") == []
    assert longest(off, user="anna", account="proj01", qos="short", partition=None) is None


@pytest.mark.parametrize(
    ("config", "enforced"),
    [
        ("AccountingStorageEnforce = associations,limits\n", True),
        ("AccountingStorageEnforce = associations,limits,qos,safe\n", True),
        ("AccountingStorageEnforce = associations\nx = limits\n", False),
        ("AccountingStorageEnforce = none\n", False),
        ("AccountingStorageEnforce = \nNext = limits\n", False),
        ("", True),
    ],
)
def test_whether_slurm_heeds_limits_stands_in_its_configuration(config: str, enforced: bool) -> None:
    assert limits_are_enforced(config) is enforced


def test_parents_in_a_circle_are_no_endless_walk() -> None:
    rules = _rules("a|||b|||||||gres/gpu=2|\nb|||a|||||||gres/gpu=3|\na|anna||||||||||\n")
    found = limits_of(rules, {}, user="anna", account="a", qos=None, partition=None)
    assert [one.allowed for one in found] == [2, 3]


def test_the_time_limit_is_the_first_that_stands() -> None:
    rules, day = _rules(), timedelta(days=1)
    assert longest(rules, user="anna", account="proj01", qos=None, partition=None) == day
    assert longest(rules, user="anna", account="proj01", qos="short", partition=None) == timedelta(hours=4)
    assert longest(rules, user="carl", account="proj02", qos=None, partition=None) is None


@pytest.mark.parametrize(
    ("limit", "gpus", "refused"),
    [
        (Limit("submitted", 2, 3, "user a"), 1, False),
        (Limit("submitted", 3, 3, "user a"), 0, True),
        (Limit("submitted", 50, 50, "account p", group=True), 1, True),
        (Limit("running", 2, 2, "user a"), 1, True),
        (Limit("running", 20, 20, "account p", group=True), 1, False),
        (Limit("running", 0, 0, "account p", group=True), 1, True),
        (Limit("gpus", 3, 4, "QOS q"), 1, False),
        (Limit("gpus", 3, 4, "QOS q"), 2, True),
        (Limit("gpus", 4, 4, "QOS q"), 0, False),
        (Limit("gpus", 8, 8, "account p", group=True), 4, False),
        (Limit("gpus", 0, 8, "account p", group=True), 9, True),
        (Limit("gpus", 0, 2, "QOS q", per_job=True), 2, False),
        (Limit("gpus", 0, 2, "QOS q", per_job=True), 3, True),
    ],
)
def test_what_others_use_up_is_waited_for_and_the_rest_refused(
    limit: Limit, gpus: int, refused: bool
) -> None:
    assert refusal([limit], gpus) == (limit if refused else None)


def test_an_answer_in_another_format_is_not_no_limits() -> None:
    with pytest.raises(SlurmNotUnderstood, match="welcome"):
        parse_assoc_rules("welcome to the login node\n")
    found, strange = parse_qos_rules(QOS + "strange\nbad||x||||||||||\n")
    assert (len(found), len(strange)) == (4, 2)
