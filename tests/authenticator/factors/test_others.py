"""Which codes go out to somebody else's server, and how often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from traitlets.config import Configurable

from authenticator.errors import LoginError, Refused, Unavailable
from authenticator.factors.appended import AppendedFactor
from authenticator.factors.interface import Attempt
from authenticator.factors.others import OthersFactor, SentCodes, code_for_others
from authenticator.factors.privacyidea import PrivacyIDEAFactor
from authenticator.factors.radius import RadiusFactor
from authenticator.keys import Keys, load_keys
from authenticator.store import Store
from authenticator.store.schema import SentRow
from authenticator.workers import Deadline
from tests.authenticator.factors.freeradius import Radius
from tests.authenticator.factors.kit import directory_of
from tests.authenticator.factors.otp_directory import OTPDirectory
from tests.authenticator.kit import code_of


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("1234-5678", "12345678"),
        ("12345", "12345"),
        ("1234567", "1234567"),
        ("pin 123-456", "pin 123-456"),
        ("ccccccbtijfvirhnvvlttulvlirkujcjgdvlcggvjfhk", "ccccccbtijfvirhnvvlttulvlirkujcjgdvlcggvjfhk"),
        ("\tcorrect horse\u00a0", "correct horse"),
        ("~" * 64, "~" * 64),
    ],
)
def test_codes_of_other_servers_go_out_as_typed_and_digits_without_blanks(typed: str, sent: str) -> None:
    assert code_for_others(typed) == sent


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "~" * 65, "１２３４５６", "12\u0000456", "12\n3456x", "pass\u00e9", "\ud800", "a\x7fb"],
)
def test_what_cannot_be_a_code_goes_nowhere(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        code_for_others(typed)
    assert refusal.value.reason == "otp_syntax"


def refused_as(factor: OthersFactor, one: Attempt) -> str:
    with pytest.raises(Refused) as refusal:
        factor.check(one, Deadline(5))
    return refusal.value.reason


def test_a_code_that_freeradius_would_take_twice_works_once(radius: Radius, secret_file: str) -> None:
    one = Attempt("a1113a02", code_of("a1113a02"), b"secret", "192.0.2.7")
    forgetful = RadiusFactor(servers=[radius.address], secret_files=[secret_file], send_again_after=0)
    assert forgetful.check(one, Deadline(5)) == forgetful.check(one, Deadline(5))
    careful = RadiusFactor(servers=[radius.address], secret_files=[secret_file])
    assert careful.check(one, Deadline(5))
    before = radius.logins()
    assert refused_as(careful, one) == "otp_used"
    assert radius.logins() == before


def test_of_fifty_logins_at_once_with_one_code_the_directory_hears_one(otp_directory: OTPDirectory) -> None:
    factor, directory = AppendedFactor(), directory_of(otp_directory)
    password = otp_directory.passwords["emil"].encode()
    code, before = otp_directory.code("emil"), otp_directory.binds("emil")

    def enter(_: int) -> bool:
        try:
            proof = factor.check(Attempt("emil", code, password, "192.0.2.7"), Deadline(10))
        except Refused:
            return False
        return directory.check("emil", proof.password, Deadline(10)).name == "emil"

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(enter, range(50))) == 1
    assert otp_directory.binds("emil") == before + 1


def test_the_same_split_elsewhere_is_the_same() -> None:
    joined = AppendedFactor()
    joined.check(Attempt("anna", "123456", b"secret", ""), Deadline(5))
    assert refused_as(joined, Attempt("anna", "t123456", b"secre", "")) == "otp_used"
    assert joined.check(Attempt("bert", "123456", b"secret", ""), Deadline(5))
    assert joined.check(Attempt("anna", "123457", b"secret", ""), Deadline(5))


def test_what_was_not_sent_for_lack_of_time_stays_usable() -> None:
    joined = AppendedFactor()
    with pytest.raises(LoginError, match="deadline"):
        joined.check(Attempt("anna", "123456", b"secret", ""), Deadline(0))
    assert joined.check(Attempt("anna", "123456", b"secret", ""), Deadline(5))


def test_a_code_counts_as_used_when_the_server_did_not_answer(tmp_path: Path) -> None:
    # Nobody knows whether it heard the question.
    asked = PrivacyIDEAFactor(url="https://localhost:1", ca_file=str(tmp_path / "none"))
    one = Attempt("anna", "123456", b"secret", "")
    with pytest.raises(Unavailable):
        asked.check(one, Deadline(5))
    assert refused_as(asked, one) == "otp_used"


@pytest.fixture
def stores(tmp_path: Path, key_file: Path) -> Iterator[tuple[Store, Store]]:
    """Two hubs on one database."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    both = Store(url, load_keys(key_file)), Store(url, load_keys(key_file))
    yield both
    for store in both:
        store.close()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_of_fifty_logins_on_two_hubs_with_one_code_one_is_sent(
    database: str, tmp_path: Path, key_file: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_url")
    hubs = [Store(url, load_keys(key_file)) for _ in range(2)]

    def claim(now: int, number: int) -> tuple[int, bool]:
        # Half of them are other people, at the same time; what is over is forgotten meanwhile.
        user = "anna" if number % 2 else f"user{number}"
        return number % 2, hubs[number // 2 % 2].sent.claim(user, b"493021", now=now, seconds=5)

    with ThreadPoolExecutor(16) as pool:
        for now in (1000, 1010):
            claims = list(pool.map(partial(claim, now), range(60)))
            assert sum(won for same, won in claims if same) == 1
            assert sum(won for same, won in claims if not same) == 30
    for hub in hubs:
        hub.close()


def test_the_store_forgets_what_was_sent_and_holds_no_code(
    stores: tuple[Store, Store], tmp_path: Path
) -> None:
    sent, other = (store.sent for store in stores)
    assert sent.claim("anna", b"canary-493021", now=0, seconds=300)
    assert not other.claim("anna", b"canary-493021", now=299, seconds=300)
    assert other.claim("bert", b"canary-493021", now=299, seconds=300)
    assert other.claim("anna", b"canary-493021", now=300, seconds=300)
    assert sent.claim("anna", b"canary-other", now=10_000, seconds=300)
    with stores[0].database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SentRow)) == 1
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("shared.sqlite*"))
    assert b"otp_sent" in kept
    for clear in (b"canary", b"493021", b"canary-493021".hex().encode(), b"anna"):
        assert clear not in kept


def test_after_a_change_of_the_key_a_code_is_still_used(tmp_path: Path, key_file: Path) -> None:
    url, keys = f"sqlite:///{tmp_path / 'shared.sqlite'}", load_keys(key_file)
    before = Store(url, keys)
    assert before.sent.claim("anna", b"493021", now=0, seconds=300)
    before.close()
    after = Store(url, Keys(bytes(32), keys.current))
    assert not after.sent.claim("anna", b"493021", now=1, seconds=300)
    after.close()


class Hub(Configurable):
    """An authenticator, as far as a factor asks it."""

    store: Store


def test_two_hubs_send_a_code_once_and_none_when_the_store_is_gone(stores: tuple[Store, Store]) -> None:
    hubs = Hub(), Hub()
    for hub, store in zip(hubs, stores, strict=True):
        hub.store = store
    one, other = (AppendedFactor(parent=hub) for hub in hubs)
    who = Attempt("anna", "123456", b"secret", "")
    assert one.check(who, Deadline(5))
    assert refused_as(other, who) == "otp_used"
    with stores[0].database.writing() as session:
        session.execute(text("DROP TABLE otp_sent"))
    with pytest.raises(Unavailable) as outage:
        other.check(Attempt("anna", "654321", b"secret", ""), Deadline(5))
    assert outage.value.reason == "store"


def test_what_was_sent_is_forgotten_in_time_and_in_number() -> None:
    sent = SentCodes(most=3)
    assert sent.claim("anna", b"1", now=0, seconds=300)
    assert not sent.claim("anna", b"1", now=299.9, seconds=300)
    assert sent.claim("anna", b"1", now=300, seconds=300)
    for number in range(2, 5):
        assert sent.claim("anna", str(number).encode(), now=300, seconds=300)
    assert len(sent._until) == 3
    assert not sent.claim("anna", b"4", now=300, seconds=300)
    assert sent.claim("anna", b"9", now=900, seconds=300)
    assert len(sent._until) == 1
    assert b"anna" not in repr(vars(sent)).encode()
