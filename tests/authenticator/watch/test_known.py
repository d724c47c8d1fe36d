"""What the hub knows of people, and for how long that is good."""

import pytest

from authenticator.known import Known, too_many


@pytest.fixture
def known() -> Known:
    return Known(grace=3600)


def test_whoever_is_not_known_may_stay_and_is_asked_about_once(known: Known) -> None:
    assert [known.may_stay("anna", 0), known.may_stay("anna", 1)] == [True, True]
    assert known.take_wanted() == ["anna"]
    assert not known.somebody_is_wanted


def test_whoever_was_never_confirmed_stays_for_the_grace_alone(known: Known) -> None:
    known.may_stay("anna", 100)
    assert [known.may_stay("anna", 3700), known.may_stay("anna", 3701)] == [True, False]


def test_an_answer_begins_the_grace_anew(known: Known) -> None:
    known.may_stay("anna", 0)
    known.learn("anna", "", 3000)
    assert [known.may_stay("anna", 6600), known.may_stay("anna", 6601)] == [True, False]


def test_a_no_counts_at_once_and_is_asked_about_again(known: Known) -> None:
    known.learn("anna", "disabled", 10)
    assert not known.may_stay("anna", 10)
    assert known.take_wanted() == ["anna"]


def test_an_older_answer_changes_nothing(known: Known) -> None:
    known.learn("anna", "", 10)
    assert not known.learn("anna", "disabled", 9)
    assert known.may_stay("anna", 11)


def test_an_answer_counts_although_the_question_is_older_than_the_first_request(known: Known) -> None:
    known.may_stay("anna", 10)
    assert known.learn("anna", "disabled", 9)
    assert not known.may_stay("anna", 11)


def test_only_answers_make_knowledge_young(known: Known) -> None:
    known.may_stay("anna", 0)
    assert known.age("anna", 1) == float("inf")
    known.learn("anna", "", 5)
    assert known.age("anna", 12) == 7


def test_whoever_waited_longest_is_asked_about_first(known: Known) -> None:
    known.learn("anna", "", 30)
    known.learn("bert", "", 10)
    assert known.oldest_first(["anna", "bert", "carl"]) == ["carl", "bert", "anna"]


def test_whoever_has_nothing_to_lose_is_forgotten(known: Known) -> None:
    for number in range(1000):
        known.learn(f"user{number}", "", 0)
    known.learn("anna", "", 4000)
    known.keep_only(["user1"], now=4000)
    assert known.oldest_first(["user1", "anna", "user2"]) == ["user2", "user1", "anna"]
    assert known.age("user2", 4000) == float("inf")


@pytest.mark.parametrize(
    ("gone", "here", "expected"),
    [(9, 0, False), (10, 0, True), (10, 9, True), (10, 10, False), (60, 1000, False), (501, 499, True)],
)
def test_how_many_at_once_are_too_many(gone: int, here: int, expected: bool) -> None:
    answers = {f"gone{n}": "gone" for n in range(gone)} | {f"here{n}": "" for n in range(here)}
    assert too_many(answers, []) is expected


def test_those_who_are_out_already_are_not_counted_again() -> None:
    answers = {f"gone{n}": "gone" for n in range(20)} | {"anna": ""}
    assert not too_many(answers, [f"gone{n}" for n in range(20)])
