"""What people and programs may ask for; everything else is refused by a sentence that names it."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import names
from environments.layout import GENERATION
from environments.problems import Problem
from environments.records import VERBS, Action
from environments.site import PluginSet, Set
from tests.environments.files.kit import site

SITE = site(sets=(Set(name="base"), Set(name="r")), plugins=PluginSet(specs=("tensorboard",)))

GOOD: dict[str, dict[str, Any]] = {
    "bootstrap": {"set": "base", "cuda": "12.8"},
    "plugins": {},
    "reset": {"set": ""},
    "install": {"specs": ("numpy>=2,<3", "conda-forge::scipy")},
    "remove": {"specs": ("numpy",)},
    "snapshot": {"label": "before the talk, 발표 전"},
    "rollback": {"source": "0a1b2c3d"},
    "import": {"text": "dependencies: [numpy]\n", "format": "yml"},
    "clone": {"source": "other"},
    "delete": {},
}
HOSTILE_NAMES = (
    "",
    ".",
    "..",
    "...",
    "../x",
    "a/b",
    "/etc",
    "a b",
    "-n",
    "--prefix=/",
    ".hidden",
    "a\n",
    "a\x00b",
    "ä",
    "노트북",
    "a" * 41,
    "base",
    "ROOT",
    "notebook-0123abcd",
    "x-0123ABCD",
    "x-0123abcd.foreign",
    "$(id)",
    "a;b",
    "a'b",
    "a\u202eb",
    "~",
    "*",
)


def action(verb: str, **about: Any) -> Action:
    return Action(**{"id": "0123456789abcdef", "verb": verb, "environment": "notebook", **about})


def refusal(asked: Action, existing: tuple[str, ...] = ()) -> str:
    with pytest.raises(Problem) as caught:
        names.check(asked, SITE, existing)
    text = str(caught.value.sentence)
    assert text.isprintable()
    assert len(text) < 600
    return text


@pytest.mark.parametrize("verb", VERBS)
def test_every_action_is_taken_with_what_belongs_to_it(verb: str) -> None:
    names.check(action(verb, **GOOD[verb]), SITE)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("set", "base"),
        ("specs", ("numpy",)),
        ("source", "0a1b2c3d"),
        ("label", "x"),
        ("text", "x"),
        ("format", "yml"),
        ("cuda", "12.8"),
    ],
)
def test_what_means_nothing_to_an_action_is_refused(verb: str, field: str, value: Any) -> None:
    needed, possible = names._FIELDS[verb]
    asked = dataclasses.replace(action(verb, **GOOD[verb]), **{field: value})
    if field in needed | possible:
        names.check(asked, SITE)
    else:
        assert field in refusal(asked)


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        ("install", "specs"),
        ("remove", "specs"),
        ("snapshot", "label"),
        ("import", "text"),
        ("import", "format"),
        ("clone", "source"),
    ],
)
def test_what_an_action_needs_is_asked_for(verb: str, field: str) -> None:
    asked = dataclasses.replace(action(verb, **GOOD[verb]), **{field: () if field == "specs" else ""})
    assert field in refusal(asked)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_makes_no_environment(name: str) -> None:
    refusal(action("bootstrap", environment=name))
    if name:
        refusal(action("clone", source=name))


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,45}", fullmatch=True))
def test_a_name_that_is_taken_is_a_folder_of_its_own_and_no_state_of_another(name: str) -> None:
    try:
        names.check_environment(name)
    except Problem:
        return
    assert len(name) <= 40
    assert "/" not in name
    assert name[0] not in ".-"
    assert not GENERATION.fullmatch(name)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_is_refused(name: str) -> None:
    try:
        names.check_environment(name)
    except Problem as problem:
        assert str(problem.sentence).isprintable()  # noqa: PT017 - both are right
    else:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", name)


def test_a_name_that_differs_by_capitals_only_is_refused() -> None:
    assert "Notebook" in refusal(action("bootstrap"), ("Notebook", "x"))
    names.check(action("bootstrap"), SITE, ("notebook", "x"))


@pytest.mark.parametrize(
    "value", ["", "12", "0123456789ABCDEF", "0123456789abcdef0", "../../../../x/y", "0123456789abcde\n"]
)
def test_an_id_that_could_be_a_path_is_refused(value: str) -> None:
    refusal(action("delete", id=value))


@pytest.mark.parametrize(
    "field", ["id", "verb", "environment", "set", "source", "label", "text", "format", "cuda"]
)
@pytest.mark.parametrize("value", [None, 1, ["a"], {"a": 1}])
def test_json_that_is_no_text_is_refused(field: str, value: Any) -> None:
    refusal(dataclasses.replace(action("delete"), **{field: value}))


def test_specs_that_are_no_texts_are_refused() -> None:
    refusal(action("install", specs=("numpy", None)))


def test_a_verb_that_is_none_is_refused() -> None:
    assert "exec" in refusal(action("exec"))


@pytest.mark.parametrize("label", [" ", "a" * 81, "a\nb", "a\x1b[2Jb", "evil \u202etxt", "a\u200bb"])
def test_a_label_that_cannot_be_shown_is_refused(label: str) -> None:
    refusal(action("snapshot", label=label))


@pytest.mark.parametrize("source", ["current", "../../x", "0a1b2c3", "notebook-0a1b2c3d"])
def test_a_state_that_could_be_a_path_is_refused(source: str) -> None:
    refusal(action("rollback", source=source))


def test_a_set_that_the_site_has_not_is_refused_with_those_it_has() -> None:
    assert "base, r" in refusal(action("bootstrap", set="tensorflow"))


def test_a_site_without_sets_says_so() -> None:
    with pytest.raises(Problem, match="no set of packages"):
        names.check(action("bootstrap"), site())


@pytest.mark.parametrize("cuda", ["12", "12.8.1", "12.8;id", "latest"])
def test_a_cuda_version_that_is_none_is_refused(cuda: str) -> None:
    refusal(action("bootstrap", cuda=cuda))


def test_a_clone_of_itself_is_refused() -> None:
    refusal(action("clone", source="Notebook"))


def test_fifty_megabytes_are_refused_by_their_size() -> None:
    text = refusal(action("import", text="x" * 50_000_000, format="yml"))
    assert "48829 KiB" in text
    assert "256 KiB" in text


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x1b", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\x85", "\u2028"]
)
def test_a_file_with_characters_that_nobody_sees_is_refused_by_its_line(character: str) -> None:
    assert "Line 2" in refusal(action("import", text=f"name: x\nnumpy{character}\n", format="yml"))


def test_a_file_from_windows_is_taken() -> None:
    names.check(action("import", text="\ufeffdependencies:\r\n\t- numpy\r\n", format="yml"), SITE)


def test_a_format_that_is_none_is_refused() -> None:
    assert "yml, explicit, lock" in refusal(action("import", text="x", format="exe"))


def test_what_the_hub_asks_needs_no_engine() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from environments import exporting, importing, names, takeaway; "
            "print(sorted({'rattler', 'httpx', 'jupyterhub'} & set(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert said.stdout == "[]\n"
