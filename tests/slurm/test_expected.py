from datetime import UTC, datetime

import pytest

from slurm.errors import SlurmUnavailable
from slurm.expected import Expected, parse_test_only

# Slurm 22.05.8's words, all on standard error.
NOW = "sbatch: Job 12 to start at 1795276467 using 1 processors on nodes gpu01 in partition jupyter\n"
TWO = "sbatch: Job 20 to start at 1795276467 using 128 processors on nodes gpu[06-07] in partition a100\n"
START = datetime(2026, 11, 21, 15, 54, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (NOW, Expected(START, ("gpu01",))),
        (TWO, Expected(START, ("gpu06", "gpu07"))),
        # Slurm 26.05
        (NOW.replace(" using", " on cluster neuron a using"), Expected(START, ("gpu01",))),
        (NOW.replace(" using", " a using") + "sbatch:   Preempts: 7,8\n", Expected(START, ("gpu01",))),
        ("sbatch: lua: hello a1113a01\n" + NOW, Expected(START, ("gpu01",))),
        (NOW.replace("1795276467", "2026-11-22T00:54:27+09:00"), Expected(START, ("gpu01",))),
        (NOW.replace("1795276467", "Unknown"), Expected(None, ("gpu01",))),
        (NOW.replace("1795276467", "9" * 30), Expected(None, ("gpu01",))),
        (NOW.replace("gpu01", "gpu[1-"), Expected(START)),
        ("", Expected()),
        ("\x00\ufffd garbage", Expected()),
    ],
)
def test_the_start_and_the_nodes_of_a_request(words: str, expected: Expected) -> None:
    assert parse_test_only(0, "", words) == parse_test_only(0, words, "") == expected


def test_a_time_without_a_zone_is_the_machines_own() -> None:
    words = NOW.replace("1795276467", "2026-11-21T15:40:12")
    local = datetime(2026, 11, 21, 15, 40, 12).astimezone()
    assert parse_test_only(0, "", words).start == local


@pytest.mark.parametrize(
    ("returncode", "words", "refusal", "perhaps_later"),
    [
        (
            1,
            "allocation failure: Invalid account or account/partition combination specified\n",
            "Invalid account or account/partition combination specified",
            False,
        ),
        (
            1,
            "sbatch: error: invalid partition specified: nowhere\n"
            "allocation failure: Invalid partition name specified\n",
            "invalid partition specified: nowhere; Invalid partition name specified",
            False,
        ),
        (
            1,
            "allocation failure: Requested node configuration is not available\n",
            "Requested node configuration is not available",
            True,
        ),
        (
            1,
            "allocation failure: Required partition not available (inactive or drain)\n",
            "Required partition not available (inactive or drain)",
            True,
        ),
        (
            1,
            "allocation failure: Requested time limit is invalid (missing or exceeds some limit)\n",
            "Requested time limit is invalid (missing or exceeds some limit)",
            False,
        ),
        (1, "allocation failure: Invalid feature specification\n", "Invalid feature specification", False),
        (
            1,
            "allocation failure: Access denied to requested reservation\n",
            "Access denied to requested reservation",
            False,
        ),
        (
            1,
            "sbatch: error: AssocMaxSubmitJobLimit\nallocation failure: Job violates accounting/QOS policy "
            "(job submit limit, user's size and/or time limits)\n",
            "AssocMaxSubmitJobLimit; Job violates accounting/QOS policy "
            "(job submit limit, user's size and/or time limits)",
            False,
        ),
        (255, "sbatch: error: Invalid --time specification\n", "Invalid --time specification", False),
    ],
)
def test_a_refusal_comes_in_slurms_own_words(
    returncode: int, words: str, refusal: str, perhaps_later: bool
) -> None:
    expected = parse_test_only(returncode, "", words)
    assert expected == Expected(refusal=refusal)
    assert expected.perhaps_later is perhaps_later


@pytest.mark.parametrize(
    "words",
    [
        "allocation failure: Unable to contact slurm controller (connect failure)\n",
        "allocation failure: Socket timed out on send/recv operation\n",
        "allocation failure: Protocol authentication error\n",
        "allocation failure: Slurm temporarily unable to accept job, sleeping and retrying\n",
        "sudo: a password is required\n",
        "words that nobody has ever seen\n",
        "",
    ],
)
def test_an_outage_is_no_refusal(words: str) -> None:
    with pytest.raises(SlurmUnavailable):
        parse_test_only(1, "", words)
