"""Nobody who gets hold of the database's files finds a secret or a code in them."""

import base64
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url

from authenticator.keys import Keys
from authenticator.passcode import Seed
from authenticator.store import Store
from authenticator.store.schema import TokenRow
from tests.authenticator.postgres import Postgres
from tests.authenticator.store.kit import NOW, OTHER, SEED, STEP, USER, code_at


def spellings(canary: str) -> set[bytes]:
    plain = canary.replace("-", "")
    written = {canary.encode(), plain.encode(), plain.lower().encode()}
    if set(plain) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
        written.add(base64.b32decode(plain + "=" * (-len(plain) % 8)))
    return written


def leave_traces(store: Store) -> set[bytes]:
    """Do what leaves something in the files, and return what must not be there."""
    seeds = [SEED, OTHER, Seed("MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U")]
    codes = [store.enrolments.issue(USER, by="admin", now=NOW) for _ in range(2)]
    store.tokens.put("other001", seeds[2], now=NOW, label="phone")
    codes += [store.enrolments.begin(USER, seed, how="enrolment", now=NOW) for seed in seeds[:2]]
    confirmed = store.enrolments.confirm(codes[-1], code_at(STEP, OTHER), label="phone", window=1, now=NOW)
    assert confirmed is not None
    codes += confirmed
    codes += store.recovery.replace("other001", now=NOW)
    store.tokens.remove("other001")
    return set().union(*map(spellings, [*codes, *(seed.secret for seed in seeds)]))


def test_neither_secrets_nor_codes_are_in_the_files(tmp_path: Path, keys: Keys) -> None:
    store = Store(f"sqlite:///{tmp_path / 't.sqlite'}", keys)
    canaries = leave_traces(store)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.close()
    content += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert USER.encode() in content
    assert [canary for canary in canaries if canary in content] == []


def test_nor_in_those_of_postgresql(postgres: Postgres, postgres_url: str, keys: Keys) -> None:
    store = Store(postgres_url, keys)
    canaries = leave_traces(store)
    store.close()
    with postgres.connect() as connection:
        connection.execute("CHECKPOINT")
        name = (make_url(postgres_url).database,)
        (number,) = (
            connection.execute("SELECT oid FROM pg_database WHERE datname = %s", name).fetchone() or ()
        )
    folders = [postgres.folder / "data" / "base" / str(number), postgres.folder / "data" / "pg_wal"]
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    content = b"\0".join(path.read_bytes() for path in files)
    assert USER.encode() in content
    assert [canary for canary in canaries if canary in content] == []


def test_what_is_taken_away_or_sealed_anew_is_gone_from_the_file(tmp_path: Path, keys: Keys) -> None:
    url = f"sqlite:///{tmp_path / 't.sqlite'}"
    old = Store(url, keys)
    for user in (USER, "other001"):
        old.tokens.put(user, SEED, now=NOW)
    with old.database.reading() as session:
        sealed = session.scalars(select(TokenRow.secret)).all()
    old.close()
    assert all(each in (tmp_path / "t.sqlite").read_bytes() for each in sealed)
    rotated = Store(url, Keys(bytes(32), previous=keys.current))
    rotated.tokens.remove("other001")
    assert rotated.tokens.reseal() == 1
    rotated.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [each for each in sealed if each in content]
