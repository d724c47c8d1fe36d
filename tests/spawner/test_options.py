"""What a user may ask for, and what each refusal says."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.policy import parse_policy
from slurm.records import Partition
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
    """
)
PARTITIONS = {
    "jupyter": Partition("jupyter", max_time=timedelta(hours=24)),
    "cas_v100_2": Partition("cas_v100_2", max_time=timedelta(hours=12), allow_accounts=frozenset({"proj02"})),
    "pick": Partition("pick"),
    "staff": Partition("staff"),
}
MEMBER = Standing("a1113a02", frozenset(), frozenset({"proj01", "proj02"}), "proj01")


def ask(standing: Standing = MEMBER, **raw: Any) -> Any:
    return resolve(parse(raw, POLICY), POLICY, PARTITIONS, standing)


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
    if field in ("queue", "account") and bad == "--wrap":
        bad = "--wrap=x"
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
