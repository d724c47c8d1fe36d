"""What failed is done again without typing it again."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from environments.records import VERBS
from services.environments.digest import Digest
from services.environments.forms import from_form
from services.environments.retry import form_again, words_asked
from services.environments.told import Past


def told(action: Any) -> Digest:
    digest = Digest(Past("a" * 16, "", ""))
    digest.take({"events": [{"kind": "begin", "at": 1.0, "about": {"action": action}}], "next": 10})
    return digest


def test_a_mistyped_package_leads_back_to_all_that_were_asked_for() -> None:
    asked = told({"verb": "install", "environment": "notebook", "specs": ["numpy>=2,<3", "tabulat"]}).asked
    assert words_asked("install", asked) == "numpy>=2,<3 tabulat"
    form = urlsplit(form_again("failed", "install", "notebook", asked))
    assert form.path == "environments/notebook/install"
    fields = {name: values[0] for name, values in parse_qs(form.query).items()}
    assert from_form("install", "notebook", fields, None)["specs"] == ["numpy>=2,<3", "tabulat"]


@pytest.mark.parametrize(
    ("verb", "asked", "address"),
    [
        ("bootstrap", {"set": "base"}, "new/bootstrap?environment=mine&set=base"),
        ("bootstrap", {"set": "base", "cuda": "12.4"}, "new/bootstrap?environment=mine&set=base&cuda=12.4"),
        ("reset", {"set": "base"}, "environments/mine/reset?set=base"),
        ("remove", {"specs": "numpy scipy"}, "environments/mine/remove?specs=numpy+scipy"),
        ("plugins", {"specs": "x"}, "environments/mine/plugins"),
        ("unknown", {}, ""),
        ("import", {}, "new/import?environment=mine"),
        ("clone", {"source": "first"}, "environments/first/clone?environment=mine"),
        ("clone", {}, ""),
        ("snapshot", {"label": "before A&B"}, "environments/mine/snapshot?label=before+A%26B"),
        ("rollback", {"source": "0123abcd"}, "environments/mine/rollback"),
        ("delete", {}, "environments/mine/delete"),
    ],
)
def test_each_has_its_form(verb: str, asked: dict[str, str], address: str) -> None:
    assert form_again("cancelled", verb, "mine", asked) == address


@pytest.mark.parametrize("verb", VERBS)
def test_what_goes_on_or_is_done_is_not_offered_again(verb: str) -> None:
    asked = {"source": "x"}
    assert form_again("interrupted", verb, "mine", asked)
    assert [form_again(state, verb, "mine", asked) for state in ("waiting", "running", "done")] == [""] * 3


@pytest.mark.parametrize("action", [None, [], {"specs": 7, "label": ["x"]}, {"specs": [None, {"a": 1}, ""]}])
def test_what_a_journal_holds_instead_is_left_out(action: Any) -> None:
    assert told(action).asked == {}


def test_a_journal_cannot_make_an_address_without_end() -> None:
    asked = told({"specs": ["x" * 10_000] * 10_000, "label": "y" * 10_000}).asked
    assert len(form_again("failed", "install", "mine", asked)) < 12_000
    assert len(asked["label"]) == 100


def test_a_name_from_a_journal_leads_to_no_other_page() -> None:
    assert form_again("failed", "delete", "../x?y#z", {}) == "environments/..%2Fx%3Fy%23z/delete"
    assert form_again("failed", "clone", "mine", {"source": "../x"}).startswith("environments/..%2Fx/clone")
    assert form_again("failed", "delete", "", {}) == ""


@pytest.mark.parametrize(
    ("verb", "words"),
    [("remove", "numpy"), ("snapshot", "before"), ("clone", "first"), ("rollback", "first"), ("reset", "")],
)
def test_what_was_typed_is_shown_with_the_action(verb: str, words: str) -> None:
    assert words_asked(verb, {"specs": "numpy", "label": "before", "source": "first", "set": "base"}) == words
