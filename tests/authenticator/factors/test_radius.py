"""Codes that a RADIUS server checks: Debian's FreeRADIUS, and a forger."""

import contextlib
import hashlib
import hmac
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyrad.packet import AccessAccept, AccessReject, AuthPacket
from traitlets import TraitError
from traitlets.config import Config

from authenticator import LDAPOTPAuthenticator
from authenticator.errors import LoginError, Refused, Unavailable
from authenticator.factors.interface import Attempt, How
from authenticator.factors.radius import RadiusFactor
from authenticator.workers import Deadline
from tests.authenticator.factors.freeradius import CODE, PASSWORD, SECRET, Radius, free_udp_port
from tests.authenticator.kit import code_of, open_descriptors

QUICK: dict[str, Any] = {"timeout": 1, "tries": 1}


def attempt(name: str, code: str = CODE, password: str = PASSWORD) -> Attempt:
    return Attempt(name, code, password.encode(), "192.0.2.7")


@pytest.fixture
def factor(radius: Radius, secret_file: str) -> Callable[..., RadiusFactor]:
    def make(**changes: Any) -> RadiusFactor:
        settings = {
            "servers": [radius.address],
            "secret_files": [secret_file],
            **QUICK,
            "send_again_after": 0,
        } | changes
        made = RadiusFactor(**settings)
        assert list(made.problems()) == []
        return made

    return make


def outcome(factor: RadiusFactor, one: Attempt, *, seconds: float = 10) -> LoginError:
    with pytest.raises(LoginError) as error:
        factor.check(one, Deadline(seconds))
    return error.value


Make = Callable[..., RadiusFactor]


def test_a_right_code_passes_and_the_password_is_left_for_the_directory(factor: Make, radius: Radius) -> None:
    proof = factor().check(attempt("code"), Deadline(10))
    assert (proof.how, proof.password, proof.controls) == (How.OTP, PASSWORD.encode(), ())
    assert "[code] (from client hub port 0 cli 192.0.2.7)" in radius.log.read_text()
    assert "Login OK: [code]" in radius.log.read_text()


def test_a_code_of_an_authenticator_app_passes(factor: Make) -> None:
    assert factor().check(attempt("a1113a01", code_of("a1113a01")), Deadline(10)).how is How.OTP


@pytest.mark.parametrize(("name", "code"), [("code", "111111"), ("code", PASSWORD), ("nobody", CODE)])
def test_a_wrong_code_and_an_unknown_name_are_refused(factor: Make, name: str, code: str) -> None:
    error = outcome(factor(), attempt(name, code))
    assert isinstance(error, Refused)
    assert error.reason == "otp_wrong"


def test_password_and_code_in_one(factor: Make) -> None:
    joined = factor(send="password+otp")
    assert joined.check(attempt("joined", " 493 021 "), Deadline(10)).password == PASSWORD.encode()
    assert outcome(joined, attempt("joined", password="wrong")).reason == "otp_wrong"
    assert outcome(joined, attempt("joined", "111111")).reason == "otp_wrong"


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (attempt("asked", "111111"), "otp_wrong"),
        (attempt("asked", password="wrong"), "password"),
        (attempt("endless"), "challenge"),
        (attempt("trusting"), "no_token"),
    ],
)
def test_a_challenge_is_answered_once_and_never_skipped(factor: Make, who: Attempt, reason: str) -> None:
    asking = factor(send="challenge")
    assert asking.check(attempt("asked"), Deadline(10)).how is How.OTP
    error = outcome(asking, who)
    assert isinstance(error, Refused)
    assert error.reason == reason


def test_a_challenge_nobody_expects_is_a_refusal(factor: Make) -> None:
    assert outcome(factor(), attempt("asked", PASSWORD)).reason == "challenge"


@pytest.mark.parametrize("password", ["x" * 129, "nul\0inside", ""])
def test_a_password_that_radius_cannot_carry_goes_nowhere(
    factor: Make, radius: Radius, password: str
) -> None:
    before = radius.logins()
    assert outcome(factor(send="challenge"), attempt("asked", password=password)).reason == "password_syntax"
    assert radius.logins() == before


def test_a_wrong_shared_secret_is_an_outage_and_no_refusal(factor: Make, tmp_path: Path) -> None:
    path = tmp_path / "other-secret"
    path.touch(0o600)
    path.write_text("canary-of-another-server")
    error = outcome(factor(secret_files=[str(path)]), attempt("code"))
    assert isinstance(error, Unavailable)
    assert error.reason == "radius"
    assert "secret" in error.detail


def test_an_unsigned_answer_is_not_believed_unless_a_setting_says_so(factor: Make) -> None:
    error = outcome(factor(), attempt("unsigned"))
    assert isinstance(error, Unavailable)
    assert "Message-Authenticator" in error.detail
    trusting = factor(accept_unsigned=True)
    assert trusting.check(attempt("unsigned"), Deadline(10)).how is How.OTP
    assert outcome(trusting, attempt("unsigned", "111111")).reason == "otp_wrong"


def test_the_next_server_is_asked_when_the_first_is_dead_or_silent(
    factor: Make, radius: Radius, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dumb = f"127.0.0.1:{silent.getsockname()[1]}"
        both = factor(servers=[f"127.0.0.1:{free_udp_port()}", dumb, radius.address])
        for _ in range(3):
            assert both.check(attempt("code"), Deadline(10)).how is How.OTP
        silent.setblocking(False)
        assert len(silent.recv(4096)) > 20
        # It is remembered, so that not everybody waits for it.
        with pytest.raises(BlockingIOError):
            silent.recv(4096)
    assert [line for line in caplog.messages if dumb in line] == [
        f"RADIUS server {dumb}: no answer; does the server know us, and with the same secret?"
    ]


def test_many_logins_leave_no_socket_open(factor: Make, radius: Radius) -> None:
    # Nobody listens at the first address, and the second is none that may be spoken to.
    servers = [f"127.0.0.1:{free_udp_port()}", "255.255.255.255:9", radius.address]
    made, before = factor(servers=servers), open_descriptors()
    for number in range(30):
        with contextlib.suppress(Refused):
            made.check(attempt("code", CODE if number % 2 else "111111"), Deadline(10))
    assert open_descriptors() == before


def test_a_refusal_is_not_taken_to_the_next_server(factor: Make, radius: Radius) -> None:
    before = radius.logins()
    assert outcome(factor(servers=[radius.address] * 2), attempt("code", "111111")).reason == "otp_wrong"
    assert radius.logins() == before + 1


def test_each_server_has_its_own_secret(
    factor: Make, radius: Radius, secret_file: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.touch(0o600)
    other.write_text("x" * 16)
    both = factor(
        servers=[f"127.0.0.1:{free_udp_port()}", radius.address], secret_files=[str(other), secret_file]
    )
    assert both.check(attempt("code"), Deadline(10)).how is How.OTP


def test_the_deadline_of_the_login_ends_the_waiting(factor: Make) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        patient = factor(servers=[f"127.0.0.1:{silent.getsockname()[1]}"], timeout=9, tries=9)
        error = outcome(patient, attempt("code"), seconds=0.3)
        assert isinstance(error, Unavailable)
        assert error.reason == "deadline"
        silent.setblocking(False)
        silent.recv(4096)
        with pytest.raises(BlockingIOError):
            silent.recv(4096)
    assert outcome(factor(), attempt("code"), seconds=0).reason == "deadline"


# ----- a program that answers in the server's place ------------------------------------------------


Forge = Callable[[AuthPacket], list[bytes]]


@contextmanager
def forger(answers: Forge, seen: list[bytes] | None = None, *, elsewhere: bool = False) -> Iterator[str]:
    """Answer every request as told, from the port that was asked or from another."""
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as other:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                raw, sender = server.recvfrom(4096)
                if raw == b"stop":
                    return
                (seen if seen is not None else []).append(raw)
                for each in answers(AuthPacket(packet=raw, secret=SECRET.encode())):
                    (other if elsewhere else server).sendto(each, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        with socket.socket(type=socket.SOCK_DGRAM) as stop:
            stop.sendto(b"stop", server.getsockname())
        thread.join(5)


def answer(request: AuthPacket, code: int = AccessAccept, **changes: Any) -> bytes:
    """Return the answer of a server that knows the secret, but for the changes."""
    reply = request.CreateReply(message_authenticator=changes.pop("signed", True))
    reply.code = code
    for name, value in changes.items():
        setattr(reply, name, value)
    return bytes(reply.ReplyPacket())


def wrong_signature(request: AuthPacket) -> bytes:
    """Return an answer with a right Response Authenticator and a wrong Message-Authenticator."""
    attributes = bytes([80, 18]) + bytes(16)
    head = bytes([AccessAccept, request.id]) + (20 + len(attributes)).to_bytes(2, "big")
    digest = hashlib.md5(head + request.authenticator + attributes + SECRET.encode()).digest()
    return head + digest + attributes


def test_an_honest_answer_of_the_same_program_is_believed(factor: Make) -> None:
    # Or the tests below would prove nothing.
    with forger(lambda request: [answer(request)]) as address:
        assert factor(servers=[address]).check(attempt("code"), Deadline(10)).how is How.OTP


@pytest.mark.parametrize(
    "forge",
    [
        lambda request: [
            b"",
            b"\x02",
            bytes(20),
            answer(request)[:30],
            answer(request)[:-1] + bytes([answer(request)[-1] ^ 1]),
        ],
        lambda request: [answer(request, id=(request.id + 1) % 256)],
        lambda request: [answer(request, secret=b"guessed")],
        lambda request: [answer(request, authenticator=bytes(16))],
        lambda request: [answer(request, signed=False)],
        lambda request: [wrong_signature(request)],
        lambda request: [answer(request, code=5), answer(request, code=255)],
        # A refusal turned into an acceptance.
        lambda request: [bytes([AccessAccept]) + answer(request, AccessReject)[1:]],
    ],
    ids=["rubbish", "id", "secret", "authenticator", "unsigned", "signature", "code", "turned"],
)
def test_a_forged_answer_lets_nobody_in(factor: Make, forge: Forge) -> None:
    # The true answer comes last, and is heard: a refusal.
    with forger(lambda request: [*forge(request), answer(request, AccessReject)]) as address:
        assert outcome(factor(servers=[address]), attempt("code")).reason == "otp_wrong"


def test_nothing_but_forged_answers_is_an_outage(factor: Make) -> None:
    with forger(lambda request: [wrong_signature(request), answer(request, signed=False)]) as address:
        error = outcome(factor(servers=[address]), attempt("code"))
    assert isinstance(error, Unavailable)
    assert "2 answers that cannot be believed" in error.detail


def test_an_answer_from_elsewhere_is_not_heard(factor: Make) -> None:
    seen: list[bytes] = []
    with forger(lambda request: [answer(request)], seen, elsewhere=True) as address:
        assert isinstance(outcome(factor(servers=[address]), attempt("code")), Unavailable)
    assert len(seen) == 1


def test_the_request_is_signed_repeated_unchanged_and_hides_what_was_typed(factor: Make) -> None:
    seen: list[bytes] = []
    with forger(lambda request: [answer(request)] if len(seen) == 2 else [], seen) as address:
        patient = factor(servers=[address], tries=2, send="password+otp", nas_identifier="hub.hpc.example")
        assert patient.check(attempt("joined"), Deadline(10)).how is How.OTP
    assert len(seen) == 2
    assert len(set(seen)) == 1
    for secret in (CODE, PASSWORD, SECRET):
        assert secret.encode() not in seen[0]
    request = AuthPacket(packet=seen[0], secret=SECRET.encode())
    assert request.PwDecrypt(request[2][0]) == PASSWORD + CODE
    assert (request[1], request[31], request[32]) == ([b"joined"], [b"192.0.2.7"], [b"hub.hpc.example"])
    unsigned = seen[0].replace(request[80][0], bytes(16))
    assert hmac.digest(SECRET.encode(), unsigned, "md5") == request[80][0]
    assert seen[0][20] == 80  # first, as the advice on Blast-RADIUS goes


def test_two_requests_have_nothing_in_common_that_could_be_foretold(factor: Make) -> None:
    seen: list[bytes] = []
    with forger(lambda request: [answer(request)], seen) as address:
        for _ in range(2):
            factor(servers=[address]).check(attempt("code"), Deadline(10))
    assert seen[0][4:20] != seen[1][4:20]


def test_the_doctor_hears_of_each_server_whether_it_knows_us(
    factor: Make, radius: Radius, secret_file: str, tmp_path: Path
) -> None:
    other, dead, before = tmp_path / "other", f"127.0.0.1:{free_udp_port()}", radius.logins()
    other.touch(0o600)
    other.write_text("x" * 16)
    files = [secret_file, str(other), secret_file]
    made = factor(servers=[radius.address, radius.address, dead], secret_files=files)
    fine, wrong, silent = made.reach(Deadline(10))
    assert fine == (radius.address, "")
    assert wrong[0] == radius.address
    assert "secret" in wrong[1]
    assert silent == (dead, f"{dead}: Connection refused")
    assert radius.logins() == before


# ----- settings ----------------------------------------------------------------------------------


def test_settings_that_cannot_work_are_told_at_start(tmp_path: Path, secret_file: str) -> None:
    open_file, short = tmp_path / "open", tmp_path / "short"
    open_file.write_text("x" * 32)
    open_file.chmod(0o644)
    short.touch(0o600)
    short.write_text("short\n")
    good = {"servers": ["radius1:1812"], "secret_files": [secret_file]}
    for changes, words in (
        ({"servers": [], "secret_files": [secret_file]}, "servers is empty"),
        ({"secret_files": []}, "0 files for 1 servers"),
        ({"secret_files": [str(open_file)]}, "chmod 600"),
        ({"secret_files": [str(tmp_path / "none")]}, "cannot be read"),
        ({"secret_files": [str(short)]}, "less than 16 characters"),
        ({"nas_identifier": ""}, "nas_identifier"),
    ):
        (problem,) = RadiusFactor(**(good | changes)).problems()
        assert problem.startswith("RadiusFactor: ")
        assert words in problem
    assert list(RadiusFactor(**good).problems()) == []


def test_more_waiting_than_a_login_may_take_is_told_at_start(secret_file: str) -> None:
    door = LDAPOTPAuthenticator(login_timeout=15)
    made = RadiusFactor(servers=["a", "b", "c"], secret_files=[secret_file], parent=door)
    assert "18 s, and login_timeout 15 s" in "".join(made.problems())


@pytest.mark.parametrize(
    "changes",
    [{"servers": ["host:0"]}, {"servers": ["a b"]}, {"servers": ["::1"]}, {"tries": 0}, {"timeout": 0}],
)
def test_values_that_mean_nothing_are_refused_at_once(changes: dict[str, Any]) -> None:
    with pytest.raises(TraitError):
        RadiusFactor(**changes)


def test_no_secret_is_ever_shown(
    factor: Make, radius: Radius, secret_file: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = Config({"RadiusFactor": {"servers": [radius.address], "secret_files": [secret_file]}})
    shown = [repr(RadiusFactor(config=config)), repr(attempt("code")), repr(vars(factor()))]
    for send, name, code in (
        ("otp", "code", CODE),
        ("otp", "code", "111111"),
        ("challenge", "unsigned", CODE),
    ):
        made = factor(send=send)
        try:
            shown.append(repr(made.check(attempt(name, code), Deadline(10))))
        except LoginError as error:
            shown.extend((repr(error), str(error), error.detail))
        shown.append(repr(vars(made)))
    shown.extend(caplog.messages)
    for secret in (SECRET, PASSWORD, CODE):
        assert not [text for text in shown if secret in text]
