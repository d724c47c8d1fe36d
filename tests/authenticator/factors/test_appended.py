"""Codes that the directory checks: a real slapd with the overlays otp and ppolicy."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.directory import Directory, Person
from authenticator.errors import LoginError, Refused
from authenticator.factors.appended import OTP_REQUIRED, AppendedFactor
from authenticator.factors.interface import Attempt, How, Proof
from authenticator.workers import Deadline
from tests.authenticator.factors.kit import ANYBODY, WITH_TOKEN, directory_of
from tests.authenticator.factors.otp_directory import LOCKED_AFTER, OTPDirectory


def attempt(name: str, code: str, password: str) -> Attempt:
    return Attempt(name, code, password.encode(), "192.0.2.7")


def enter(
    directory: Directory, name: str, code: str, password: str, factor: AppendedFactor | None = None
) -> Person:
    deadline = Deadline(10)
    proof = (factor or AppendedFactor()).check(attempt(name, code, password), deadline)
    return directory.check(name, proof.password, deadline, controls=proof.controls)


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as error:
        enter(*args, **kwargs)
    return error.value.reason


@pytest.fixture
def directory(otp_directory: OTPDirectory) -> Directory:
    return directory_of(otp_directory)


def test_password_and_code_get_in_by_one_bind_and_the_code_works_once(
    directory: Directory, otp_directory: OTPDirectory
) -> None:
    code, password = otp_directory.code("anna"), otp_directory.passwords["anna"]
    person = enter(directory, "anna", f"{code[:3]} {code[3:]}", password)
    assert (person.name, person.groups) == ("anna", {"hub-users"})
    assert otp_directory.binds("anna") == 1
    assert refusal(directory, "anna", code, password) == "password"


def test_a_wrong_code_a_wrong_password_and_a_missing_one_are_refused(
    directory: Directory, otp_directory: OTPDirectory
) -> None:
    code, password = otp_directory.code("bert"), otp_directory.passwords["bert"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert refusal(directory, "bert", wrong, password) == "password"
    before = otp_directory.binds("bert")
    assert refusal(directory, "bert", "", password) == "otp_syntax"
    assert refusal(directory, "bert", code, "") == "password_syntax"
    assert otp_directory.binds("bert") == before
    assert refusal(directory, "bert", code, "wrong") == "password"
    # The directory, too, uses a code up when the password is wrong.
    assert refusal(directory, "bert", code, password) == "password"


def test_whoever_guesses_passwords_can_lock_the_account_in_the_directory(
    directory: Directory, otp_directory: OTPDirectory
) -> None:
    # The price of one bind for both, said in the class and in the documentation.
    password = otp_directory.passwords["cleo"]
    for _ in range(LOCKED_AFTER):
        assert refusal(directory, "cleo", "000000", "guess")
    assert refusal(directory, "cleo", otp_directory.code("cleo"), password)


def test_without_a_token_nobody_is_found_by_the_filter_that_is_demanded_at_start(
    otp_directory: OTPDirectory,
) -> None:
    password = otp_directory.passwords["nobody1"]
    half, six = password[:-6], password[-6:]
    # What the filter is for: a password that ends in six digits, taken for password and code.
    assert enter(directory_of(otp_directory, ANYBODY), "nobody1", six, half).name == "nobody1"
    assert refusal(directory_of(otp_directory), "nobody1", six, half) == "unknown_user"


def test_settings_by_which_people_without_a_token_get_in_are_refused_at_start() -> None:
    (problem,) = AppendedFactor(parent=LDAPOTPAuthenticator(user_filter=ANYBODY)).problems()
    assert "objectClass=oathTOTPUser" in problem
    for user_filter, settings in (
        (WITH_TOKEN, {}),
        (ANYBODY, {"require_otp_control": True}),
        (ANYBODY, {"directory_demands_code": True}),
    ):
        parent = LDAPOTPAuthenticator(user_filter=user_filter)
        assert list(AppendedFactor(parent=parent, **settings).problems()) == []


def test_the_order_is_a_setting() -> None:
    first = AppendedFactor(order="otp+password").check(attempt("anna", "123 456", "secret"), Deadline(5))
    assert first == Proof(How.OTP, b"123456secret")
    second = AppendedFactor().check(attempt("anna", "123-456", "s\u00e9cret "), Deadline(5))
    assert second == Proof(How.OTP, "s\u00e9cret 123456".encode())


def test_nothing_is_sent_once_the_time_is_up(directory: Directory, otp_directory: OTPDirectory) -> None:
    before = otp_directory.binds("dora")
    with pytest.raises(LoginError, match="deadline"):
        AppendedFactor().check(attempt("dora", "123456", "secret"), Deadline(0))
    assert otp_directory.binds("dora") == before


# ----- FreeIPA's control: its bytes, for there is no FreeIPA here ------------------------------------


def test_a_directory_that_does_not_know_freeipas_control_lets_nobody_in(
    directory: Directory, otp_directory: OTPDirectory
) -> None:
    # Sent as critical: an OpenLDAP answers "unavailable critical extension", whatever was typed.
    code, password = otp_directory.code("dora"), otp_directory.passwords["dora"]
    with pytest.raises(LoginError):
        enter(directory, "dora", code, password, AppendedFactor(require_otp_control=True))
    assert enter(directory, "dora", code, password).name == "dora"


@contextmanager
def wiretap(port: int, sent: bytearray) -> Iterator[int]:
    """Pass on what is sent to a port of this machine, and note it."""

    def pump(source: socket.socket, target: socket.socket, note: bytearray | None) -> None:
        try:
            while data := source.recv(4096):
                if note is not None:
                    note.extend(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for args in ((near, far, sent), (far, near, None)):
                threading.Thread(target=pump, args=args, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_freeipas_control_goes_out_critical_and_without_a_value(otp_directory: OTPDirectory) -> None:
    sent = bytearray()
    with wiretap(otp_directory.plain_port, sent) as port:
        directory = directory_of(otp_directory, plain_port=port)
        with pytest.raises(LoginError):
            enter(directory, "dora", "123456", "secret", AppendedFactor(require_otp_control=True))
    control = bytes([0x04, len(OTP_REQUIRED)]) + OTP_REQUIRED.encode() + b"\x01\x01\xff"
    sequence = bytes([0x30, len(control)]) + control
    # [0] Controls, at the end of the bind that carries password and code (RFC 4511, sections 4.1.11 and 4.2).
    _before, joined, controls = bytes(sent).partition(b"secret123456")
    assert joined
    assert controls[0] == 0xA0
    assert sequence in controls[: controls[1] + 2]


def test_no_secret_is_ever_shown(
    directory: Directory, otp_directory: OTPDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    factor = AppendedFactor()
    code, password = "493021", "canary-password"
    shown = [
        repr(factor),
        repr(vars(factor)),
        repr(factor.check(attempt("anna", code, password), Deadline(5))),
    ]
    with pytest.raises(LoginError) as error:
        enter(directory, "anna", code, password)
    shown += [repr(error.value), str(error.value), error.value.detail, *caplog.messages]
    shown.append(otp_directory.log.read_text())
    for secret in (code, password):
        assert not [text for text in shown if secret in text]
