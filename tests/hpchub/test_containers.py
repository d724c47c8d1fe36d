"""PSKC containers: the samples of RFC 6030, and what vendors and attackers make of the format."""

import base64
import textwrap

import pytest

from authenticator.passcode import Seed
from hpchub.containers import parse_holders, parse_pskc, transport_key
from hpchub.imports import Entry, ImportFileError, Parsed, Problem
from tests.hpchub.samples import FIGURE_2, FIGURE_6, FIGURE_7, HOLDERS, KEY, RFC_SECRET, time_based


def container(*keys: str) -> bytes:
    packages = "".join(f"<KeyPackage>{key}</KeyPackage>" for key in keys)
    text = (
        f'<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">{packages}</KeyContainer>'
    )
    return text.encode()


def key(
    *,
    user: str = "<UserId>UID=a1113a01,DC=hpc,DC=example</UserId>",
    secret: str = "<Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>",
    parameters: str = "",
    data: str = "",
) -> str:
    return textwrap.dedent(
        f"""
        <DeviceInfo><Manufacturer>oath.Acme</Manufacturer><SerialNo>7</SerialNo></DeviceInfo>
        <Key Id="1" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:totp">
          <AlgorithmParameters>{parameters}</AlgorithmParameters>
          <Data>{secret}{data}</Data>{user}
        </Key>"""
    )


def test_counter_tokens_are_refused_by_name() -> None:
    assert parse_pskc(FIGURE_2) == Parsed((), (Problem(1, "it is not a time-based token (TOTP)"),), "key")
    assert parse_pskc(FIGURE_6, key=KEY).problems[0].reason == "it is not a time-based token (TOTP)"


def test_a_container_encrypted_with_a_key_opens_with_it() -> None:
    expected = Entry(1, "a1113a01", Seed(RFC_SECRET, digits=8), "Manufacturer 987654321")
    parsed = parse_pskc(time_based(FIGURE_6), key=transport_key(KEY.hex()), holders=HOLDERS)
    assert parsed == Parsed((expected,), (), "key")


def test_a_container_encrypted_with_a_password_opens_with_it() -> None:
    parsed = parse_pskc(time_based(FIGURE_7), password=b"qwerty", holders=HOLDERS)
    assert parsed.entries == (Entry(1, "a1113a01", Seed(RFC_SECRET, digits=8), "TokenVendorAcme 987654321"),)


@pytest.mark.parametrize(
    ("figure", "key", "password"),
    [
        (FIGURE_6, bytes(16), None),
        (FIGURE_6, bytes(32), None),
        (FIGURE_6, None, None),
        (FIGURE_7, None, b"qwertz"),
        (FIGURE_7, None, None),
    ],
)
def test_a_wrong_key_or_password_opens_nothing(
    figure: bytes, key: bytes | None, password: bytes | None
) -> None:
    parsed = parse_pskc(time_based(figure), key=key, password=password, holders=HOLDERS)
    assert parsed.entries == ()
    assert parsed.problems[0].reason.startswith("it does not open with this key or password")


def test_a_password_for_a_container_without_one_is_said() -> None:
    with pytest.raises(ImportFileError, match="No algorithm specified"):
        parse_pskc(time_based(FIGURE_6), password=b"qwerty")


def test_an_altered_ciphertext_is_noticed() -> None:
    altered = time_based(FIGURE_6).replace(b"AAECAwQF", b"AAECAwQG")  # the initialisation vector alone
    assert "MAC" in parse_pskc(altered, key=KEY, holders=HOLDERS).problems[0].reason
    without = altered.replace(b"<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC>", b"")
    assert "without a check of integrity" in parse_pskc(without, key=KEY, holders=HOLDERS).problems[0].reason


def test_plain_containers_say_user_hash_digits_and_interval() -> None:
    data = container(
        key(
            parameters='<Suite>HMAC-SHA256</Suite><ResponseFormat Length="8" Encoding="DECIMAL"/>',
            data="<Time><PlainValue>0</PlainValue></Time><TimeInterval><PlainValue>60</PlainValue></TimeInterval>",
        )
    )
    seed = Seed(RFC_SECRET, digits=8, interval=60, algorithm="sha256")
    assert parse_pskc(data).entries == (Entry(1, "a1113a01", seed, "oath.Acme 7"),)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (key(user=""), "it says no user; a list of holders (serial,user) can"),
        (key(user="<UserId>DC=hpc</UserId>"), "what stands for the user cannot be a user name"),
        (key(secret=""), "it has no secret"),
        (
            key(secret="<Secret><PlainValue>MTIzNA==</PlainValue></Secret>"),
            "the secret has 32 bits; at least 128 are needed",
        ),
        (
            key(parameters='<ResponseFormat Length="10" Encoding="DECIMAL"/>'),
            "it makes codes of 10 digits; 6 or 8 are understood",
        ),
        (key(parameters='<ResponseFormat Length="8" Encoding="ALPHANUMERIC"/>'), "its codes are not digits"),
        (key(parameters="<Suite>MD5</Suite>"), "the algorithm is none of sha1, sha256, sha512"),
    ],
)
def test_a_bad_key_is_named_by_number_and_reason(bad: str, reason: str) -> None:
    parsed = parse_pskc(container(key(), bad, key()))
    assert [entry.number for entry in parsed.entries] == [1]
    assert parsed.problems == (Problem(2, reason), Problem(3, "its user has key 1 already"))


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">&c;</KeyContainer>"""
FETCH = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">&a;</KeyContainer>"""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BOMB, "declares a document type or entities"),
        (FETCH, "declares a document type or entities"),
        (BOMB.decode().replace('"1.0"?>', '"1.0" encoding="UTF-16"?>', 1).encode("utf-16"), "document type"),
        (b"", "not XML"),
        (b"<KeyContainer", "not XML"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "not XML"),
        (b"\x00\xff", "not XML"),
        (b"<html/>", "Missing KeyContainer"),
        (FIGURE_2.replace(b'Version="1.0" Id', b'Version="2.0" Id'), "Unsupported version"),
        (container(), "has no keys"),
        (
            container("<Key><Data><Secret><PlainValue>A</PlainValue></Secret></Data></Key>"),
            "not a PSKC container",
        ),
        (
            container(key(data="<TimeInterval><PlainValue>canary</PlainValue></TimeInterval>")),
            "not a PSKC container",
        ),
    ],
)
def test_files_that_are_no_containers_are_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ImportFileError, match=sentence) as refused:
        parse_pskc(data)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"), [(b">1000<", b">99999999999<"), (b"<KeyLength>16<", b"<KeyLength>9999999<")]
)
def test_a_container_cannot_make_us_compute_for_hours(old: bytes, new: bytes) -> None:
    with pytest.raises(ImportFileError, match="asks for"):
        parse_pskc(FIGURE_7.replace(old, new), password=b"qwerty")


def test_a_key_stands_in_its_file_in_hexadecimal_or_base64() -> None:
    assert transport_key("1234 5678 9012 3456 7890 1234 5678 9012\n") == KEY
    assert transport_key(base64.b64encode(bytes(range(32))).decode()) == bytes(range(32))
    for bad in ("", "12345", "not a key", base64.b64encode(b"short").decode()):
        with pytest.raises(ImportFileError, match="128, 192 or 256 bits"):
            transport_key(bad)


def test_holders_come_from_a_list_of_serial_numbers() -> None:
    assert parse_holders("serial,user\n7,a1113a02\n\n8, A1113a03\n") == {"7": "a1113a02", "8": " A1113a03"}
    assert parse_pskc(container(key()), holders={"7": "A1113a02"}).entries[0].user == "a1113a02"
    for bad, line in (
        ("7,a1113a02\n", "header"),
        ("serial,user\n7\n", "line 2"),
        ("serial,user\n7,a\n7,b\n", "line 3"),
    ):
        with pytest.raises(ImportFileError, match=line):
            parse_holders(bad)


def test_no_repr_shows_a_secret() -> None:
    assert RFC_SECRET not in repr(parse_pskc(container(key())))
