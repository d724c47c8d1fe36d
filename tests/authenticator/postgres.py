"""A real PostgreSQL as a plain process on a free port, and an empty database for whoever asks.

`tests/authenticator/conftest.py` has the fixtures: `postgres` is the server, `postgres_url` a new database.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from demo import certificates
from tests.ports import free_port

PASSWORD = "canary-of-postgres-5521"
# Debian keeps the server's programs out of PATH.
PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
ACCOUNT = "postgres" if os.geteuid() == 0 else None

# It is thrown away afterwards, so nothing need be safe from a power cut.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "16MB",
    "ssl": "on",
    "ssl_cert_file": "server.pem",
    "ssl_key_file": "server.key",
}


@dataclass
class Postgres:
    """The server, which asks for a password that only a file has."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def password_file(self) -> Path:
        return self.folder / "pgpass"

    def url(self, database: str, *, port: int | None = None) -> str:
        return f"postgresql://hub@127.0.0.1:{port or self.port}/{database}?passfile={self.password_file}"

    def make(self) -> None:
        (self.folder / "password").write_text(PASSWORD)
        options = ("--auth=scram-sha-256", "--username=hub", f"--pwfile={self.folder / 'password'}")
        self._run("initdb", "--no-sync", "--locale=C", "--encoding=UTF8", *options, f"--pgdata={self._data}")
        self.password_file.touch(0o600)
        self.password_file.write_text(f"*:*:*:hub:{PASSWORD}\n")
        files = certificates.ensure(self.folder / "tls", "localhost")
        for path in (files.certificate, files.key):
            copy = Path(shutil.copy(path, self._data))
            copy.chmod(0o600)
            if ACCOUNT is not None:
                shutil.chown(copy, ACCOUNT)

    @property
    def ca(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    def start(self) -> None:
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        argv = [PLACES[-1] / "postgres", "-D", self._data, *(f"--{k}={v}" for k, v in settings.items())]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.folder, user=ACCOUNT, group=ACCOUNT, stdout=log, stderr=log
            )
        for _ in range(1000):
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # "fast": connections are ended
            self.process.wait(20)
            self.process = None

    def new_database(self, *, like: str = "template0") -> str:
        """Return the address of a database that is empty, or like one that nobody is connected to."""
        name = f"store{next(self.numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        argv = [PLACES[-1] / program, *arguments]
        subprocess.run(argv, cwd=self.folder, user=ACCOUNT, group=ACCOUNT, check=True, capture_output=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if not PLACES:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="hpchub-postgres-"))
    if ACCOUNT is not None:
        shutil.chown(folder, ACCOUNT)
    server = Postgres(folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    return postgres.new_database()
