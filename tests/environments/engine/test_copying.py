"""A snapshot shares what nobody writes into, and has of its own what somebody has changed."""

import importlib.util
import py_compile
from collections.abc import Callable
from pathlib import Path

import pytest

from environments.actions import copying
from environments.layout import Layout
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel

MODULE = "lib/python3.11/site-packages/mod.py"


@pytest.fixture
def state(own_channel: Channel, person_at: Callable[..., Person]) -> Path:
    """A state with a package's module, which Python has compiled."""
    own_channel.add("mod", "1.0", {MODULE: "x = 1\n"})
    made = person_at(own_channel.url).make("mod")
    py_compile.compile(str(made / MODULE), doraise=True)
    return made


def snapshot(layout: Layout, state: Path) -> Path:
    return copying.copy(layout, "notebook", state, {"label": "kept"}, lambda _said: None)


def compiled(prefix: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(prefix / MODULE)))


def test_a_file_that_somebody_has_put_in_place_of_a_packages_is_copied(layout: Layout, state: Path) -> None:
    (state / MODULE).unlink()
    (state / MODULE).write_text("x = 2\n")
    kept = snapshot(layout, state)
    (state / MODULE).write_text("x = 3\n")  # into the same file
    assert (kept / MODULE).read_text() == "x = 2\n"
    assert not compiled(kept).samefile(compiled(state))


def test_what_is_left_compiled_without_its_source_comes_along(layout: Layout, state: Path) -> None:
    (state / MODULE).unlink()
    kept = snapshot(layout, state)
    assert not (kept / MODULE).exists()
    # With its own path in it, as all that is copied.
    assert str(kept / MODULE).encode() in compiled(kept).read_bytes()
