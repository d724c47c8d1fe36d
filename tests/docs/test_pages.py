"""Readers find what the documents name: pages, files, commands."""

import importlib.util
import re
from pathlib import Path

import pytest

from demo import accounts
from demo.__main__ import main as demo
from hpchub.__main__ import main as hpchub
from tests.docs.pages import PAGES, ROOT, anchors, code, links, read

FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}
LARGEST_IMAGE = 200_000
JOB_NAME = re.compile(r"hpchub/[a-z0-9]+/\w+/[0-9a-f]{8}")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http:", "https:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{link} is not there"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@each_page
def test_files_that_are_named_are_there(page: Path) -> None:
    words = [word.strip("\"',;:") for text in code(page) for word in text.split()]
    named = [word for word in words if word.split("/")[0] in FOLDERS and "/" in word]
    # Tests are looked for by name in test_security.
    named = [word for word in named if not JOB_NAME.fullmatch(word) and "::" not in word]
    assert [word for word in named if not (ROOT / word).exists()] == []


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = re.search(r"^\.PHONY: (.+)$", read(ROOT / "Makefile"), re.MULTILINE)
    assert targets is not None
    named = {found for text in code(page) for found in re.findall(r"\bmake (?!s\b)([a-z]+)", text)}
    assert named - set(targets[1].split()) == set()


@each_page
def test_modules_that_are_run_exist(page: Path) -> None:
    named = {found for text in code(page) for found in re.findall(r"\bpython3? -m ([a-z_.]+)", text)}
    assert [name for name in sorted(named) if importlib.util.find_spec(name) is None] == []


def test_commands_of_the_demo_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for command in named_commands(r"-m demo ([a-z][a-z-]*)"):
        with pytest.raises(SystemExit) as ended:
            demo([command, "--help"])
        assert ended.value.code == 0, f"{command}: {capsys.readouterr().err}"


def test_commands_of_hpchub_exist(capsys: pytest.CaptureFixture[str]) -> None:
    # `hub` is what the operations page calls it by.
    for command in named_commands(r"(?m)(?:^|/|-- |demo )(?:hpchub|hub) ((?:otp )?[a-z][a-z-]+)"):
        assert hpchub([*command.split(), "--help"]) == 0, f"{command}: {capsys.readouterr().err}"


def test_options_that_are_shown_exist(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.compile(r"\b(?:hpchub|hub) ((?:env(?: --site \S+)?|otp) [a-z][a-z-]*|doctor)\b(.*)")
    seen: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for line in (line for text in code(page) for line in text.splitlines()):
            for command, rest in shown.findall(line):
                words = tuple(word for word in command.split() if word in ("env", "otp", "doctor"))
                last = command.split()[-1]
                options = re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)
                seen.setdefault((*words, *({last} - set(words))), set()).update(options)
    assert sum(map(len, seen.values())) > 15
    for command, options in seen.items():
        assert hpchub([*command, "--help"]) == 0
        told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out))
        assert options <= told, " ".join(command)


def named_commands(pattern: str) -> list[str]:
    found = {name for page in PAGES for text in code(page) for name in re.findall(pattern, text)}
    assert found
    return sorted(found)


def test_readme_shows_the_demo_s_accounts() -> None:
    rows = [line.split() for line in read(ROOT / "README.md").splitlines()]
    for user in accounts.load().users:
        assert any(row[:2] == [user.name, user.password] for row in rows), user.name


def test_images_are_small_enough_to_load_quickly() -> None:
    images = [page.parent / link for page in PAGES for link in links(page) if link.endswith(".png")]
    assert images
    assert [image.name for image in images if image.stat().st_size > LARGEST_IMAGE] == []
