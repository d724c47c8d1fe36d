from datetime import UTC, datetime, timedelta

import pytest

from slurm.times import parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", timedelta(minutes=30)),
        ("30:00", timedelta(minutes=30)),
        ("1:00:00", timedelta(hours=1)),
        ("2:30", timedelta(minutes=2, seconds=30)),
        ("1-00:00:00", timedelta(days=1)),
        ("1-00:01:00", timedelta(days=1, minutes=1)),
        ("1-12", timedelta(days=1, hours=12)),
        ("2-01:30", timedelta(days=2, hours=1, minutes=30)),
        ("365-00:00:00", timedelta(days=365)),
        ("infinite", None),
        ("UNLIMITED", None),
        ("NONE", None),
        ("INVALID", None),
        ("Partition_Limit", None),
        ("N/A", None),
        ("NOT_SET", None),
        ("", None),
    ],
)
def test_a_duration_is_what_slurm_means_by_it(text: str, expected: timedelta | None) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["soon", "1:2:3:4", "1-", "-5", "1h", "30:00|x"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1795254836", "2026-11-21T09:53:56", " 2026-11-21T09:53:56+00:00 "])
def test_a_time_is_aware_utc_whichever_way_slurm_writes_it(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 21, 9, 53, 56, tzinfo=UTC)


@pytest.mark.parametrize("text", ["N/A", "Unknown", "None", "NONE", "", "0", "(null)", "INVALID"])
def test_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-45T00:00:00", "9" * 30])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_time(text)
