"""What an administrator reads in a line of the audit, whatever was typed."""

import datetime
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authenticator.audit import KINDS, Event, safe_name
from authenticator.audit.events import line_of

MOMENT = datetime.datetime(2026, 11, 21, 19, 25, 32, 215_000, datetime.timezone(datetime.timedelta(hours=9)))
LONGEST_LINE = 500


def test_a_login_reads_as_it_always_did() -> None:
    line = line_of(Event("login", "refused", "password", "locked01", "10.0.0.7"), MOMENT)
    assert line == (
        '{"time": "2026-11-21T10:25:32.215+00:00", "event": "login", "result": "refused", '
        '"reason": "password", "user": "locked01", "address": "10.0.0.7"}'
    )


def test_who_did_it_and_how_are_added_where_they_are_known() -> None:
    found = json.loads(line_of(Event("reset", user="a1113a01", by="hpcadmin", how="command"), MOMENT))
    assert (found["by"], found["how"]) == ("hpcadmin", "command")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text() | st.binary() | st.none() | st.integers(), min_size=7, max_size=7))
def test_nothing_typed_makes_a_line_long_or_two_lines(fields: list[object]) -> None:
    line = line_of(Event(*fields), MOMENT)  # type: ignore[arg-type]
    assert len(line) <= LONGEST_LINE
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["time"] == "2026-11-21T10:25:32.215+00:00"


@pytest.mark.parametrize(
    "typed", ['x"}\n{"event": "login"', "x\r\naudit {}", "x\u2028y", "x\x1b[2Jy", "x\0y"]
)
def test_a_name_cannot_forge_another_event(typed: str) -> None:
    line = line_of(Event("login", "refused", "otp_wrong", typed * 11), MOMENT)
    assert json.loads(line)["event"] == "login"
    assert len(json.loads(line)["user"]) == 32
    assert line.isprintable()


def test_what_is_no_name_is_noted_as_nothing() -> None:
    assert [safe_name(each) for each in (None, 5, ["a"], b"a\xff\n")] == ["", "", "", "a??"]


def test_every_kind_of_event_fits_its_field() -> None:
    assert all(json.loads(line_of(Event(kind), MOMENT))["event"] == kind for kind in KINDS)
