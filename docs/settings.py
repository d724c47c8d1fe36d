"""Writes the tables of settings in docs/ from the code: ``python -m docs.settings``.

With ``--check`` it changes nothing and fails where a page and the code differ, as a test does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from traitlets import HasTraits

from authenticator.audit import Audit
from authenticator.factors.appended import AppendedFactor
from authenticator.factors.exempt import Exemptions
from authenticator.factors.others import OthersFactor
from authenticator.factors.privacyidea import PrivacyIDEAFactor
from authenticator.factors.radius import RadiusFactor
from authenticator.settings import LoginSettings
from authenticator.settings_directory import DirectoryLoginSettings
from authenticator.settings_watch import WatchSettings
from authenticator.throttle.settings import ThrottleSettings
from docs import site_settings
from queues.choices import Feature, GpuType
from queues.policy import Queue, QueuePolicy
from slurm.client import SlurmClient
from slurm.monitor import Monitor
from spawner.settings import SpawnerSettings

__all__ = ["CLASSES", "PAGE", "PAGES", "TABLES", "render_page"]

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = Path(__file__).with_name("configuration.md")
PAGES: Final = (PAGE, PAGE.with_name("environments-admin.md"))

CLASSES: Final[dict[str, type[HasTraits]]] = {
    "SlurmGPUSpawner": SpawnerSettings,
    "LDAPOTPAuthenticator": LoginSettings,
    "directory": DirectoryLoginSettings,
    "watch": WatchSettings,
    "Throttle": ThrottleSettings,
    "Audit": Audit,
    "Exemptions": Exemptions,
    "OthersFactor": OthersFactor,
    "AppendedFactor": AppendedFactor,
    "RadiusFactor": RadiusFactor,
    "PrivacyIDEAFactor": PrivacyIDEAFactor,
    "SlurmClient": SlurmClient,
    "Monitor": Monitor,
}
"""The classes with settings of ours, by the name of their table: mostly the one that a file uses."""

# The name stands for itself where the file leaves these out; see queues.policy.Queue.
_NAMED_AFTER: Final = {"partition": "the name", "title": "the name"}
# A default that is the place of this checkout or of its Python.
_PLACES: Final = {str(ROOT): "…", sys.executable: "the hub's own Python"}
_BLOCK: Final = re.compile(r"(<!-- settings: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _cell(text: str) -> str:
    """Put a text on one line of a table; docstring markup becomes Markdown."""
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def _default(value: object) -> str:
    match value:
        case str() if value in _PLACES:
            return _PLACES[value]
        case str() if value.startswith(str(ROOT)):
            return f"`{Path(value).relative_to(ROOT)}` of this checkout"
        case "" | None | [] | () | {}:
            return "none"
        case set() | frozenset() if not value:
            return "none"
        case type():
            return f"`{value.__module__}.{value.__name__}`"
        case bool() | int() | float():
            return f"`{value}`"
    return f"`{value}`".replace("|", "\\|")


def _traits(kind: type[HasTraits]) -> Iterable[tuple[str, str, str]]:
    # Of this class alone: those of ours that it is put together from have tables of their own.
    for name, trait in kind.class_own_traits(config=True).items():
        yield name, _default(trait.default()), _cell(str(trait.help))


def _traits_table(kind: type[HasTraits]) -> str:
    return _table(_traits(kind))


def _fields(model: type[BaseModel], leave_out: frozenset[str]) -> Iterable[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        if name not in leave_out:
            yield name, _field_default(name, field), _cell(field.description or "")


def _field_default(name: str, field: FieldInfo) -> str:
    if name in _NAMED_AFTER:
        return _NAMED_AFTER[name]
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    return "none" if isinstance(value, Mapping) else _default(value)


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in rows]
    return "\n".join(lines) + "\n"


TABLES: Final[dict[str, Callable[[], str]]] = {
    **{name: partial(_traits_table, kind) for name, kind in CLASSES.items()},
    "queue": lambda: _table(_fields(Queue, frozenset({"currency"}))),
    "gpu_type": lambda: _table(_fields(GpuType, frozenset())),
    "feature": lambda: _table(_fields(Feature, frozenset())),
    "policy": lambda: _table(_fields(QueuePolicy, frozenset({"queues"}))),
    **site_settings.tables(_table, _default),
}
"""Makes each table that a page has between ``<!-- settings: NAME -->`` and ``<!-- end -->``."""


def render_page(text: str) -> str:
    """Return the page with its tables as the code has them now."""
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


def main() -> int:
    """Bring the pages up to date; return 1 where ``--check`` finds one out of date."""
    stale = [page for page in PAGES if not _is_fresh(page)]
    if sys.argv[1:] == ["--check"]:
        for page in stale:
            sys.stderr.write(f"{page.name} is out of date: run python -m docs.settings\n")
        return int(bool(stale))
    for page in stale:
        page.write_text(render_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _is_fresh(page: Path) -> bool:
    text = page.read_text(encoding="utf-8")
    return render_page(text) == text


if __name__ == "__main__":
    sys.exit(main())
