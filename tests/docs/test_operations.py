"""Whoever is on call finds what the log says."""

import re

import pytest

from tests.docs.pages import ROOT, prose, read, sources

OPERATIONS = ROOT / "docs" / "operations.md"
# Lines of others: sudo, Slurm, JupyterHub.
FOREIGN = {
    "sudo: a password is required",
    "Unable to contact",
    "is slow to start (timeout=10)",
    "StartError: 400 …",
}


def test_every_reason_of_the_audit_is_explained() -> None:
    code = "\n".join(read(path) for path in sorted((ROOT / "authenticator").glob("*.py")))
    reasons = set(re.findall(r'(?:Refused|Unavailable)\("(\w+)"', code))
    refusals = re.search(r"^REFUSALS.*$", code, re.MULTILINE)
    assert refusals is not None
    reasons |= set(re.findall(r': "(\w+)"', refusals[0]))
    assert len(reasons) > 15
    explained = set(re.findall(r"`(\w+)`", "\n".join(_rows("refused") + _rows("unavailable"))))
    assert reasons - explained == set()


def _rows(first: str) -> list[str]:
    return [line for line in prose(OPERATIONS).splitlines() if line.startswith(f"| {first} |")]


def _quoted_lines() -> list[str]:
    """Return the log lines in the first column of the tables that explain them."""
    found = []
    for table in re.findall(r"^\| line \|.*?(?=\n\n)", prose(OPERATIONS), re.DOTALL | re.MULTILINE):
        for row in table.splitlines()[2:]:
            found += re.findall(r"`([^`]+)`", row.split("|")[1])
    return [line for line in found if line not in FOREIGN]


@pytest.mark.parametrize("line", _quoted_lines())
def test_log_lines_are_those_of_the_code(line: str) -> None:
    # What varies is an ellipsis in the page and a placeholder in the code; states are Slurm's.
    text = re.sub(r'"\s*\n?\s*"', "", sources())
    pieces = re.split(r"…|\bPENDING\b|\bRUNNING\b", line)
    for piece in (piece.strip(" ().") for piece in pieces):
        assert piece in text, piece


def test_there_are_log_lines_to_look_for() -> None:
    assert len(_quoted_lines()) > 15
