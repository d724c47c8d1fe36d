"""`hpchub otp issue` with the configuration: typing errors are found out before a code goes to anybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hpchub.__main__ import main
from tests.authenticator.kit import ACCOUNTS, Slapd, settings_for
from tests.ports import free_port


class Done(NamedTuple):
    code: int
    out: str
    err: str


Issue = Callable[..., Done]


@pytest.fixture
def issue(slapd: Slapd, tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]) -> Issue:
    def run(name: str, *words: str, **changes: Any) -> Done:
        settings = settings_for(slapd, tmp_path) | changes
        config = tmp_path / "jupyterhub_config.py"
        config.write_text(
            "\n".join(f"c.LDAPOTPAuthenticator.{name} = {value!r}" for name, value in settings.items())
        )
        capsys.readouterr()
        code = main(["otp", "issue", name, *words, "--config", str(config)])
        return Done(code, *capsys.readouterr())

    return run


def test_somebody_in_the_directory_gets_a_code(issue: Issue) -> None:
    done = issue("a1113a01")
    assert done.code == 0
    assert "Enrolment code for a1113a01" in done.out


def test_a_name_that_nobody_has_gets_none_unless_it_is_meant(issue: Issue) -> None:
    done = issue("a1113a0l")
    assert (done.code, done.out) == (1, "")
    assert done.err == "hpchub: the directory has no a1113a0l; if that is meant, say --unchecked\n"
    assert issue("a1113a0l", "--unchecked").code == 0


def test_somebody_who_is_locked_in_the_directory_gets_none(issue: Issue) -> None:
    (locked,) = [user.name for user in ACCOUNTS.users if user.locked]
    done = issue(locked)
    assert done.code == 1
    assert f"{locked} is disabled in the directory (" in done.err


def test_without_an_answer_of_the_directory_it_says_how_to_do_without(issue: Issue) -> None:
    done = issue("a1113a01", server_uris=[f"ldaps://localhost:{free_port()}"])
    assert (done.code, done.out) == (1, "")
    assert "the directory does not tell who a1113a01 is (" in done.err
    assert "say --unchecked" in done.err


def test_a_certificate_file_that_is_none_is_said(issue: Issue, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    done = issue("a1113a01", ca_file=str(tmp_path / "ca.pem"))
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert f"ca_file ({tmp_path / 'ca.pem'}) or bind_password_file" in done.err
