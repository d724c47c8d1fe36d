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


def test_demo_offers_its_queues_on_their_terms() -> None:
    policy = load_policy(DEMO)
    assert policy.currency == "KRW"
    assert [(queue.name, queue.kind, queue.gpus_per_node) for queue in policy.queues] == [
        ("jupyter", "shared", 0),
        ("cas_v100_2", "exclusive", 2),
        ("amd_a100_4", "exclusive", 4),
        ("bigmem", "exclusive", 0),
        ("mixed", "gpus", 0),
        ("course", "gpus", 0),
    ]
    free = policy.queues[0]
    assert (free.price, free.max_hours, free.slots_per_node, free.gres, free.cpus) == (
        None,
        24,
        10,
        "shard:1",
        2,
    )
    assert all(queue.price is not None for queue in policy.queues if queue.kind == "exclusive")
    assert all(queue.title_in("ko") != queue.title_in("en") for queue in policy.queues)
    assert all(queue.about_in("ko") != queue.about_in("en") for queue in policy.queues)


def test_a_queue_needs_only_name_kind_and_hours() -> None:
    queue = parse_policy(EXCLUSIVE).queues[0]
    assert (queue.partition, queue.title_in("en"), queue.title_in("ko")) == ("a100", "a100", "a100")
    assert (queue.default_hours, queue.price, queue.gpu_choices, queue.hidden) == (1, None, (), False)


MIXED = """
[[queues]]
name = "mixed"
kind = "gpus"
max_hours = 24
"""
TYPES = """
[[queues.gpu_types]]
name = "a100"
per_node = 4
[[queues.gpu_types]]
name = "1g.10gb"
title = { en = "MIG slice", ko = "MIG 조각" }
per_node = 7
choices = [1]
"""


def test_each_gpu_type_has_its_own_choices() -> None:
    queue = parse_policy(MIXED + TYPES).queues[0]
    assert [one.title_in("ko") for one in queue.gpu_types] == ["a100", "MIG 조각"]
    assert (queue.choices_of(), queue.choices_of("1g.10gb")) == ((1, 2, 3, 4), (1,))
    queue = parse_policy(MIXED + "gpu_choices = [2, 4, 0]" + TYPES.replace("7", "2")).queues[0]
    assert (queue.choices_of("a100"), queue.choices_of("1g.10gb")) == ((2, 4, 0), (1,))


def test_gpus_without_types_can_be_chosen_one_by_one_and_none_where_there_are_none() -> None:
    assert parse_policy(MIXED + "gpus_per_node = 3").queues[0].choices_of() == (1, 2, 3)
    assert parse_policy(MIXED).queues[0].choices_of() == ()
    assert parse_policy(EXCLUSIVE + "gpus_per_node = 4").queues[0].choices_of() == ()
    assert parse_policy(EXCLUSIVE + TYPES).queues[0].choices_of("a100") == (4,)


def test_environment_prologue_and_comment_are_kept_word_for_word() -> None:
    text = (
        MIXED
        + """
prologue = "module load cuda\\nulimit -c 0"
comment = "jupyter {username} {queue}"
[queues.environment]
OMP_NUM_THREADS = "8"
GREETING = "it's $HOME; `id`"
"""
    )
    queue = parse_policy(text).queues[0]
    assert dict(queue.environment) == {"OMP_NUM_THREADS": "8", "GREETING": "it's $HOME; `id`"}
    assert (queue.prologue, queue.comment) == ("module load cuda\nulimit -c 0", "jupyter {username} {queue}")


def variable(line: str) -> str:
    return f"{MIXED}[queues.environment]\n{line}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (MIXED + 'price = "5"', 'price is for whole nodes, and kind = "gpus" gives GPUs of shared ones'),
        (MIXED + "slots_per_node = 2", "slots_per_node is for shared queues; leave it out"),
        (MIXED + 'gres = "gpu:1"', 'gres is for kind = "shared" and "exclusive"; write gpus_per_node or'),
        (MIXED + "gpus_per_node = 2" + TYPES, "gpus_per_node says nothing where gpu_types do"),
        (
            MIXED + "gpu_choices = [1, 8]" + TYPES,
            "gpu_choices has [8]; write at most the largest per_node (7)",
        ),
        (
            MIXED + "gpu_choices = [6]" + TYPES,
            'gpu_choices has nothing for "a100", of which a node has 4; write its choices',
        ),
        (
            MIXED + TYPES + "choices2 = 1",
            "gpu_types: number 2: choices2: there is no such setting; the settings are n",
        ),
        (
            MIXED + TYPES.replace("7", "0"),
            "gpu_types: number 2: per_node: 0 will not do; write how many GPUs of this",
        ),
        (MIXED + TYPES.replace("[1]", "[8]"), '"1g.10gb": choices has [8]; write at most per_node (7)'),
        (MIXED + TYPES.replace("1g.10gb", "a100"), "gpu_types has a100 twice; write each once"),
        (
            MIXED + TYPES.replace("1g.10gb", "a;b"),
            "gpu_types: number 2: name: 'a;b' will not do; write the type in",
        ),
        (
            MIXED + "gpus_per_node = 2\ncpus = 2\ncpus_per_gpu = 4",
            "cpus is for notebooks without a GPU beside cpus_p",
        ),
        (EXCLUSIVE + "cpus_per_gpu = 4", 'cpus_per_gpu is for kind = "gpus"; leave it out'),
        (SHARED + TYPES, 'gpu_types are for whole nodes and for kind = "gpus"; write gres = "shard:1"'),
        (
            EXCLUSIVE + "ask_memory = false\nmemory_mb = 5",
            "ask_memory is false and a memory is given; leave one",
        ),
        (MIXED + "extend_to_hours = 23", "extend_to_hours is 23; write at least max_hours, which is 24"),
        (MIXED + "feature_required = true", "feature_required is true and there are no features"),
        (
            MIXED + '[[queues.features]]\nname = "a&b"',
            "features: number 1: name: 'a&b' will not do; write the feature",
        ),
        (MIXED + 'qos = ["normal", "normal"]', "qos has normal twice; write each once"),
        (MIXED + 'qos = ["--wrap"]', "qos: '--wrap' will not do; write the QoS to choose from"),
        (
            MIXED + 'reservations = "maybe"',
            "reservations: 'maybe' will not do; write true to offer users the",
        ),
        (variable('JUPYTERHUB_API_TOKEN = "x"'), "environment: JUPYTERHUB_API_TOKEN is the hub's own"),
        (variable('HPCHUB_BIND = "all"'), "environment: HPCHUB_BIND is the hub's own"),
        (variable('SLURM_JOB_ID = "1"'), "environment: SLURM_JOB_ID is Slurm's own, it sets it in every job"),
        (
            variable('LD_PRELOAD = "/x.so"'),
            "LD_PRELOAD loads code into every program of the job; write an export",
        ),
        (variable('HOME = "/root"'), "HOME is the user's own, the helper sets it; leave it out"),
        (variable('"A;B" = "x"'), "'A;B' is no name of a variable; write letters, digits and _"),
        (variable('A = "x\\ny"'), "the value of A has more than one line; write one"),
        (variable("A = 1"), "environment: 1 will not do; write a [queues.environment] section"),
        (
            MIXED + 'prologue = "#SBATCH --mem=0"',
            "prologue: '#SBATCH --mem=0': has #SBATCH, which Slurm does not read",
        ),
        (
            MIXED + 'comment = "{user}"',
            "comment: '{user}': has {user}, which nobody fills in; write one of {username}",
        ),
        (MIXED + 'comment = "{username.__class__}"', "has {username.__class__}, which nobody fills in"),
        (MIXED + 'comment = "{hours"', "has a brace without its other; write one of"),
        (MIXED + 'comment = "a\\nb"', "has more than one line; write one"),
    ],
)
def test_administrator_reads_what_is_wrong_with_choices_and_surroundings(text: str, fault: str) -> None:
    assert fault in fault_of(text)


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
        (
            EXCLUSIVE + "gpus_per_node = 2\ngpu_choices = [0]",
            '0 GPUs are a choice of kind = "gpus" only; leave the 0 out',
        ),
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
