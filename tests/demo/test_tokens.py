"""The demo accounts get their tokens by the administrator's own command, all at once."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from authenticator.keys import load_keys
from authenticator.store import Store
from demo import accounts, tokens
from demo.settings import HUB_ACCOUNT, Instance, default_venv

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = accounts.load()


class Runner:
    """Runs what the demo runs, as ourselves instead of the hub's account, and remembers it."""

    def __init__(self) -> None:
        self.commands: list[Sequence[str]] = []

    def __call__(self, argv: Sequence[str], user: str, *, feed: str) -> subprocess.CompletedProcess[str]:
        assert user == HUB_ACCOUNT
        self.commands.append(argv)
        return subprocess.run(
            argv, input=feed, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(state=tmp_path, venv=default_venv(), port=8100, port_base=19000)
    made.token_key.parent.mkdir(parents=True)
    made.etc.mkdir(exist_ok=True)
    return made


def test_every_account_gets_its_token_once(instance: Instance) -> None:
    run = Runner()
    tokens.ensure(run, instance, ACCOUNTS)
    assert [argv[6] for argv in run.commands] == ["init-key", "import"]
    words = " ".join(word for argv in run.commands for word in argv)
    assert not [user.name for user in ACCOUNTS.users if user.totp_seed in words]
    store = Store(instance.token_store_url, load_keys(instance.token_key))
    try:
        found = {user.name: store.tokens.get(user.name) for user in ACCOUNTS.users}
        assert {name: token and token.seed.secret for name, token in found.items()} == {
            user.name: user.totp_seed for user in ACCOUNTS.users
        }
        assert store.notices.unseen(ACCOUNTS.users[0].name) == []
    finally:
        store.close()
    tokens.ensure(run, instance, ACCOUNTS)
    assert len(run.commands) == 2


def test_what_the_command_refuses_is_said_in_its_words(instance: Instance) -> None:
    instance.token_key.write_text("not a key\n")
    instance.token_key.chmod(0o600)
    with pytest.raises(
        tokens.TokenError, match=r"hpchub otp import .*: hpchub: .*token-key holds a line that"
    ):
        tokens.ensure(Runner(), instance, ACCOUNTS)
