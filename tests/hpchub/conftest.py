"""A token store of the test's own, and the command as an administrator runs it."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from authenticator.keys import load_keys, make_key_file
from authenticator.store import Store
from hpchub.__main__ import main
from tests.hpchub.kit import Command, Done


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "otp.key"
    make_key_file(path)
    return path


@pytest.fixture
def where(tmp_path: Path, key_file: Path) -> list[str]:
    return ["--store", f"sqlite:///{tmp_path / 'tokens.sqlite'}", "--key-file", str(key_file)]


@pytest.fixture
def store(where: list[str]) -> Iterator[Store]:
    opened = Store(where[1], load_keys(Path(where[3])))
    yield opened
    opened.close()


@pytest.fixture
def otp(where: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``hpchub otp WORDS`` with `feed` on standard input, which is no terminal."""

    def run(*words: str, feed: str | bytes = "") -> Done:
        data = feed.encode() if isinstance(feed, str) else feed
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        capsys.readouterr()
        return Done(main(["otp", *words, *where]), *capsys.readouterr())

    return run
