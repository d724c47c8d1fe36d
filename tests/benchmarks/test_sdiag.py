"""Slurm's own count of what it was asked."""

import pytest

from benchmarks.load.sdiag import parse

# sdiag of 22.05 after one squeue, one squeue for one job, one sinfo, and two submissions.
REPORT = """\
*******************************************************
sdiag output at Sat Nov 21 16:02:15 2026 (1795276935)
*******************************************************
Latency for 1000 calls to gettimeofday(): 22 microseconds

Remote Procedure Call statistics by message type
\tREQUEST_PARTITION_INFO                  ( 2009) count:3      ave_time:184    total_time:552
\tREQUEST_JOB_INFO                        ( 2003) count:1      ave_time:1000   total_time:1000
\tREQUEST_JOB_INFO_SINGLE                 ( 2021) count:1      ave_time:150    total_time:150
\tREQUEST_FED_INFO                        ( 2049) count:1      ave_time:98     total_time:98
\tREQUEST_NODE_INFO                       ( 2007) count:1      ave_time:200    total_time:200
\tREQUEST_SUBMIT_BATCH_JOB                ( 4003) count:2      ave_time:2000   total_time:4000
\tMESSAGE_NODE_REGISTRATION_STATUS        ( 1002) count:12     ave_time:1008   total_time:12107
\tREQUEST_STATS_INFO                      ( 2035) count:4      ave_time:90     total_time:360

Remote Procedure Call statistics by user
\troot            (       0) count:16     ave_time:532    total_time:15979
\thpchub          (     611) count:9      ave_time:532    total_time:6000

Pending RPC statistics
\tNo pending RPCs
"""


def test_commands_are_counted_once_though_they_call_two_or_three_times() -> None:
    assert parse(REPORT).queries == 3


def test_partitions_alone_are_a_command_too() -> None:
    alone = REPORT.replace("( 2009) count:3 ", "( 2009) count:5 ")
    assert parse(alone).queries == 5


def test_what_daemons_and_sdiag_say_is_no_question() -> None:
    calls = parse(REPORT)
    assert set(calls.questions) == {
        "REQUEST_PARTITION_INFO",
        "REQUEST_JOB_INFO",
        "REQUEST_JOB_INFO_SINGLE",
        "REQUEST_FED_INFO",
        "REQUEST_NODE_INFO",
    }
    assert calls.acts == {"REQUEST_SUBMIT_BATCH_JOB": 2}


def test_time_of_the_controller_is_that_of_hubs() -> None:
    assert parse(REPORT).controller_seconds == pytest.approx(0.006)


def test_users_are_not_taken_for_types() -> None:
    calls = parse(REPORT)
    assert calls.by_user == {"root": 16, "hpchub": 9}
    assert "root" not in calls.by_type


def test_nothing_was_asked() -> None:
    empty = (
        "Remote Procedure Call statistics by message type\n\n"
        "Remote Procedure Call statistics by user\n\nPending RPC statistics\n"
    )
    assert parse(empty).queries == 0


def test_report_without_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="has no table"):
        parse("slurm_get_statistics: Unable to contact slurm controller (connect failure)\n")
