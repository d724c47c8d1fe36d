"""The administrator's command that gives users their tokens."""

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from authenticator.__main__ import main
from authenticator.keys import load_keys
from authenticator.passcode import Seed, step_at
from authenticator.store import TokenStore

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def where(tmp_path: Path, key_file: Path) -> list[str]:
    return ["--store", f"sqlite:///{tmp_path / 'tokens.sqlite'}", "--key-file", str(key_file)]


def stored(where: list[str]) -> TokenStore:
    return TokenStore(where[1], load_keys(Path(where[3])))


def test_a_new_secret_is_shown_once_and_works(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["set-token", "a1113a01", "--issuer", "HPC Centre", *where]) == 0
    shown = capsys.readouterr().out
    secret = re.search(r"secret  ([A-Z2-7]{32})$", shown, re.MULTILINE)
    assert secret is not None
    assert f"otpauth://totp/HPC%20Centre:a1113a01?secret={secret[1]}&issuer=HPC%20Centre" in shown
    token = stored(where).token("a1113a01")
    assert token is not None
    assert token.seed == Seed(secret[1])
    main(["list", *where])
    assert secret[1] not in capsys.readouterr().out


def test_a_secret_from_a_file_or_standard_input_is_not_shown(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seed").write_text(f"{SECRET[:16].lower()} {SECRET[16:]}\n")
    assert main(["set-token", "a1113a01", "--seed-file", str(tmp_path / "seed"), *where]) == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(SECRET + "\n"))
    assert main(["set-token", "A1113A02", "--seed-file", "-", *where]) == 0
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    for user in ("a1113a01", "a1113a02"):
        token = stored(where).token(user)
        assert token is not None
        assert token.seed.secret == SECRET


def test_the_same_secret_again_leaves_a_used_code_used(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seed").write_text(SECRET)
    command = ["set-token", "a1113a01", "--seed-file", str(tmp_path / "seed"), *where]
    assert main(command) == 0
    store = stored(where)
    token = store.token("a1113a01")
    assert token is not None
    now = step_at(token.seed, time.time())
    assert store.claim(token.id, now)
    assert main(command) == 0
    assert "has this token already" in capsys.readouterr().out
    assert not store.claim(token.id, now)


def test_a_removed_token_is_gone(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["set-token", "a1113a01", *where])
    assert main(["remove-token", "a1113a01", *where]) == 0
    assert stored(where).token("a1113a01") is None
    assert main(["remove-token", "a1113a01", *where]) == 1
    assert "has no token" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set-token", "a*"], "'a*' cannot be a user name"),
        (["set-token", "a1113a01", "--seed-file", "/nowhere/seed"], "/nowhere/seed: No such file"),
        (["init-key"], "exists already and is not overwritten"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    where: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main([*arguments, *where]) == 1
    assert sentence in capsys.readouterr().err


def test_a_short_secret_is_refused_and_not_repeated(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seed").write_text("JBSWY3DPEHPK3PXP")
    assert main(["set-token", "a1113a01", "--seed-file", str(tmp_path / "seed"), *where]) == 1
    message = capsys.readouterr().err
    assert "80 bits; at least 128" in message
    assert "JBSW" not in message


def test_without_a_store_it_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 1
    assert "give --config, or --store and --key-file" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_account_is_told_whom_to_be(
    where: list[str], key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chown(key_file, 65534, 65534)
    assert main(["set-token", "a1113a01", *where]) == 1
    assert "run as the account nobody" in capsys.readouterr().err


def test_the_hubs_own_configuration_file_says_where_the_store_is(where: list[str], tmp_path: Path) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        f"c = get_config()\nc.LDAPOTPAuthenticator.store_url = {where[1]!r}\n"
        f"c.LDAPOTPAuthenticator.key_file = {where[3]!r}\n"
    )
    command = [sys.executable, "-m", "authenticator", "set-token", "a1113a01", "--config", str(config)]
    done = subprocess.run(
        [*command, "--seed-file", "-"], input=SECRET, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert stored(where).token("a1113a01") is not None


def test_a_key_is_made_for_this_account_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.key"
    assert main(["init-key", "--key-file", str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(load_keys(path).current) == 32
