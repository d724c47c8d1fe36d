"""A real slapd for the whole run, and authenticators that speak to it."""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.keys import load_keys, make_key_file
from authenticator.store import Store
from demo import certificates, directory
from tests.authenticator.kit import ACCOUNTS, SEEDS, MakeAuthenticator, Slapd, settings_for
from tests.authenticator.postgres import postgres, postgres_url  # noqa: F401
from tests.authenticator.real_hub import hub, hub_process  # noqa: F401
from tests.ports import free_port


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    # Not pytest's own folder: slapd runs under another account, which may not look into it.
    folder = Path(tempfile.mkdtemp(prefix="hpchub-ldap-"))
    folder.chmod(0o755)
    files = certificates.ensure(folder / "tls", "localhost")
    port, plain_port = free_port(), free_port()
    argv = directory.prepare(
        folder / "ldap", port=port, certificates=files, accounts=ACCOUNTS, home_pattern="/home/{username}"
    )
    place = argv.index("-h") + 1
    argv[place] += f" ldap://127.0.0.1:{plain_port}/"
    server = Slapd(folder, port, plain_port, argv, files)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "otp.key"
    make_key_file(path)
    return path


@pytest.fixture
def store(tmp_path: Path, key_file: Path) -> Iterator[Store]:
    """The token store of the test, with a token for everybody but nouse01."""
    opened = Store(f"sqlite:///{tmp_path / 'tokens.sqlite'}", load_keys(key_file))
    for user, seed in SEEDS.items():
        if user != "nouse01":
            opened.tokens.put(user, seed, now=time.time())
    yield opened
    opened.close()


@pytest.fixture
def make_authenticator(slapd: Slapd, store: Store, tmp_path: Path) -> MakeAuthenticator:
    """Return a maker of authenticators, checked and ready; keyword arguments override settings."""

    def make(**changes: Any) -> LDAPOTPAuthenticator:
        log = logging.getLogger("hpchub.test")
        log.setLevel(logging.DEBUG)
        made = LDAPOTPAuthenticator(**(settings_for(slapd, tmp_path) | changes), log=log)
        made.check_allow_config()
        return made

    return make


@pytest.fixture
def authenticator(make_authenticator: MakeAuthenticator) -> LDAPOTPAuthenticator:
    return make_authenticator()
