"""What the form says of each queue for the present choices."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queues.policy import Queue, parse_policy
from slurm.expected import Expected
from slurm.records import Partition
from slurm.snapshot import Snapshot
from spawner.expecting import Answer
from spawner.forecast import _told, fitted
from spawner.offers import offers_of, titles_of
from spawner.options import Request, Standing, parse, resolve

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
POLICY = parse_policy(
    """
    [[queues]]
    name = "jupyter"
    kind = "shared"
    slots_per_node = 10
    max_hours = 4

    [[queues]]
    name = "mixed"
    kind = "gpus"
    max_hours = 48
    qos = ["notebook", "long"]
    reservations = true
    [[queues.gpu_types]]
    name = "a100"
    per_node = 4
    [[queues.gpu_types]]
    name = "1g.10gb"
    per_node = 7
    choices = [1]
    [[queues.features]]
    name = "nvme"

    [[queues]]
    name = "staff"
    kind = "exclusive"
    max_hours = 4
    allowed_groups = ["hpcadmins"]
    """
)
PARTITIONS = {queue.name: Partition(queue.name) for queue in POLICY.queues}
ANNA = Standing("anna", frozenset(), frozenset({"proj01"}), "proj01")
CHOICES = {"queue": "mixed", "hours": "12", "gpu_type": "a100", "gpus": "2", "feature": "nvme", "qos": "long"}


def queue(name: str) -> Queue:
    found = POLICY.queue(name)
    assert found is not None
    return found


def resolved(raw: Any) -> Request:
    return resolve(parse(raw, POLICY), POLICY, PARTITIONS, ANNA)


def test_choices_that_another_queue_does_not_have_are_left_out_there() -> None:
    request = fitted(resolved, CHOICES, queue("jupyter"), 4)
    assert request is not None
    assert (request.hours, request.gpus, request.gpu_type, request.feature, request.qos) == (
        *(4, None, None, None, None),
    )


def test_choices_that_fit_stay() -> None:
    request = fitted(resolved, {**CHOICES, "queue": "jupyter"}, queue("mixed"), 48)
    assert request is not None
    assert (request.hours, request.gpus, request.gpu_type, request.feature, request.qos) == (
        *(12, 2, "a100", "nvme", "long"),
    )


@pytest.mark.parametrize("hours", ["", "x", "-1", "0", "9" * 30, "9" * 5000, "²", "１"])
def test_nonsense_in_one_field_does_not_hide_the_other_queues(hours: str) -> None:
    assert fitted(resolved, {**CHOICES, "hours": hours}, queue("jupyter"), 4) is not None


def test_queue_that_is_closed_to_the_user_is_not_asked_about() -> None:
    assert fitted(resolved, CHOICES, queue("staff"), 4) is None


@pytest.mark.parametrize(
    ("expected", "start", "now", "says", "closed"),
    [
        (Expected(start=NOW), NOW, True, "", False),
        (Expected(start=NOW + timedelta(hours=2)), NOW + timedelta(hours=2), False, "", False),
        (Expected(), None, False, "", False),
        (None, None, False, "", False),
        (
            Expected(refusal="Invalid qos specification"),
            *(None, False, "Slurm does not allow you this quality of service here.", True),
        ),
        # A job may wait for nodes that are down, so the queue stays open.
        (
            Expected(refusal="Requested node configuration is not available"),
            *(None, False, "Slurm cannot plan a start at the moment; a job may wait for one.", False),
        ),
    ],
)
def test_answer_of_slurm_in_words(
    expected: Expected | None, start: datetime | None, now: bool, says: str, closed: bool
) -> None:
    forecast = _told(Answer(expected, NOW))
    assert (forecast.start, forecast.now, str(forecast.refusal or ""), forecast.closed, forecast.asked) == (
        *(start, now, says, closed, True),
    )


def test_question_that_is_under_way_is_no_answer() -> None:
    assert not _told(None).asked


def test_offers_are_those_of_the_queue_and_the_user() -> None:
    offers = offers_of(queue("mixed"), Snapshot(partitions=PARTITIONS, nodes_at=NOW), ANNA)
    assert offers.as_data() == {
        "account": ("proj01",),
        "gpu_type": ("a100", "1g.10gb"),
        "gpus": {"a100": (1, 2, 3, 4), "1g.10gb": (1,)},
        "feature": ("nvme",),
        "qos": ("notebook", "long"),
        "reservation": (),
        "free": ("feature", "reservation"),
    }


def test_page_has_each_choice_of_any_queue_once() -> None:
    snapshot = Snapshot(partitions=PARTITIONS, nodes_at=NOW)
    offers = {one.name: offers_of(one, snapshot, ANNA) for one in POLICY.queues}
    titles = titles_of(POLICY.queues, offers, "en")
    assert list(titles["gpus"]) == ["1", "2", "3", "4"]
    assert titles["account"] == {"proj01": "proj01"}
    assert titles["reservation"] == {}
