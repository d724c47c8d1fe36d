"""Presets and last choices: what is kept of them, and what is not."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from queues.policy import PolicyError, parse_policy
from queues.presets import OPTIONS
from spawner.opening import FilledByLink
from spawner.options import Options
from spawner.presets import LONGEST_NAME, MOST, PresetError, Presets
from spawner.remembering import last_options

BIG = Options(queue="amd_a100_4", hours=12, gpus=4)
QUEUE = '[[queues]]\nname = "jupyter"\nkind = "shared"\nslots_per_node = 10\nmax_hours = 4\n'


def test_preset_is_there_after_a_restart_and_gone_after_its_deletion() -> None:
    presets = Presets()
    presets.save("Big", BIG)
    again = Presets.from_state(presets.to_state())
    assert again.get("Big") == {"queue": "amd_a100_4", "interface": "notebook", "hours": 12, "gpus": 4}
    assert again.delete("Big")
    assert not again.delete("Big")
    assert Presets.from_state(again.to_state()).get("Big") is None


def test_same_name_again_replaces_it() -> None:
    presets = Presets()
    presets.save("Big", BIG)
    presets.save(" Big ", Options(queue="jupyter"))
    assert list(presets) == ["Big"]
    assert presets.get("Big") == {"queue": "jupyter", "interface": "notebook"}


def test_twenty_are_kept_and_the_next_is_refused_with_what_to_do() -> None:
    presets = Presets()
    for number in range(MOST):
        presets.save(f"Preset {number}", BIG)
    with pytest.raises(PresetError, match=r"20 presets.*delete one first"):
        presets.save("One more", BIG)
    presets.save("Preset 3", Options(queue="jupyter"))
    assert len(presets) == MOST


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00", "a\u202eb", "x" * (LONGEST_NAME + 1), "\u2028"])
def test_name_that_cannot_be_seen_or_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(PresetError, match="1 to 40 characters"):
        Presets().save(name, BIG)


@pytest.mark.parametrize("name", ["큰 모델", "<img src=x>", "a/b?c=d&e", "x" * LONGEST_NAME])
def test_any_other_name_will_do(name: str) -> None:
    presets = Presets()
    assert presets.save(name, BIG) == name
    assert presets.get(name) is not None


def test_name_typed_on_another_keyboard_is_the_same_name() -> None:
    presets = Presets()
    presets.save("e\u0301te\u0301", BIG)  # letters and accents
    presets.save("\u00e9t\u00e9", BIG)  # letters with accents
    assert list(presets) == ["\u00e9t\u00e9"]


@pytest.mark.parametrize(
    "saved",
    [
        None,
        "nonsense",
        ["Big"],
        {"Big": None},
        {"Big": {"queue": "jupyter", "prologue": "reboot"}},
        {"Big": {"queue": "jupyter\n#SBATCH --uid=0"}},
        {"Big": {"hours": 4}},
    ],
)
def test_what_was_saved_and_is_not_understood_is_left_out(saved: object) -> None:
    assert list(Presets.from_state(saved)) == []


def test_sites_presets_may_choose_just_what_a_user_may() -> None:
    assert set(OPTIONS) == set(Options.model_fields)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('name = "a"\noptions = { queue = "gold" }', "preset \"a\": there is no queue 'gold'"),
        ('name = "a"\noptions = { hours = 2 }', "names no queue"),
        (
            'name = "a"\noptions = { queue = "jupyter", nodes = 2 }',
            "options has nodes; the options are queue",
        ),
        ('name = "a b"\noptions = { queue = "jupyter" }', "name: 'a b' will not do"),
    ],
)
def test_preset_of_the_site_that_is_wrong_is_named(section: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        parse_policy(f"{QUEUE}[[presets]]\n{section}\n")


def test_two_presets_of_one_name_are_refused() -> None:
    section = '[[presets]]\nname = "a"\noptions = { queue = "jupyter" }\n'
    with pytest.raises(PolicyError, match="preset a is given twice"):
        parse_policy(QUEUE + section + section)


def server(options: Any, day: int | None = None) -> SimpleNamespace:
    moment = None if day is None else datetime(2026, 11, day)
    return SimpleNamespace(user_options=options, last_activity=moment)


def remembered(own: SimpleNamespace, *others: SimpleNamespace, remember: bool = True) -> dict[str, Any]:
    rows = {str(number): row for number, row in enumerate([own, *others])}
    user = SimpleNamespace(orm_user=SimpleNamespace(orm_spawners=rows))
    spawner: Any = SimpleNamespace(remember_options=remember, orm_spawner=own, user=user)
    return last_options(spawner)


def test_new_server_begins_with_what_its_user_asked_for_last_elsewhere() -> None:
    old, new = server({"queue": "jupyter"}, 1), server({"queue": "bigmem", "hours": 3}, 2)
    never = server({"queue": "cas_v100_2"})
    assert remembered(server(None), old, new, never) == {"queue": "bigmem", "hours": 3}


def test_server_begins_with_its_own_last_choices() -> None:
    assert remembered(server({"queue": "jupyter"}, 1), server({"queue": "bigmem"}, 9)) == {"queue": "jupyter"}


def test_options_that_a_script_sent_do_not_break_the_form() -> None:
    mad = server({"queue": {"a": 1}, "hours": [4], "gpus": True, "x": "y", "account": "z" * 1000})
    aware = SimpleNamespace(
        user_options={"queue": "jupyter"}, last_activity=datetime(2026, 11, 2, tzinfo=UTC)
    )
    assert remembered(mad, server("text", 3), aware) == {"queue": "jupyter"}


def test_site_may_forbid_remembering() -> None:
    assert remembered(server({"queue": "jupyter"}, 1), remember=False) == {}


def test_link_gives_the_hub_nothing_to_start() -> None:
    page = FilledByLink()
    assert (
        page._get_user_options(
            {"opt-queue": ["jupyter"], "hours": ["3", "4"], "preset": ["a"], "_xsrf": ["x"]}
        )
        == {}
    )
    assert page.link == {"queue": "jupyter", "hours": "3", "preset": "a"}
