from decimal import Decimal
from pathlib import Path

import pytest

from queues.policy import PolicyError, load_policy, parse_policy

DEMO = Path(__file__).resolve().parents[2] / "demo" / "queues.toml"

EXCLUSIVE = """
[[queues]]
name = "a100"
kind = "exclusive"
max_hours = 48
"""
SHARED = """
[[queues]]
name = "jupyter"
kind = "shared"
max_hours = 24
slots_per_node = 10
"""


def fault_of(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "etc/queues.toml")
    return str(caught.value)


def test_demo_offers_its_four_queues_on_their_terms() -> None:
    policy = load_policy(DEMO)
    assert policy.currency == "KRW"
    assert [(queue.name, queue.kind, queue.gpus_per_node) for queue in policy.queues] == [
        ("jupyter", "shared", 0),
        ("cas_v100_2", "exclusive", 2),
        ("amd_a100_4", "exclusive", 4),
        ("bigmem", "exclusive", 0),
    ]
    free = policy.queues[0]
    assert (free.price, free.max_hours, free.slots_per_node, free.gres, free.cpus) == (
        None,
        24,
        10,
        "shard:1",
        2,
    )
    assert all(queue.price is not None for queue in policy.queues[1:])
    assert all(queue.title_in("ko") != queue.title_in("en") for queue in policy.queues)
    assert all(queue.about_in("ko") != queue.about_in("en") for queue in policy.queues)


def test_a_queue_needs_only_name_kind_and_hours() -> None:
    queue = parse_policy(EXCLUSIVE).queues[0]
    assert (queue.partition, queue.title_in("en"), queue.title_in("ko")) == ("a100", "a100", "a100")
    assert (queue.default_hours, queue.price, queue.gpu_choices, queue.hidden) == (1, None, (), False)


def test_a_queue_may_have_another_name_than_its_partition() -> None:
    policy = parse_policy(EXCLUSIVE + 'partition = "amd_a100_4"')
    assert policy.queue("a100") is policy.queues[0]
    assert policy.queues[0].partition == "amd_a100_4"
    assert policy.queue("amd_a100_4") is None


def test_a_missing_language_falls_back_to_english() -> None:
    queue = parse_policy(EXCLUSIVE + 'title = { en = "Big", ko = "큰" }\nabout = "Training"').queues[0]
    assert (queue.title_in("ko"), queue.title_in("fr"), queue.about_in("ko")) == ("큰", "Big", "Training")


@pytest.mark.parametrize(
    ("written", "price"),
    [('"1900"', Decimal(1900)), ("1900", Decimal(1900)), ('"0.08312"', Decimal("0.08312"))],
)
def test_price_is_what_was_written_to_the_last_digit(written: str, price: Decimal) -> None:
    assert parse_policy(EXCLUSIVE + f"price = {written}").queues[0].price == price


def test_the_currency_reaches_every_queue() -> None:
    policy = parse_policy('currency = "USD"' + EXCLUSIVE + SHARED)
    assert [queue.currency for queue in policy.queues] == ["USD", "USD"]


def test_nobody_changes_a_policy_that_was_read() -> None:
    queue = parse_policy(EXCLUSIVE).queues[0]
    with pytest.raises(ValueError, match="frozen"):
        queue.max_hours = 1000
    with pytest.raises(TypeError):
        queue.title["en"] = "mine"  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            EXCLUSIVE + "price = 0.1",
            'queue "a100": price: 0.1: a number with a point is not exact; write it in quotes, such as',
        ),
        (EXCLUSIVE + 'price = "-5"', "price: '-5': not more than nothing; write the price of a node-hour"),
        (EXCLUSIVE + 'price = "0"', "price: '0': not more than nothing"),
        (EXCLUSIVE + 'price = "NaN"', "price: 'NaN' will not do"),
        (EXCLUSIVE + 'price = "Infinity"', "price: 'Infinity' will not do"),
        (EXCLUSIVE + "price = true", "price: True: not a price"),
        (EXCLUSIVE + 'price = "0.000001"', "price: '0.000001': has more than 5 decimal places"),
        (SHARED + 'price = "10"', 'queue "jupyter": price is for whole nodes'),
        (
            EXCLUSIVE + 'currency = "USD"',
            'queue "a100" has a currency; write it once, at the top of the file',
        ),
        ('currency = "won"' + EXCLUSIVE, "currency: 'won' will not do; write three capital letters"),
        (
            '[[queues]]\nname = "j"\nkind = "shared"\nmax_hours = 4',
            'queue "j": slots_per_node is missing; write how many share a node',
        ),
        (EXCLUSIVE + "slots_per_node = 10", "slots_per_node is for shared queues; leave it out"),
        (SHARED + "gpus_per_node = 2", 'gpus_per_node is for whole nodes; write gres = "shard:1"'),
        (
            EXCLUSIVE + "gpus_per_node = 2\ngpu_choices = [1, 4]",
            "gpu_choices has [4]; write at most gpus_per_node (2)",
        ),
        (EXCLUSIVE + "gpus_per_node = 2\ngpu_choices = [1, 1]", "gpu_choices has a number twice ([1, 1])"),
        (EXCLUSIVE + "gpus_per_node = 2\ngpu_choices = [0]", "gpu_choices: 0 will not do"),
        (
            EXCLUSIVE + 'gpus_per_node = 2\ngpu_choices = [1]\ngres = "gpu:1"',
            "gres and gpu_choices exclude each other",
        ),
        (EXCLUSIVE + "default_hours = 49", "default_hours is 49; write at most max_hours, which is 48"),
        (EXCLUSIVE.replace("48", '"48"'), "max_hours: '48' will not do; write a whole number of hours"),
        (EXCLUSIVE.replace("48", "0"), "max_hours: 0 will not do"),
        (
            EXCLUSIVE.replace("max_hours = 48", ""),
            'queue "a100": max_hours: is missing; write a whole number',
        ),
        (EXCLUSIVE.replace("exclusive", "mine"), "kind: 'mine' will not do; write \"shared\" (slots)"),
        (EXCLUSIVE.replace("a100", "a100;id"), "queue \"a100;id\": name: 'a100;id' will not do"),
        (EXCLUSIVE + 'gres = "gpu:1 --partition=x"', "gres: 'gpu:1 --partition=x' will not do"),
        (EXCLUSIVE + 'partition = ""', "partition: '' will not do; write the partition's name in Slurm"),
        (EXCLUSIVE + "hourz = 3", 'queue "a100": hourz: there is no such setting; the settings are name,'),
        (EXCLUSIVE + 'title = { ko = "큰" }', "title: lacks English, which the other languages fall back to"),
        (EXCLUSIVE + 'allowed_groups = "bio"', "allowed_groups: 'bio' will not do; write groups, such as"),
        (EXCLUSIVE + EXCLUSIVE, "queues: the name a100 is given twice; give each queue its own"),
        ("queues = []", "queues: there are none; write at least one [[queues]] section"),
        ('currency = "KRW"', "queues: is missing; write at least one [[queues]] section"),
        ("queues = [1]", "queue number 1 (it has no name): 1 will not do; write a [[queues]] section"),
        ("this is prose", "this is not TOML"),
        ("colour = 1" + EXCLUSIVE, "colour: there is no such setting; the settings are currency, queues"),
    ],
)
def test_administrator_reads_where_the_fault_is_and_what_to_write(text: str, fault: str) -> None:
    said = fault_of(text)
    assert fault in said
    assert said.startswith("etc/queues.toml: ")


def test_administrator_reads_all_faults_at_once() -> None:
    faults = fault_of(EXCLUSIVE.replace("48", "0") + "price = 1.5\nx = 1").splitlines()
    assert len(faults) == 3
    assert all(fault.startswith('etc/queues.toml: queue "a100": ') for fault in faults)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.toml: cannot be read: No such file or directory"):
        load_policy(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(PolicyError, match=r"latin\.toml: cannot be read: it is not UTF-8 text"):
        load_policy(tmp_path / "latin.toml")
