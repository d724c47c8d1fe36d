"""Administrators find every setting, with the default that the code has."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from traitlets import HasTraits

from docs import settings
from queues.policy import Queue, QueuePolicy, load_policy
from tests.docs.pages import ROOMS, ROOT, read

CONFIGURATION = read(settings.PAGE)
# Made by the demo for its supervisord alone, and by start.sh and the launcher for each other.
INTERNAL = {"HPCHUB_CONFIGURATION", "HPCHUB_HOOKS_DONE", "HPCHUB_PORT_FILE"}


def test_tables_are_those_of_the_code() -> None:
    for page in settings.PAGES:
        assert settings.render_page(read(page)) == read(page), "run python -m docs.settings"


def test_every_table_is_on_a_page() -> None:
    pages = map(read, settings.PAGES)
    found = [name for page in pages for name in re.findall(r"<!-- settings: (\w+) -->", page)]
    assert sorted(found) == sorted(settings.TABLES)


def test_another_default_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in settings.CLASSES.items():
        trait = next(iter(kind.class_own_traits(config=True).values()))
        with monkeypatch.context() as patch:
            patch.setattr(trait, "help", "Another meaning.")
            assert settings.render_page(CONFIGURATION) != CONFIGURATION, name


def test_every_class_with_settings_has_a_table() -> None:
    for room in ROOMS:
        for module in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            # Programs, and what only alembic runs.
            if not module.name.endswith(("__main__", "launch", "migrations.env")):
                importlib.import_module(module.name)
    kinds = {kind for kind in _all_below(HasTraits) if kind.__module__.split(".")[0] in ROOMS}
    with_settings = {kind for kind in kinds if kind.class_own_traits(config=True)}
    assert with_settings == set(settings.CLASSES.values())


def test_every_field_of_a_queue_is_on_the_page() -> None:
    for name in (*Queue.model_fields, *QueuePolicy.model_fields):
        assert f"`{name}`" in CONFIGURATION or f"`[[{name}]]`" in CONFIGURATION, name


def test_queues_and_presets_that_are_shown_are_ones_that_work(tmp_path: Path) -> None:
    shown = re.findall(r"^```toml\n(.*?)^```", CONFIGURATION, re.DOTALL | re.MULTILINE)
    shared = '[[queues]]\nname = "jupyter"\nkind = "shared"\nslots_per_node = 10\nmax_hours = 24\n'
    file = tmp_path / "queues.toml"
    file.write_text("\n".join([*shown, shared]))
    policy = load_policy(file)
    assert [queue.name for queue in policy.queues] == ["mixed", "jupyter"]
    assert [preset.name for preset in policy.presets] == ["try"]


def test_every_key_of_the_helper_is_on_the_page() -> None:
    text = read(ROOT / "spawner" / "as_user.py")
    keys = set(re.findall(r'settings(?:\[|\.get\()"(\w+)"', text))
    keys |= set(re.findall(r'folder\(settings, "(\w+)"', text))
    section = CONFIGURATION.split("## The helper: hpchub-as-user.json")[1].split("\n## ")[0]
    assert keys == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_environment_variable_is_on_the_page_and_no_other() -> None:
    files = [path for pattern in ("*.py", "*.sh") for path in ROOT.rglob(pattern)]
    ours = [path for path in (*files, ROOT / "Makefile") if "docs" not in path.relative_to(ROOT).parts]
    used = {name for path in ours for name in re.findall(r"\bHPCHUB_[A-Z_]+\b", read(path))}
    documented = set(re.findall(r"`(HPCHUB_[A-Z_]+)`", CONFIGURATION))
    assert used - INTERNAL == documented


def _all_below(kind: type[HasTraits]) -> set[type[HasTraits]]:
    direct = set(kind.__subclasses__())
    return direct.union(*(_all_below(one) for one in direct))
