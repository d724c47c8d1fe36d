"""Whoever is on call finds what the log says."""

import ast
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


# Which argument of each is the reason.
RAISED = {"Refused": 0, "Unavailable": 0, "Throttled": 1}


def reasons() -> set[str]:
    """Return the reasons of refusals and outages that the code has: what is raised, and tables of causes."""
    found = {"password_expired"}  # `PasswordExpired` says it itself
    for path in sorted((ROOT / "authenticator").rglob("*.py")):
        for node in ast.walk(ast.parse(read(path))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=args) if len(args) > RAISED.get(name, len(args)):
                    found |= _words(args[RAISED[name]])
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=causes)):
                    if name.endswith(("REFUSALS", "REASONS")):
                        found |= {word for cause in causes for word in _words(cause)}
                case ast.FunctionDef(name="_reason", body=body):
                    returned = [
                        each for line in body for each in ast.walk(line) if isinstance(each, ast.Return)
                    ]
                    found |= {word for each in returned if each.value for word in _words(each.value)}
    return found


def _words(value: ast.expr) -> set[str]:
    """Return the words that a value can be: a constant, or one of two."""
    match value:
        case ast.IfExp(body=one, orelse=other):
            return _words(one) | _words(other)
        case ast.Constant(value=str(word)) if re.fullmatch(r"[a-z_]+", word):
            return {word}
    return set()


def test_every_reason_of_the_audit_is_explained() -> None:
    found = reasons()
    assert {"otp_used", "throttled_locked", "locked", "disabled", "privacyidea", "busy"} <= found
    explained = set(re.findall(r"`(\w+)`", "\n".join(_rows("refused") + _rows("unavailable"))))
    assert found - explained == set()


def _rows(first: str) -> list[str]:
    return [line for line in prose(OPERATIONS).splitlines() if line.startswith(f"| {first} |")]


def _quoted_lines() -> list[str]:
    """Return the log lines and the doctor's findings that tables explain, from their first column."""
    found = []
    for table in re.findall(
        r"^\| (?:line|finding) \|.*?(?=\n\n)", prose(OPERATIONS), re.DOTALL | re.MULTILINE
    ):
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
