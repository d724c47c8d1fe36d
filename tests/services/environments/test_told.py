"""What users' files tell is believed only as far as it cannot hurt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.environments import told
from services.environments.digest import Digest
from services.environments.told import Past
from services.environments.view import environment_of
from texts import say

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("msgid", ["%(a)999999999s", "%(a)s %", "%s", "%(a)0999999999d", "%(a)*d", "%(a).9s"])
def test_a_text_that_would_fill_the_memory_is_shown_as_it_is(msgid: str) -> None:
    sentence = told.sentence({"msgid": msgid, "params": {"a": 1, "words": "x"}})
    assert sentence is not None
    assert say("en", sentence) == msgid


def test_a_sentence_of_ours_is_filled_in() -> None:
    sentence = told.sentence({"msgid": "%(n)d packages of %(who)s", "params": {"n": 3, "who": "anna"}})
    assert sentence is not None
    assert say("en", sentence) == "3 packages of anna"


def test_parameters_may_have_any_name() -> None:
    found = told.trouble(
        {"code": "x", "msgid": "%(code)s", "params": {"code": "y", "msgid": "z", "details": "w"}}
    )
    assert found is not None
    assert say("en", found.sentence) == "y"


@given(JSON)
def test_anything_at_all_is_read_or_left_out(value: Any) -> None:
    if isinstance(value, dict):
        told.past(value)
        told.environment(value)
        told.package(value)
    told.sentence(value)
    told.progress(value)
    Digest(Past("0123456789abcdef", "", "")).take({"events": value, "next": value})


@given(st.dictionaries(st.sampled_from(["action", "host", "job", "step", "text", "result", "problem"]), JSON))
def test_any_event_at_all_leaves_something_that_can_be_shown(about: dict[str, Any]) -> None:
    digest = Digest(Past("0123456789abcdef", "", ""))
    for kind in ("begin", "progress", "line", "end"):
        digest.take({"events": [{"kind": kind, "at": 1.0, "about": about}], "next": 5})
    assert digest.known.result in told.RESULTS
    assert digest.next == 5


def test_names_that_are_none_are_left_out() -> None:
    assert told.past({"id": "../../x", "verb": "reset"}) is None
    assert told.past({"id": "0123456789abcdef", "verb": "<script>"}) is None
    assert told.environment({"name": 7}) is None


@pytest.mark.parametrize("made", [1.7e12, 253402300800.0, 9e14, 1e308])
def test_a_moment_that_no_calendar_has_is_none(made: float) -> None:
    environment = told.environment(
        {"name": "notebook", "made": made, "generations": [{"id": "0" * 8, "made": made}]}
    )
    assert environment is not None
    assert environment_of(environment)["made"] is None
