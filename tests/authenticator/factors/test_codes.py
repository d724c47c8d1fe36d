"""Which kind of code it is, whatever way people type it."""

import pytest

from authenticator.factors.codes import Code, Kind, read_code

RECOVERY = "ABCDEFGHIJKLMN23"
ENROLMENT = "ABCDEFGHIJKLMNOPQ234"


@pytest.mark.parametrize("typed", ["123456", "123 456", " 123-456", "12345678"])
def test_digits_are_a_one_time_password(typed: str) -> None:
    assert read_code(typed) == Code(Kind.OTP, typed.replace(" ", "").replace("-", ""))


@pytest.mark.parametrize(
    "typed", [RECOVERY, "abcd-efgh-ijkl-mn23", "ABCD EFGH IJKL MN23", "abcdefgh1jklmn23"]
)
def test_a_recovery_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == Code(Kind.RECOVERY, RECOVERY)


@pytest.mark.parametrize("typed", [ENROLMENT, "abcde-fghij-klmno-pq234", "ABCDE FGHIJ KLMN0 PQ234"])
def test_an_enrolment_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == Code(Kind.ENROLMENT, ENROLMENT)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "１２３４５６",
        RECOVERY + "A",
        RECOVERY[:-1] + "8",
        RECOVERY[:-1] + "Ä",
        RECOVERY[:-1] + "\u0131",
        "ABCD EFGH IJKL MN23" + " " * 40,
        "\x00" * 16,
    ],
)
def test_what_has_no_shape_of_ours_is_no_code(typed: str) -> None:
    assert read_code(typed) is None


def test_a_code_does_not_show_itself() -> None:
    assert RECOVERY not in repr(read_code(RECOVERY))
