"""What people write into forms, and scripts send."""

from typing import Any

import pytest

from environments.problems import Problem
from services.environments.forms import from_form, from_json, specs_of
from texts import say


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("numpy", ["numpy"]),
        (" numpy  pandas\nscipy \n\n", ["numpy", "pandas", "scipy"]),
        ("numpy >=2,<3 scipy", ["numpy >=2,<3", "scipy"]),
        ("numpy >= 2 , < 3", ["numpy >= 2 , < 3"]),
        ("python 3.11\n>=2", ["python 3.11", ">=2"]),
        ("", []),
    ],
)
def test_packages_are_told_apart(text: str, specs: list[str]) -> None:
    assert specs_of(text) == specs


def test_a_form_gives_its_own_fields_and_no_others() -> None:
    form = {"label": " before ", "specs": "numpy", "id": "0123456789abcdef", "verb": "delete"}
    assert from_form("snapshot", "notebook", form, None) == {
        "verb": "snapshot",
        "environment": "notebook",
        "label": "before",
    }


def test_a_file_goes_before_what_was_pasted_and_says_what_it_is() -> None:
    form = {"text": "name: pasted"}
    wanted = from_form("import", "new", form, b"\xef\xbb\xbf@EXPLICIT\nhttps://channel/x.conda\n")
    assert (wanted["format"], wanted["text"].splitlines()[0]) == ("explicit", "@EXPLICIT")
    assert from_form("import", "new", form, b"")["text"] == "name: pasted"


@pytest.mark.parametrize(
    ("file", "words"), [(b"\xff\xfe\x00n", "not text in UTF-8"), (b"a" * 262_145, "257 KiB, more than 256")]
)
def test_a_file_that_cannot_be_read_here_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(Problem) as refused:
        from_form("import", "new", {}, file)
    assert words in say("en", refused.value.sentence)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"verb": "reset", "environment": "x", "user": "ben"}, "“user” is not understood"),
        ({"verb": "reset", "environment": 7}, "“environment” is not understood"),
        ({"verb": "install", "environment": "x", "specs": ["a", 1]}, "“specs” is not understood"),
        ({"verb": "reset"}, "one JSON object"),
        ([], "one JSON object"),
        (None, "one JSON object"),
    ],
)
def test_a_script_is_told_what_is_not_understood(raw: Any, words: str) -> None:
    with pytest.raises(Problem) as refused:
        from_json(raw)
    assert words in say("en", refused.value.sentence)
