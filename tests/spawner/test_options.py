"""What a user may ask for, and what each refusal says."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.policy import parse_policy
from slurm.records import Association, Partition, Reservation
from spawner.options import Options, OptionsError, Standing, from_form, parse, resolve

POLICY = parse_policy(
    """
    [[queues]]
    name = "jupyter"
    kind = "shared"
    slots_per_node = 10
    cpus = 2
    gres = "shard:1"
    max_hours = 24
    default_hours = 8

    [[queues]]
    name = "cas_v100_2"
    kind = "exclusive"
    gpus_per_node = 2
    price = "1000"
    max_hours = 48

    [[queues]]
    name = "pick"
    kind = "exclusive"
    gpus_per_node = 4
    gpu_choices = [2, 4]
    price = "2000"
    max_hours = 48

    [[queues]]
    name = "staff"
    kind = "exclusive"
    price = "1"
    max_hours = 4
    allowed_groups = ["hpcadmins"]

    [[queues]]
    name = "mixed"
    kind = "gpus"
    max_hours = 24
    cpus = 2
    cpus_per_gpu = 8
    memory_mb_per_gpu = 64000
    gpu_choices = [1, 2, 4, 0]
    reservations = true
    qos = ["normal", "long"]

    [[queues.gpu_types]]
    name = "a100"
    per_node = 4

    [[queues.gpu_types]]
    name = "1g.10gb"
    per_node = 7
    choices = [1]
    cpus_per_gpu = 1
    memory_mb_per_gpu = 10000

    [[queues.features]]
    name = "milan"

    [[queues.features]]
    name = "skylake"

    [[queues]]
    name = "whole"
    kind = "exclusive"
    partition = "pick"
    max_hours = 24
    feature_required = true
    ask_memory = false

    [[queues.gpu_types]]
    name = "v100"
    per_node = 2

    [[queues.features]]
    name = "ib"

    [[queues]]
    name = "course"
    kind = "gpus"
    partition = "mixed"
    max_hours = 2
    cpus = 1
    reservations = "required"
    """
)
PARTITIONS = {
    "jupyter": Partition("jupyter", max_time=timedelta(hours=24)),
    "cas_v100_2": Partition("cas_v100_2", max_time=timedelta(hours=12), allow_accounts=frozenset({"proj02"})),
    "pick": Partition("pick"),
    "staff": Partition("staff"),
    "mixed": Partition("mixed", nodes=("gpu05", "mig01")),
}
RESERVATIONS = {
    one.name: one
    for one in (
        Reservation("class1", nodes=("mig01",), users=frozenset({"a1113a02"})),
        Reservation("now", active=True, nodes=("gpu05",), accounts=frozenset({"proj02"})),
        Reservation("elsewhere", active=True, nodes=("gpu99",), users=frozenset({"a1113a02"})),
        Reservation("theirs", active=True, nodes=("mig01",), users=frozenset({"a1113a03"})),
    )
}
MEMBER = Standing(
    "a1113a02",
    frozenset(),
    frozenset({"proj01", "proj02"}),
    "proj01",
    (
        Association("a1113a02", "proj01", None, ("normal",), default=True),
        Association("a1113a02", "proj02", None, ("normal", "long", "urgent")),
    ),
)


def ask(standing: Standing = MEMBER, **raw: Any) -> Any:
    return resolve(parse(raw, POLICY), POLICY, PARTITIONS, standing, RESERVATIONS)


def test_nothing_chosen_gives_the_first_queue_on_its_terms() -> None:
    request = ask()
    assert (request.queue.name, request.hours, request.gres) == ("jupyter", 8, "shard:1")
    assert (request.exclusive, request.memory_mb, request.account) == (False, None, "proj01")


def test_exclusive_queue_gives_the_whole_node() -> None:
    request = ask(queue="cas_v100_2", hours="3")
    assert (request.exclusive, request.gres, request.memory_mb) == (True, "gpu:2", 0)
    # The default account may not use this partition, so the one that may is taken.
    assert request.account == "proj02"


def test_gpus_are_chosen_where_the_queue_gives_a_choice() -> None:
    assert ask(queue="pick").gres == "gpu:2"
    assert ask(queue="pick", gpus="4").gres == "gpu:4"
    with pytest.raises(OptionsError, match="gives 2, 4 GPUs; 3 were asked for"):
        ask(queue="pick", gpus=3)
    with pytest.raises(OptionsError, match="gives no choice of GPUs"):
        ask(queue="jupyter", gpus=2)


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ({"queue": "gold"}, "queue", "There is no queue “gold”. The queues are: jupyter, cas_v100_2"),
        ({"hours": 25}, "hours", "at most 24 hours; 25"),
        ({"queue": "cas_v100_2", "hours": 13}, "hours", "at most 12 hours; 13"),
        ({"hours": 0}, "hours", "whole number"),
        ({"hours": "1e3"}, "hours", "whole number"),
        ({"hours": True}, "hours", "whole number"),
        ({"interface": "vscode"}, "interface", "“notebook” or “lab”"),
        ({"account": "proj09"}, "account", "not one of yours for the queue “jupyter”: proj01, proj02"),
        ({"queue": "staff"}, "queue", "for the groups hpcadmins"),
        ({"prologue": "reboot"}, "prologue", "There is no option “prologue”"),
        ({"cmd": "x"}, "cmd", "The options are: queue, interface, hours, gpus, account"),
        (
            {"gpu_type": "a100"},
            "gpu_type",
            "The queue “jupyter” gives no choice of GPU types: leave the type out",
        ),
        ({"feature": "ib"}, "feature", "“jupyter” gives no choice of nodes: leave the feature out"),
        ({"qos": "long"}, "qos", "“jupyter” gives no choice of QoS: leave it out"),
        ({"reservation": "class1"}, "reservation", "“jupyter” takes no reservations: leave it out"),
        ({"queue": "mixed", "gpu_type": "h100"}, "gpu_type", "“mixed” has no “h100”; it has: a100, 1g.10gb"),
        ({"queue": "mixed", "feature": "ib"}, "feature", "“mixed” has no “ib”; it has: milan, skylake"),
        (
            {"queue": "mixed", "gpu_type": "1g.10gb", "gpus": 2},
            "gpus",
            "gives 1 GPUs of the type 1g.10gb; 2 were asked for",
        ),
        ({"queue": "mixed", "gpus": 3}, "gpus", "gives 1, 2, 4, 0 GPUs of the type a100; 3 were asked for"),
        (
            {"queue": "mixed", "qos": "urgent"},
            "qos",
            "“urgent” is not one of yours for the queue “mixed”: normal, long",
        ),
        (
            {"queue": "mixed", "qos": "long", "account": "proj01"},
            "qos",
            "“long” is not one of yours for the queue “mixed”: normal.",
        ),
        (
            {"queue": "mixed", "reservation": "theirs"},
            "reservation",
            "There is no reservation “theirs” for you on the queue “mixed”: now, class1.",
        ),
        ({"queue": "mixed", "reservation": "elsewhere"}, "reservation", "no reservation “elsewhere” for you"),
    ],
)
def test_refusal_names_the_option_and_what_to_do(raw: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(OptionsError) as refusal:
        ask(**raw)
    assert refusal.value.field == field
    assert words in str(refusal.value)


@pytest.mark.parametrize("field", list(Options.model_fields))
@pytest.mark.parametrize(
    "bad", ["a\nb", "a;b", "a b", "$(id)", "`id`", "--wrap", "x" * 65, "\0", ["a"], {"a": 1}]
)
def test_newline_semicolon_and_their_like_are_refused_in_every_field(field: str, bad: object) -> None:
    with pytest.raises(OptionsError) as refusal:
        ask(**{field: bad})
    assert refusal.value.field == field


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12) | st.integers() | st.none(), max_size=4))
def test_nothing_typed_gets_further_than_the_closed_set(raw: dict[str, Any]) -> None:
    try:
        request = ask(**raw)
    except OptionsError:
        return
    assert set(raw) <= set(Options.model_fields)
    assert request.queue in POLICY.queues


def test_a_gpu_type_brings_its_own_gres_cpus_and_memory() -> None:
    usual = ask(queue="mixed")
    assert (usual.gres, usual.cpus, usual.memory_mb, usual.exclusive) == ("gpu:a100:1", 8, 64000, False)
    four = ask(queue="mixed", gpus="4")
    assert (four.gres, four.cpus, four.memory_mb) == ("gpu:a100:4", 32, 256000)
    slice_of_one = ask(queue="mixed", gpu_type="1g.10gb")
    assert (slice_of_one.gres, slice_of_one.cpus, slice_of_one.memory_mb) == ("gpu:1g.10gb:1", 1, 10000)


def test_a_notebook_without_a_gpu_asks_for_none_of_any_type() -> None:
    none = ask(queue="mixed", gpus=0)
    assert (none.gres, none.gpus, none.gpu_type, none.cpus, none.memory_mb) == (None, 0, None, 2, None)


def test_whole_node_of_a_type_asks_for_all_its_gpus_and_no_memory_where_the_site_says_so() -> None:
    whole = ask(queue="whole")
    assert (whole.gres, whole.exclusive, whole.memory_mb, whole.feature) == ("gpu:v100:2", True, None, "ib")


def test_a_feature_that_is_not_chosen_leaves_every_node() -> None:
    assert ask(queue="mixed").feature is None
    assert ask(queue="mixed", feature="skylake").feature == "skylake"


def test_a_qos_is_taken_with_the_account_that_has_it() -> None:
    assert (ask(queue="mixed").qos, ask(queue="mixed").account) == ("normal", "proj01")
    long = ask(queue="mixed", qos="long")
    assert (long.qos, long.account) == ("long", "proj02")


def test_a_qos_that_nobody_can_look_up_is_left_to_slurm() -> None:
    silent = Standing("a1113a01", frozenset(), None)
    assert (ask(silent, queue="mixed").qos, ask(silent, queue="mixed", qos="long").qos) == ("normal", "long")


def test_a_user_with_none_of_a_queues_qos_reads_which_it_takes() -> None:
    other = Association("a1113a04", "proj01", None, ("debug",), default=True)
    poor = Standing("a1113a04", frozenset(), frozenset({"proj01"}), "proj01", (other,))
    with pytest.raises(OptionsError, match="takes only jobs with the QoS normal, long, and you have debug"):
        ask(poor, queue="mixed")


def test_a_reservation_is_taken_when_asked_for_and_where_the_queue_is_only_for_those_who_have_one() -> None:
    assert ask(queue="mixed").reservation is None
    assert ask(queue="mixed", reservation="class1").reservation == "class1"
    assert ask(queue="course").reservation == "now"


def test_a_queue_for_reservations_is_closed_to_whom_none_is_made_for() -> None:
    stranger = Standing("a1113a09", frozenset(), frozenset({"proj01"}), "proj01")
    with pytest.raises(OptionsError, match="only for those who have a reservation, and none is for you now"):
        ask(stranger, queue="course")


def test_a_reservation_is_left_to_slurm_while_it_does_not_answer() -> None:
    options = parse({"queue": "mixed", "reservation": "class9"}, POLICY)
    assert resolve(options, POLICY, {}, MEMBER, None).reservation == "class9"


def test_user_without_slurm_account_is_left_to_slurms_own_words() -> None:
    assert ask(Standing("nouse01", frozenset(), frozenset())).account is None


def test_nobody_is_refused_while_the_accounting_database_is_silent() -> None:
    silent = Standing("a1113a01", frozenset(), None)
    assert ask(silent, queue="cas_v100_2", account="proj07").account == "proj07"


def test_queues_without_slurm_answer_follow_the_policy_alone() -> None:
    options = parse({"queue": "cas_v100_2", "hours": 48}, POLICY)
    assert resolve(options, POLICY, {}, MEMBER).hours == 48
    with pytest.raises(OptionsError, match="hpcadmins"):
        resolve(parse({"queue": "staff"}, POLICY), POLICY, {}, MEMBER)


def test_partition_that_slurm_does_not_have_is_named() -> None:
    with pytest.raises(OptionsError, match="Slurm has no partition “pick”"):
        resolve(parse({"queue": "pick"}, POLICY), POLICY, {"jupyter": PARTITIONS["jupyter"]}, MEMBER)


def test_form_fields_left_empty_are_not_chosen() -> None:
    assert from_form({"_xsrf": ["t"], "queue": ["jupyter"], "gpus": [""]}) == {"queue": "jupyter"}


def test_field_sent_twice_is_refused() -> None:
    with pytest.raises(OptionsError, match="more than once"):
        from_form({"queue": ["jupyter", "cas_v100_2"]})
