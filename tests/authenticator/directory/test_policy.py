"""What the answer to a bind means: literal answers of three kinds of servers."""

from collections.abc import Mapping

import pytest

from authenticator.directory.ldap import Result
from authenticator.directory.policy import Decision, PolicyAnswer, decide, parse_policy
from authenticator.errors import LoginError, PasswordExpired, Refused, Unavailable

POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"
EXPIRED = "2.16.840.1.113730.3.4.4"
EXPIRING = "2.16.840.1.113730.3.4.5"
# Active Directory's words; only the code after "data" differs.
WINDOWS = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {}, v4563"


def refused(code: int, text: str = "", controls: Mapping[str, bytes] | None = None) -> LoginError:
    with pytest.raises(LoginError) as answer:
        decide(Result(code, text, controls or {}))
    return answer.value


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        # The first three as OpenLDAP writes them, the others as 389-DS does: lengths in four bytes.
        (b"0\x06\xa0\x04\x80\x02\x0e\x10", PolicyAnswer(expires_in=3600)),
        (b"0\x05\xa0\x03\x81\x01\x02", PolicyAnswer(grace_logins=2)),
        (b"0\x03\x81\x01\x02", PolicyAnswer(error=2)),
        (b"0\x84\x00\x00\x00\x0b\xa0\x84\x00\x00\x00\x05\x80\x03\x01Q\x80", PolicyAnswer(expires_in=86400)),
        (b"0\x84\x00\x00\x00\x03\x81\x01\x01", PolicyAnswer(error=1)),
        (
            b"0\x84\x00\x00\x00\x0e\xa0\x84\x00\x00\x00\x05\x80\x03\x01Q\x80\x81\x01\x02",
            PolicyAnswer(expires_in=86400, error=2),
        ),
        (b"0\x00", PolicyAnswer()),
        (b"", PolicyAnswer()),
        (None, PolicyAnswer()),
    ],
)
def test_the_policy_control_is_read(value: bytes | None, meaning: PolicyAnswer) -> None:
    assert parse_policy(value) == meaning


@pytest.mark.parametrize(
    "value",
    [b"x", b"0\x03\x81", b"0\x00x", b"\x04\x01a", b"0\x80", b"0\x05\xa0\x03\x85\x01\x01", b"0\x02\xa0\x00"],
)
def test_a_control_that_cannot_be_read_lets_nobody_in(value: bytes) -> None:
    with pytest.raises(Unavailable):
        decide(Result(0, "", {POLICY: value}))


def test_a_refusal_with_a_control_that_cannot_be_read_still_counts_as_one() -> None:
    assert refused(49, "", {POLICY: b"x"}).reason == "password"


@pytest.mark.parametrize(
    ("controls", "decision"),
    [
        ({}, Decision()),
        ({POLICY: b"0\x00"}, Decision()),
        ({POLICY: b"0\x06\xa0\x04\x80\x02\x0e\x10"}, Decision(password_expires_in=3600)),
        ({POLICY: b"0\x05\xa0\x03\x81\x01\x00", EXPIRED: b"0"}, Decision(grace_logins=0)),
        ({EXPIRING: b"86400"}, Decision(password_expires_in=86400)),
        ({EXPIRING: b"soon"}, Decision()),
        # Errors from 3 on are about changing a password.
        ({POLICY: b"0\x03\x81\x01\x08"}, Decision()),
    ],
)
def test_the_right_password_is_let_in_and_told_of_its_time(
    controls: dict[str, bytes], decision: Decision
) -> None:
    assert decide(Result(0, "", controls)) == decision


@pytest.mark.parametrize(
    ("code", "text", "controls"),
    [
        (49, "", {POLICY: b"0\x03\x81\x01\x00"}),  # OpenLDAP
        (49, "password expired!", {POLICY: b"0\x84\x00\x00\x00\x03\x81\x01\x00", EXPIRED: b"0"}),  # 389-DS
        (49, WINDOWS.format("532"), {}),
        (49, WINDOWS.format("773"), {}),
        # After a reset the bind succeeds, and nothing is allowed but to change the password.
        (0, "", {POLICY: b"0\x03\x81\x01\x02"}),
        (0, "", {EXPIRED: b"0"}),
    ],
)
def test_an_expired_password_is_told_apart(code: int, text: str, controls: dict[str, bytes]) -> None:
    assert isinstance(refused(code, text, controls), PasswordExpired)


@pytest.mark.parametrize(
    ("code", "text", "controls", "reason"),
    [
        (49, "", {}, "password"),
        (49, WINDOWS.format("52e"), {}, "password"),
        (49, WINDOWS.format("525"), {}, "unknown_user"),
        (49, WINDOWS.format("530"), {}, "hours"),
        (49, WINDOWS.format("531"), {}, "workstation"),
        (49, WINDOWS.format("533"), {}, "disabled"),
        (49, WINDOWS.format("701"), {}, "account_expired"),
        (49, WINDOWS.format("775"), {}, "locked"),
        (49, WINDOWS.format("57"), {}, "password"),
        (49, "", {POLICY: b"0\x03\x81\x01\x01"}, "locked"),
        (19, "Exceed password retry limit.", {POLICY: b"0\x84\x00\x00\x00\x03\x81\x01\x01"}, "locked"),
        (53, "Account inactivated.", {POLICY: b"0\x84\x00\x00\x00\x03\x81\x01\x01"}, "disabled"),
        (53, "Entry permanently locked.\n", {POLICY: b"0\x03\x81\x01\x01"}, "locked"),
        # FreeIPA says so before it compares the password: the last grace login was used, or one is left.
        (49, "Password is expired.\n", {POLICY: b"0\x08\xa0\x03\x81\x01\x00\x81\x01\x00"}, "expired"),
        (49, "", {POLICY: b"0\x05\xa0\x03\x81\x01\x01", EXPIRED: b"0"}, "password"),
        (53, "", {}, "policy"),
        (50, "", {}, "policy"),
        (48, "", {}, "policy"),
        (19, "", {}, "policy"),
        (32, "", {}, "unknown_user"),
        (0, "", {POLICY: b"0\x03\x81\x01\x01"}, "locked"),
    ],
)
def test_a_refusal_has_its_cause_for_the_log_alone(
    code: int, text: str, controls: dict[str, bytes], reason: str
) -> None:
    answer = refused(code, text, controls)
    assert isinstance(answer, Refused)
    assert not isinstance(answer, PasswordExpired)
    assert (answer.reason, answer.detail.startswith(f"{code} {text}".strip())) == (reason, True)


@pytest.mark.parametrize("code", [1, 2, 3, 7, 8, 10, 13, 14, 34, 51, 52, 80, 123])
def test_an_answer_about_the_server_is_no_refusal(code: int) -> None:
    answer = refused(code, WINDOWS.format("532"))
    assert isinstance(answer, Unavailable)


def test_a_referral_is_named_in_the_log() -> None:
    assert "referrals are not followed" in refused(10).detail
