"""Files of seeds as administrators have them: what is read, and what is said of the other lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authenticator.passcode import Seed
from hpchub.imports import Entry, ImportFileError, Parsed, Problem, parse_base32, parse_csv, text_of
from tests.hpchub.samples import OTHER, SECRET


def read_csv(*lines: str) -> Parsed:
    return parse_csv("\n".join(lines) + "\n")


def test_lines_of_name_and_secret_in_the_ways_people_write_them() -> None:
    text = (
        f"# from the old system\n\na1113a01 {SECRET}\n\tA1113A02\tgezd gnbv gy3t qojq GEZDGNBVGY3TQOJQ\r\n"
        f"a1113a03 {SECRET}====\n"
    )
    assert parse_base32(text) == Parsed(
        (
            Entry(3, "a1113a01", Seed(SECRET)),
            Entry(4, "a1113a02", Seed(OTHER)),
            Entry(5, "a1113a03", Seed(SECRET)),
        ),
        (),
    )


def test_every_bad_line_is_named_by_number_and_reason() -> None:
    text = (
        f"a1113a01\na* {SECRET}\na1113a02 JBSWY3DPEHPK3PXP\na1113a03 {SECRET[:-1]}1\nx {OTHER}\nX {SECRET}\n"
    )
    assert parse_base32(text).problems == (
        Problem(1, "it has no secret after the name"),
        Problem(2, "what stands for the user cannot be a user name"),
        Problem(3, "the secret has 80 bits; at least 128 are needed"),
        Problem(4, "the secret is not base32: only the letters A-Z and the digits 2-7"),
        Problem(6, "its user has line 5 already"),
    )
    assert [entry.user for entry in parse_base32(text).entries] == ["x"]


def test_a_secret_of_exactly_128_bits_of_base32_is_long_enough() -> None:
    assert parse_base32("a1113a01 " + "A" * 26).entries[0].seed == Seed("A" * 26)
    assert "not base32" in parse_base32("a1113a01 비밀" + SECRET).problems[0].reason
    assert "120 bits" in parse_base32("a1113a01 " + "A" * 24).problems[0].reason


def test_csv_columns_stand_in_any_order_and_have_defaults() -> None:
    parsed = read_csv(
        "Secret,user,DIGITS,algorithm,interval,device",
        f'{SECRET},a1113a01,8,HMAC-SHA-256,60,"Feitian, blue"',
        "",
        f"{OTHER},a1113a02,,,,",
    )
    assert parsed == Parsed(
        (
            Entry(2, "a1113a01", Seed(SECRET, digits=8, interval=60, algorithm="sha256"), "Feitian, blue"),
            Entry(4, "a1113a02", Seed(OTHER)),
        ),
        (),
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"a1113a01,{SECRET},6,30,sha1,x,more", "it has 7 columns, the header has 6"),
        (f"a1113a01,{SECRET}", "it has 2 columns, the header has 6"),
        ("a1113a01,,6,30,sha1,", "it has no secret"),
        (f",{SECRET},6,30,sha1,", "what stands for the user cannot be a user name"),
        (f"a1113a01,{SECRET},7,30,sha1,", "it makes codes of 7 digits; 6 or 8 are understood"),
        (f"a1113a01,{SECRET},six,30,sha1,", "digits is not a number"),
        (f"a1113a01,{SECRET},6,-30,sha1,", "interval is not a number"),
        (f"a1113a01,{SECRET},6,1,sha1,", "its codes last 1 s; 15 to 120 are understood"),
        (f"a1113a01,{SECRET},6,30,md5,", "the algorithm is none of sha1, sha256, sha512"),
        (
            f"{SECRET},a1113a01,6,30,sha1,",
            "the secret is not base32: only the letters A-Z and the digits 2-7",
        ),
    ],
)
def test_a_bad_row_says_why_and_shows_nothing_of_itself(row: str, reason: str) -> None:
    parsed = read_csv("user,secret,digits,interval,algorithm,device", row)
    assert parsed == Parsed((), (Problem(2, reason),))
    assert SECRET.lower() not in repr(parsed).lower()


@pytest.mark.parametrize(
    "text",
    [
        f"a1113a01,{SECRET}\n",
        f"user,secret,pin\na1113a01,{SECRET},1\n",
        "user,secret,secret\n",
        "user\na1113a01\n",
        "",
    ],
)
def test_without_a_header_nothing_is_read_and_nothing_shown(text: str) -> None:
    with pytest.raises(ImportFileError, match="line 1 is not the header") as refused:
        parse_csv(text)
    assert SECRET not in str(refused.value)


def test_a_quotation_mark_that_never_ends_is_not_taken_for_one_long_secret() -> None:
    with pytest.raises(ImportFileError, match="line 3 is not CSV"):
        parse_csv(f'user,secret\na1113a01,"{SECRET}\na1113a02,{OTHER}')


def test_a_row_over_two_lines_does_not_shift_the_numbers() -> None:
    parsed = parse_csv(f'user,secret,device\na1113a01,{SECRET},"two\nlines"\na*,{SECRET},x\n')
    assert parsed.entries == (Entry(3, "a1113a01", Seed(SECRET), "twolines"),)
    assert parsed.problems[0].number == 4


def test_the_mark_that_some_editors_put_in_front_is_no_part_of_the_first_name() -> None:
    assert parse_base32(text_of(b"\xef\xbb\xbfa1113a01 " + SECRET.encode())).problems == ()
    with pytest.raises(ImportFileError, match="UTF-8"):
        text_of("a1113a01".encode("utf-16"))


def test_no_repr_shows_a_secret() -> None:
    assert SECRET not in repr(parse_base32(f"a1113a01 {SECRET}"))


@given(st.text())
def test_any_text_at_all_is_entries_and_problems(text: str) -> None:
    parsed = parse_base32(text)
    assert len(parsed.entries) + len(parsed.problems) <= len(text.splitlines())


@given(st.lists(st.text(alphabet='a1,"; \nA', max_size=20), max_size=5))
def test_any_rows_at_all_are_entries_problems_or_no_csv(rows: list[str]) -> None:
    text = "\n".join(["user,secret", *rows])
    try:
        parsed = parse_csv(text)
    except ImportFileError as error:
        assert "is not CSV" in str(error)  # noqa: PT017
    else:
        assert len(parsed.entries) + len(parsed.problems) <= len(text.splitlines())
