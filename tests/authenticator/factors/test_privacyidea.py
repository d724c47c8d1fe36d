"""Codes that privacyIDEA checks, by its documented answers."""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from authenticator.errors import LoginError, Refused, Unavailable
from authenticator.factors.interface import Attempt, How
from authenticator.factors.privacyidea import LARGEST_ANSWER, PrivacyIDEAFactor, read_answer
from authenticator.workers import Deadline
from demo import certificates
from demo.certificates import Certificates
from tests.authenticator.factors.privacyidea_server import ACCEPTED, Answer, PrivacyIDEA, running

CODE = "493021"
PASSWORD = "canary-password"
SERVICE_TOKEN = "canary.service.token"

# A server of version 3.9: with "authentication".
ACCEPTED_39 = """{
  "detail": {
    "message": "matching 1 tokens",
    "otplen": 6,
    "serial": "TOTP0001A8F2",
    "threadid": 139847557760768,
    "type": "totp"
  },
  "id": 2,
  "jsonrpc": "2.0",
  "result": {
    "authentication": "ACCEPT",
    "status": true,
    "value": true
  },
  "signature": "rsa_sha256_pss:17ac5d",
  "time": 1648034160.6123,
  "version": "privacyIDEA 3.9",
  "versionnumber": "3.9"
}"""

REJECTED = """{
  "detail": {
    "message": "wrong otp value",
    "serial": "TOTP0001A8F2",
    "type": "totp"
  },
  "id": 1,
  "jsonrpc": "2.0",
  "result": {
    "status": true,
    "value": false
  },
  "version": "privacyIDEA unknown"
}"""

USED = """{
  "detail": {
    "message": "wrong otp value. previous otp used again",
    "otplen": 6,
    "serial": "TOTP0001A8F2",
    "type": "totp"
  },
  "id": 2,
  "jsonrpc": "2.0",
  "result": {
    "authentication": "REJECT",
    "status": true,
    "value": false
  },
  "version": "privacyIDEA 3.9"
}"""

CHALLENGED = """{
  "detail": {
    "serial": "PIEM0000AB00",
    "type": "email",
    "transaction_id": "12345678901234567890",
    "multi_challenge": [ {"serial": "PIEM0000AB00",
                          "transaction_id":  "12345678901234567890",
                          "message": "Please enter otp from your email",
                          "client_mode": "interactive"},
                         {"serial": "PISM12345678",
                          "transaction_id": "12345678901234567890",
                          "message": "Please enter otp from your SMS",
                          "client_mode": "interactive"}
    ]
  },
  "id": 2,
  "jsonrpc": "2.0",
  "result": {
    "status": true,
    "value": false
  },
  "version": "privacyIDEA unknown"
}"""


def error_of(code: int, message: str) -> str:
    return json.dumps(
        {
            "detail": None,
            "id": 1,
            "jsonrpc": "2.0",
            "result": {"error": {"code": code, "message": message}, "status": False},
            "time": 1648034160.6123,
            "version": "privacyIDEA 3.9",
        }
    )


UNKNOWN_USER = error_of(904, "ERR904: User <eve@realm1> does not exist.")
NO_API_KEY = error_of(303, "No valid API key was passed.")
NOT_ALLOWED = error_of(303, "Tokentype not allowed for authentication!")
DENIED = error_of(401, "ERR401: User is not authorized to authenticate under these conditions.")
NO_USER = error_of(905, "ERR905: You need to specify a serial or a user.")
NO_PARAMETER = error_of(905, "ERR905: Missing parameter: 'pass'")


def with_result(text: str, **changes: Any) -> str:
    answer = json.loads(text)
    answer["result"] |= changes
    return json.dumps(answer)


# ----- what an answer means ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [ACCEPTED, ACCEPTED_39, json.dumps(json.loads(ACCEPTED_39) | {"nonce": "n0nce"})]
)
def test_an_acceptance_lets_people_in(body: str) -> None:
    read_answer(200, body.encode(), "n0nce")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, REJECTED, "otp_wrong"),
        (200, USED, "otp_wrong"),
        (200, with_result(USED, authentication="DECLINED"), "otp_wrong"),
        (200, CHALLENGED, "challenge"),
        (200, with_result(CHALLENGED, authentication="CHALLENGE"), "challenge"),
        # "value" alone is not enough.
        (200, with_result(ACCEPTED_39, authentication="CHALLENGE"), "challenge"),
        (200, with_result(ACCEPTED_39, authentication="REJECT"), "otp_wrong"),
        (400, UNKNOWN_USER, "unknown_user"),
        (401, UNKNOWN_USER, "unknown_user"),  # with the policy hide_auth_error_status
        (403, NOT_ALLOWED, "policy"),
        (400, DENIED, "policy"),
    ],
)
def test_what_the_server_says_no_to_is_refused(status: int, body: str, reason: str) -> None:
    with pytest.raises(Refused) as error:
        read_answer(status, body.encode(), "n0nce")
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, NO_API_KEY),
        (401, error_of(4033, "Authentication failure. Missing Authorization header.")),
        (400, NO_PARAMETER),
        (200, NO_PARAMETER),
        (500, ACCEPTED),
        (502, "<html>Bad Gateway</html>"),
        (302, ACCEPTED),
        (201, ACCEPTED),
        (403, ACCEPTED),
        (403, "<html>Forbidden</html>"),
        (200, ""),
        (200, "true"),
        (200, "[]"),
        (200, '{"result": true}'),
        (200, '{"result": {"value": true}}'),
        (200, "[" * 100_000),
        (200, '{"result": {"status": true, "value": true'),
        (200, with_result(ACCEPTED, status="true")),
        (200, with_result(ACCEPTED, value="true")),
        (200, with_result(ACCEPTED, value=1)),
        (200, with_result(ACCEPTED, value=None)),
        (200, with_result(ACCEPTED, value={"auth": True})),
        (200, with_result(ACCEPTED, authentication="PERHAPS")),
        (200, with_result(ACCEPTED, authentication=["ACCEPT"])),
        (200, with_result(REJECTED, authentication="ACCEPT")),
        (200, with_result(ACCEPTED, status=False)),
        (400, with_result(ACCEPTED, status=False, error="no")),
        (400, with_result(ACCEPTED, status=False, error={"code": "904"})),
        (200, json.dumps(json.loads(ACCEPTED) | {"nonce": "of another question"})),
        (200, json.dumps(json.loads(REJECTED) | {"nonce": None})),
    ],
)
def test_anything_else_is_an_outage_and_nobodys_fault(status: int, body: str) -> None:
    with pytest.raises(Unavailable) as error:
        read_answer(status, body.encode(), "n0nce")
    assert error.value.reason == "privacyidea"


def test_a_missing_service_token_is_told_to_the_administrator() -> None:
    with pytest.raises(Unavailable, match="token_file"):
        read_answer(403, NO_API_KEY.encode(), "n0nce")


# ----- what is sent ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.ensure(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture
def server(files: Certificates) -> Iterator[PrivacyIDEA]:
    with running(files) as site:
        yield site


Make = Callable[..., PrivacyIDEAFactor]


@pytest.fixture
def factor(server: PrivacyIDEA, files: Certificates) -> Make:
    def make(**changes: Any) -> PrivacyIDEAFactor:
        made = PrivacyIDEAFactor(
            **({"url": server.url, "ca_file": str(files.ca), "timeout": 2, "send_again_after": 0} | changes)
        )
        assert list(made.problems()) == []
        return made

    return make


def attempt(code: str = CODE, password: str = PASSWORD) -> Attempt:
    return Attempt("a1113a01", code, password.encode(), "192.0.2.7")


def outcome(factor: PrivacyIDEAFactor, one: Attempt | None = None, *, seconds: float = 10) -> LoginError:
    with pytest.raises(LoginError) as error:
        factor.check(one or attempt(), Deadline(seconds))
    return error.value


def test_the_code_alone_goes_out_and_the_password_is_left_for_the_directory(
    factor: Make, server: PrivacyIDEA
) -> None:
    proof = factor().check(attempt(" 493-021 "), Deadline(10))
    assert (proof.how, proof.password, proof.controls) == (How.OTP, PASSWORD.encode(), ())
    (call,) = server.calls
    assert (call.method, call.path) == ("POST", "/validate/check")
    nonce = call.form.pop("nonce")
    assert len(nonce) == 32
    assert call.form == {"user": "a1113a01", "pass": CODE}
    assert "authorization" not in call.headers


def test_realm_password_and_service_token_go_out_when_set(
    factor: Make, server: PrivacyIDEA, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(f"{SERVICE_TOKEN}\n")
    made = factor(url=f"{server.url}/pi/", realm="hpc", send="password+otp", token_file=str(path))
    assert (
        made.check(attempt("pin 493021", "p\u00e4ss&=+ "), Deadline(10)).password == "p\u00e4ss&=+ ".encode()
    )
    (call,) = server.calls
    assert call.path == "/pi/validate/check"
    assert (call.form["pass"], call.form["realm"]) == ("p\u00e4ss&=+ pin 493021", "hpc")
    assert call.headers["authorization"] == SERVICE_TOKEN


def test_the_nonce_that_comes_back_must_be_ours(factor: Make, server: PrivacyIDEA) -> None:
    server.answer = lambda call: Answer(json.dumps(json.loads(ACCEPTED) | {"nonce": call.form["nonce"]}))
    assert factor().check(attempt(), Deadline(10)).how is How.OTP
    old = server.calls[0].form["nonce"]
    server.answer = lambda _call: Answer(json.dumps(json.loads(ACCEPTED) | {"nonce": old}))
    assert isinstance(outcome(factor()), Unavailable)


def test_the_answers_of_a_real_conversation(factor: Make, server: PrivacyIDEA) -> None:
    for status, body, kind in (
        (200, REJECTED, Refused),
        (400, UNKNOWN_USER, Refused),
        (403, NO_API_KEY, Unavailable),
        (500, "", Unavailable),
    ):
        answer = Answer(body, status)
        server.answer = lambda _call, answer=answer: answer
        assert type(outcome(factor())) is kind


def test_what_cannot_be_a_code_is_not_sent(factor: Make, server: PrivacyIDEA) -> None:
    assert outcome(factor(), attempt("１２３４５６")).reason == "otp_syntax"
    assert outcome(factor(), seconds=0).reason == "deadline"
    assert server.connections == 0


def test_many_logins_leave_no_connection_open(factor: Make, server: PrivacyIDEA) -> None:
    answers = iter(
        [Answer(ACCEPTED), Answer(REJECTED), Answer("", 500), Answer(ACCEPTED + " " * 100_000)] * 8
    )
    server.answer = lambda _call: next(answers)
    made = factor()
    made.check(attempt(), Deadline(10))
    before = threading.active_count()
    for _ in range(31):
        with contextlib.suppress(LoginError):
            made.check(attempt(), Deadline(10))
    # The server has a thread for each connection that is open.
    until = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_redirect_is_not_followed(factor: Make, server: PrivacyIDEA, files: Certificates) -> None:
    with running(files) as other:
        server.answer = lambda call: Answer(ACCEPTED, 307, {"Location": f"{other.url}{call.path}"})
        assert isinstance(outcome(factor()), Unavailable)
        assert other.connections == 0
    assert len(server.calls) == 1


def test_an_answer_without_end_is_cut_off(factor: Make, server: PrivacyIDEA) -> None:
    server.answer = lambda _call: Answer(ACCEPTED + " " * LARGEST_ANSWER)
    error = outcome(factor())
    assert isinstance(error, Unavailable)
    assert "longer than" in error.detail


def test_a_compressed_answer_is_not_unpacked(factor: Make, server: PrivacyIDEA) -> None:
    server.answer = lambda _call: Answer(ACCEPTED, headers={"Content-Encoding": "gzip"})
    # Taken as it is: what says it is packed and is not, is read; a packed bomb never is.
    assert factor().check(attempt(), Deadline(10)).how is How.OTP


def test_a_proxy_of_the_environment_is_not_asked(
    factor: Make, server: PrivacyIDEA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert factor().check(attempt(), Deadline(10)).how is How.OTP
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, NO_USER, ""),
        (403, NO_API_KEY, "token_file"),
        (200, "<html>It works!</html>", "not an answer of privacyIDEA"),
        (404, '{"result": null}', "not an answer of privacyIDEA"),
    ],
)
def test_the_doctor_hears_whether_it_is_a_privacyidea_and_names_nobody(
    factor: Make, server: PrivacyIDEA, status: int, body: str, words: str
) -> None:
    server.answer = lambda _call: Answer(body, status)
    ((url, trouble),) = factor().reach(Deadline(10))
    assert url == server.url
    assert words in trouble
    assert bool(words) == bool(trouble)
    assert server.calls[0].form == {}


def test_the_doctor_hears_that_nobody_is_there(factor: Make) -> None:
    assert list(factor(url="https://localhost:1").reach(Deadline(10))) == [
        ("https://localhost:1", "https://localhost:1: ConnectError")
    ]


# ----- servers that must not hear anything ---------------------------------------------------------


def test_a_server_of_another_authority_hears_nothing(factor: Make, tmp_path: Path) -> None:
    with running(certificates.ensure(tmp_path / "other", "localhost")) as stranger:
        assert isinstance(outcome(factor(url=stranger.url)), Unavailable)
        assert (stranger.connections, stranger.calls) == (1, [])


def test_a_server_of_another_name_hears_nothing(factor: Make, files: Certificates) -> None:
    with running(files, "127.0.0.2") as stranger:
        assert isinstance(outcome(factor(url=stranger.url)), Unavailable)
        assert (stranger.connections, stranger.calls) == (1, [])


def test_a_server_without_tls_hears_nothing(factor: Make) -> None:
    with running(None) as plain:
        assert isinstance(outcome(factor(url=plain.url)), Unavailable)
        assert plain.calls == []


def test_a_server_that_is_down_or_silent_is_an_outage(factor: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert isinstance(outcome(factor(url=f"https://localhost:{port}", timeout=1)), Unavailable)
    error = outcome(factor(url=f"https://localhost:{port}"))
    assert isinstance(error, Unavailable)
    assert error.detail == f"https://localhost:{port}: ConnectError"


def test_without_tls_only_when_asked_for_and_on_this_machine() -> None:
    with running(None, "127.0.0.1") as plain:
        url = f"http://127.0.0.1:{plain.port}"
        open_factor = PrivacyIDEAFactor(url=url, unencrypted=True)
        assert list(open_factor.problems()) == []
        assert open_factor.check(attempt(), Deadline(10)).how is How.OTP
        assert isinstance(outcome(PrivacyIDEAFactor(url=url)), Unavailable)
        assert len(plain.calls) == 1


# ----- settings ----------------------------------------------------------------------------------


def test_settings_that_are_not_safe_are_told_at_start(files: Certificates, tmp_path: Path) -> None:
    open_file = tmp_path / "open"
    open_file.write_text("x")
    open_file.chmod(0o644)
    two_lines = tmp_path / "two-lines"
    two_lines.touch(0o600)
    two_lines.write_text("a\nb")
    good = {"url": "https://pi.hpc.example", "ca_file": str(files.ca)}
    for changes, words in (
        ({"url": ""}, "write for example"),
        ({"url": "ldaps://pi.hpc.example"}, "write for example"),
        ({"url": "https://user:secret@pi.hpc.example"}, "more than a host"),
        ({"url": "https://pi.hpc.example/?a=1"}, "more than a host"),
        ({"url": "http://pi.hpc.example"}, "all could read the codes"),
        ({"url": "http://pi.hpc.example", "unencrypted": True}, "all could read the codes"),
        ({"url": "http://127.0.0.1"}, "all could read the codes"),
        ({"ca_file": ""}, "ca_file is not set"),
        ({"ca_file": str(tmp_path / "none")}, "is not there"),
        ({"ca_file": str(open_file)}, "not a certificate"),
        ({"token_file": str(open_file)}, "chmod 600"),
        ({"token_file": str(two_lines)}, "one line with a token"),
    ):
        (problem,) = PrivacyIDEAFactor(**(good | changes)).problems()
        assert problem.startswith("PrivacyIDEAFactor: ")
        assert words in problem
        assert "secret" not in problem
    assert list(PrivacyIDEAFactor(**good).problems()) == []
    with pytest.raises(TraitError):
        PrivacyIDEAFactor(timeout=0)


def test_no_secret_is_ever_shown(
    factor: Make, server: PrivacyIDEA, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(SERVICE_TOKEN)
    made = factor(send="password+otp", token_file=str(path))
    shown = [repr(made), repr(vars(made)), repr(made.check(attempt(), Deadline(10)))]
    # A server that repeats what it was sent.
    server.answer = lambda call: Answer(error_of(905, f"{call.form} {call.headers}"), 400)
    error = outcome(made)
    shown += [repr(error), str(error), error.detail, repr(error.__cause__)]
    bad = tmp_path / "bad"
    bad.touch(0o600)
    bad.write_text(f"{SERVICE_TOKEN}\nInjected: header")
    settings = {"url": server.url, "ca_file": made.ca_file, "token_file": str(bad)}
    broken = outcome(PrivacyIDEAFactor(**settings))
    assert isinstance(broken, Unavailable)
    shown += list(PrivacyIDEAFactor(**settings).problems())
    shown += [repr(broken), *caplog.messages]
    for secret in (CODE, PASSWORD, SERVICE_TOKEN):
        assert not [text for text in shown if secret in text]
