"""What users and their programs are told about addresses and options is what the hub answers to."""

import re

from jupyterhub import apihandlers, handlers

from spawner import SlurmGPUSpawner
from spawner.options import Options
from spawner.presets import MOST
from tests.docs.pages import ROOT, code, read

USERS = ROOT / "docs" / "users.md"
OPERATIONS = ROOT / "docs" / "operations.md"


def _section(title: str) -> str:
    return re.split(r"\n##+ ", read(USERS).split(f"# {title}\n", 1)[1])[0]


def test_options_of_a_link_are_those_that_a_start_takes() -> None:
    told = set(re.findall(r"`(\w+)`", _section("Presets and links").split("The options are")[1]))
    assert told - {"notebook", "lab"} == set(Options.model_fields)
    linked = set(re.findall(r"[?&](\w+)=", _section("Presets and links")))
    assert linked - {"preset"} <= set(Options.model_fields)


def test_number_of_presets_is_that_of_the_code() -> None:
    assert f"({MOST} at most)" in _section("Presets and links")


def test_addresses_that_are_named_are_answered() -> None:
    assert SlurmGPUSpawner, "its import puts our routes into the hub"
    patterns = [entry[0] for entry in (*apihandlers.default_handlers, *handlers.default_handlers)]
    named = {
        address
        for page in (USERS, OPERATIONS)
        for text in code(page)
        for address in re.findall(r"(?<![\w.])/hub(/(?:api/)?hpchub/[a-z/]+)", text)
    }
    assert len(named) > 3
    unknown = [one for one in sorted(named) if not any(re.fullmatch(found, one) for found in patterns)]
    assert unknown == []
