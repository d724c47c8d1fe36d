"""Whoever has to answer for security finds a test for every claim, and the claims are those of the code."""

import re
from pathlib import Path

import pytest

from hpchub.configuration import load
from spawner import as_user
from tests.docs.pages import ROOT, read

SECURITY = read(ROOT / "docs" / "security.md")
NAMED = sorted(set(re.findall(r"`([a-z0-9_/]+\.py)::([\w:]+)`", SECURITY)))


def _file(name: str) -> Path:
    below = ROOT / "tests" / "authenticator" / name
    return below if below.exists() else ROOT / "tests" / name


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{file}::{test}" for file, test in NAMED])
def test_tests_that_are_named_exist(file: str, test: str) -> None:
    text = read(_file(file))
    *classes, function = test.split("::")
    assert re.search(rf"^ *(?:async )?def {function}\(", text, re.MULTILINE)
    assert all(re.search(rf"^class {name}\b", text, re.MULTILINE) for name in classes)


def test_every_control_has_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", SECURITY, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 61))
    assert [number for number, tests in rows if "::" not in tests] == []


def test_sessions_and_tokens_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPCHUB_SITE_CONFIG", raising=False)
    hub = load(ROOT / "jupyterhub_config.py").config.JupyterHub
    assert 0 < hub.cookie_max_age_days <= 0.5, "0 is for ever"
    assert 0 < hub.token_expires_in_max_seconds <= 30 * 24 * 3600, "0 is for ever"


def test_the_helper_s_verbs_and_keys_are_those_that_are_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", SECURITY, re.MULTILINE)
    told = {verb: set(re.findall(r"`(\w+)`", keys)) for verb, keys in rows}
    asked_for = as_user.ASKED_FOR
    assert set(told) == set(as_user.VERBS)
    for name, verb in as_user.VERBS.items():
        keys = told[name] | (asked_for if "from `partition` on" in dict(rows)[name] else set())
        assert keys - {"partition"} == (verb.keys | verb.optional) - {"partition"}, name
