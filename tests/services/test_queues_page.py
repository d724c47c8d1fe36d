"""The page of the queues service: free places in words, for every kind of queue."""

import re

from queues.policy import parse_policy
from queues.table import QueueTable, build_table
from services.queues.page import render_page
from services.queues.view import format_table
from services.rendering import Frame
from services.settings import Place
from slurm.records import Partition
from tests.queues.cluster import NOW, snapshot
from tests.queues.test_gpus import HALF, MIXED, TYPES, nodes

FRAME = Frame(Place("127.0.0.1", 1, "/services/queues/", "/"), "/services/queues/", "a1113a01")
CPU_ONLY = """
[[queues]]
name = "cpus"
partition = "mixed"
kind = "gpus"
cpus = 4
max_hours = 24
"""


def table() -> QueueTable:
    policy = parse_policy(MIXED + TYPES + CPU_ONLY)
    shot = snapshot(nodes(HALF), partitions=[Partition("mixed")])
    return build_table(policy, shot, NOW, user="a1113a01")


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'<td[^>]* data-cell="{name}"[^>]*>([^<]*)</td>', page)


def test_free_gpus_of_several_types_are_told_apart_and_notebooks_without_one_are_counted() -> None:
    page = render_page(table(), "en", FRAME)
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells(page, "free")] == [
        "4 × 1g.10gb, 3 × A100",
        "15 of 20 slots",
    ]


def test_api_gives_free_gpus_by_type_and_slots_where_there_are_no_gpus() -> None:
    mixed, cpus = format_table(table(), "en")["queues"]
    assert mixed["gpus"] == {
        "types": {"1g.10gb": 7, "3g.40gb": 2, "a100": 4},
        "free": 7,
        "free_types": {"1g.10gb": 4, "a100": 3},
        "total": 11,
    }
    assert (mixed["slots"], cpus["slots"], cpus["gpus"]["free"]) == (None, {"free": 15, "total": 20}, None)
