"""Opening a store: safe or not at all, whoever made it, and no password in any text."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from authenticator.keys import Keys
from authenticator.passcode import Seed
from authenticator.store import Store, StoreError
from authenticator.store.migrating import FOLDER, VERSION_TABLE, migrate, newest
from authenticator.store.schema import Base
from demo import certificates
from tests.authenticator.postgres import PASSWORD, Postgres
from tests.authenticator.store.kit import NOW, OTHER, SEED, USER, token_of
from tests.ports import free_port

# What the first release wrote, byte for byte, with the key 00 01 02 ... 1f.
FIRST_KEYS = Keys(bytes(range(32)))
FIRST_RELEASE = """
CREATE TABLE otp_tokens (
    id VARCHAR NOT NULL, {q}user{q} VARCHAR NOT NULL, secret {bytes} NOT NULL, key_id VARCHAR NOT NULL,
    digits INTEGER NOT NULL, {q}interval{q} INTEGER NOT NULL, algorithm VARCHAR NOT NULL,
    last_step BIGINT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (id), UNIQUE ({q}user{q})
);
INSERT INTO otp_tokens VALUES ('d22a7a331d0343d454030af1525a54a6', 'a1113a01', {open}372DF4A9A61B0C56D1\
9F81C6A0701FC4C2EFEDA42DDBC1A029B054032F47253F299C128F6B66B6AE30FE976FBAE983BAA5707C55485BBAA7198493FB{close},
    '24ccfda1653781f7', 6, 30, 'sha1', 59666700, 1790000000);
INSERT INTO otp_tokens VALUES ('98ddb0d81b7458a1e0edff39cd062155', 'unused01', {open}8DC887B6AD9BD4D5A8\
93030C5278CFD3FA03D37AE477DD0F1A1658BC9F0DF1E01483628BDD7EA545D41F8B074BFE46B0337B717342AF101184082C99{close},
    '24ccfda1653781f7', 8, 30, 'sha256', -1, 1790000000);
"""


@pytest.fixture
def first_release(empty_url: str, request: pytest.FixtureRequest) -> str:
    """Return the address of a database that the first release made."""
    if empty_url.startswith("sqlite"):
        path = Path(empty_url.removeprefix("sqlite:///"))
        path.touch(0o600)
        connection = sqlite3.connect(path)
        connection.executescript(FIRST_RELEASE.format(q='"', bytes="BLOB", open="X'", close="'"))
        connection.close()
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.connect(make_url(empty_url).database or "") as connection:
            for each in FIRST_RELEASE.format(q='"', bytes="BYTEA", open="decode('", close="', 'hex')").split(
                ";"
            ):
                connection.execute(each.encode())
    return empty_url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.sqlite"


@pytest.fixture
def opened(path: Path, keys: Keys) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}", keys)
    yield store
    store.close()


# ----- versions ---------------------------------------------------------------------------------


def test_tokens_of_the_first_release_work_on_and_their_used_codes_stay_used(first_release: str) -> None:
    store = Store(first_release, FIRST_KEYS)
    token = token_of(store)
    assert (token.seed, token.last_step, token.drift, token.disabled, token.label) == (
        SEED,
        59666700,
        0,
        False,
        "",
    )
    assert token.created.timestamp() == 1790000000
    assert token.last_used is not None
    assert token.last_used.timestamp() == 59666700 * 30
    assert not store.tokens.claim(token.id, 59666700, now=NOW)
    assert store.tokens.claim(token.id, 59666701, now=NOW)
    unused = token_of(store, "unused01")
    assert unused.seed == Seed(OTHER.secret, digits=8, algorithm="sha256")
    assert unused.last_used is None
    store.enrolments.issue(USER, by="admin", now=NOW)
    store.close()


def test_migrated_tables_are_those_that_the_code_declares(first_release: str) -> None:
    store = Store(first_release, FIRST_KEYS)
    with store.database.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    store.close()
    assert differences == []


def test_the_newest_migration_is_the_one_with_the_highest_number() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [newest()]
    assert script.get_bases() == ["0001"]


def test_a_store_of_a_newer_hpchub_is_refused(url: str, keys: Keys) -> None:
    store = Store(url, keys)
    with store.database.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match=r"version 9999 .* a newer hpchub has changed it"):
        Store(url, keys)


def test_a_hub_database_with_versions_of_its_own_can_hold_the_store(path: Path, keys: Keys) -> None:
    path.touch(0o600)
    hub = sqlite3.connect(path)
    hub.executescript(
        "CREATE TABLE alembic_version (version_num VARCHAR); INSERT INTO alembic_version VALUES ('abc')"
    )
    Store(f"sqlite:///{path}", keys).close()
    assert hub.execute("SELECT version_num FROM alembic_version").fetchall() == [("abc",)]
    hub.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    path.touch(0o600)
    old = sqlite3.connect(path)
    old.executescript(FIRST_RELEASE.format(q='"', bytes="BLOB", open="X'", close="'"))
    # In the way of a table that the migration makes, after it has changed others.
    old.execute("CREATE TABLE otp_notices (mine VARCHAR)")
    before = list(old.iterdump())
    with pytest.raises(StoreError, match="otp_notices"):
        Store(f"sqlite:///{path}", FIRST_KEYS)
    assert list(old.iterdump()) == before
    old.execute("DROP TABLE otp_notices")
    old.close()
    store = Store(f"sqlite:///{path}", FIRST_KEYS)
    assert token_of(store).seed == SEED
    store.close()


def test_a_store_that_is_up_to_date_is_opened_with_a_few_questions_and_no_write(
    opened: Store, path: Path, keys: Keys
) -> None:
    before = path.with_name("t.sqlite-wal").stat().st_size
    again = Store(f"sqlite:///{path}", keys)
    asked: list[str] = []
    event.listen(again.database.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    migrate(again.database.engine)
    again.close()
    assert len(asked) <= 3
    assert not [each for each in asked if "IMMEDIATE" in each]
    assert path.with_name("t.sqlite-wal").stat().st_size == before


# ----- safety -----------------------------------------------------------------------------------


def test_nobody_else_may_read_the_files(opened: Store, tmp_path: Path) -> None:
    opened.tokens.put(USER, SEED, now=NOW)
    assert len(list(tmp_path.iterdir())) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_readable_database_is_refused(path: Path, keys: Keys) -> None:
    path.touch(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        Store(f"sqlite:///{path}", keys)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_database_of_somebody_else_is_refused(path: Path, keys: Keys) -> None:
    path.touch(0o600)
    os.chown(path, 12345, 12345)
    with pytest.raises(StoreError, match="belongs to uid 12345"):
        Store(f"sqlite:///{path}", keys)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_that_forgets_is_refused(url: str, keys: Keys) -> None:
    with pytest.raises(StoreError, match="needs a file"):
        Store(url, keys)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, keys: Keys) -> None:
    path.touch(0o600)
    path.write_text("somebody's letter\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{path}", keys)
    assert path.read_text() == "somebody's letter\n" * 100


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(StoreError, match=r"nowhere/t\.sqlite cannot be opened: No such file"):
        Store(f"sqlite:///{tmp_path}/nowhere/t.sqlite", keys)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hub:canary-77@localhost/hub",
        "postgresql+psycopg://hub:canary-77@localhost/hub",
        "postgresql://hub@localhost/hub?password=canary-77",
        "postgresql://hub@localhost/hub?sslpassword=canary-77",
        "postgresql://hub:canary-77@localhost:port/hub",
        "mysql://hub:canary-77@localhost/hub",
        "canary-77",
    ],
)
def test_an_address_that_will_not_do_is_refused_without_being_shown(url: str, keys: Keys) -> None:
    with pytest.raises(
        StoreError, match=r"has a password in it: put it into ~/\.pgpass|sqlite:///FILE"
    ) as refusal:
        Store(url, keys)
    seen: BaseException | None = refusal.value
    assert "canary" not in repr(seen)
    assert seen.__suppress_context__ or "canary" not in repr(seen.__context__)
    assert "canary" not in str(refusal.getrepr(style="short", showlocals=False).reprcrash)


def test_a_postgresql_that_is_not_there_is_named_in_one_sentence(postgres: Postgres, keys: Keys) -> None:
    port = free_port()
    with pytest.raises(StoreError, match=f"cannot be opened: .*{port}.*refused"):
        Store(postgres.url("hub", port=port), keys)


def test_a_wrong_password_file_is_told_without_a_password(
    postgres: Postgres, tmp_path: Path, keys: Keys
) -> None:
    wrong = tmp_path / "pgpass"
    wrong.touch(0o600)
    wrong.write_text("*:*:*:hub:canary-wrong\n")
    url = postgres.url("postgres").replace(str(postgres.password_file), str(wrong))
    with pytest.raises(StoreError, match="password authentication failed") as refusal:
        Store(url, keys)
    assert "canary" not in repr(refusal.value)


@pytest.mark.parametrize(
    "server",
    [
        "db.invalid/hub",
        "db.invalid/hub?sslmode=require",
        "/hub?host=db.invalid",
        "localhost/hub?hostaddr=192.0.2.1",
        "/hub?host=localhost,db.invalid",
        "localhost/hub?service=elsewhere",
    ],
)
def test_a_network_without_verified_certificates_is_refused(server: str, keys: Keys) -> None:
    with pytest.raises(StoreError, match="sslmode=verify-full"):
        Store(f"postgresql://hub@{server}", keys)


def test_a_server_that_proves_who_it_is_is_trusted_and_another_is_not(
    postgres: Postgres, postgres_url: str, tmp_path: Path, keys: Keys
) -> None:
    verified = f"{postgres_url}&sslmode=verify-full&sslrootcert="
    store = Store(f"{verified}{postgres.ca}", keys)
    with store.database.reading() as session:
        encrypted = session.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    store.close()
    assert encrypted
    other = certificates.ensure(tmp_path / "tls", "localhost")
    with pytest.raises(StoreError, match="certificate verify failed"):
        Store(f"{verified}{other.ca}", keys)


def test_no_text_about_the_database_shows_password_or_rows(postgres_url: str, keys: Keys) -> None:
    store = Store(postgres_url, keys)
    shown = [repr(store), repr(store.database), repr(store.database.engine), repr(store.database.keys)]
    with store.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE otp_tokens"))
    with pytest.raises(SQLAlchemyError, match="otp_tokens") as failure:
        store.tokens.get("canary-user")
    shown += [str(failure.value), repr(failure.value)]
    store.close()
    assert not [each for each in shown if PASSWORD in each or "canary" in each or SEED.secret in each]
