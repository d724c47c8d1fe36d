"""privacyIDEA checks the code: ``POST /validate/check``.

What is sent and answered is described in privacyIDEA's documentation, "Validate endpoints".
"""

import json
import re
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from traitlets import Bool, Enum, Int, TraitError, Unicode, validate

from authenticator.errors import Refused, Unavailable
from authenticator.factors.interface import Attempt, How, Proof
from authenticator.factors.others import OthersFactor
from authenticator.keys import private_file_problem
from authenticator.workers import Deadline

__all__ = ["PrivacyIDEAFactor", "read_answer"]

LARGEST_ANSWER: Final = 64 * 1024
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

# privacyIDEA's error codes (its lib/error.py) that are about the person; all others are about us or about it.
REFUSALS: Final = {904: "unknown_user", 303: "policy", 401: "policy"}
# The one policy error that is our fault: the service token is missing or wrong.
API_KEY_WORDS: Final = "API key"

_TOKEN: Final = re.compile(rb"[!-~]{1,8192}")


class PrivacyIDEAFactor(OthersFactor):
    """Asks a privacyIDEA server about each code.

    privacyIDEA looks the person up by the name at the door and keeps codes from being used twice. Tokens that
    need a second round (push, SMS, e-mail) are refused: the form at the door has one.
    """

    title = "privacyIDEA"

    url = Unicode(
        help="The server, such as https://privacyidea.hpc.example; /validate/check is appended.",
    ).tag(config=True)
    ca_file = Unicode(
        help="PEM file with the certificate authority of the server. No other is trusted.",
    ).tag(config=True)
    unencrypted = Bool(
        default_value=False,
        help="Talk to an http:// server on this very machine (loopback) without TLS. For experiments.",
    ).tag(config=True)
    realm = Unicode(help="privacyIDEA's realm of the people. Empty: its default realm.").tag(config=True)
    send = Enum(
        ["otp", "password+otp"],
        default_value="otp",
        help="""What goes out as `pass`. "otp": what was typed as the code (people may type PIN and code
        there). "password+otp": when privacyIDEA's policy otppin wants the directory's password.""",
    ).tag(config=True)
    token_file = Unicode(
        help="""File (mode 0400 or 0600, owned by the hub's account) with a service token (`pi-manage api
        createtoken -r validate`), for servers with the policy api_key_required.""",
    ).tag(config=True)
    timeout = Int(5, help="Seconds to reach the server, and to wait for its answer.").tag(config=True)

    @validate("timeout")
    def _valid_timeout(self, proposal: Any) -> int:
        if int(proposal["value"]) < 1:
            raise TraitError(f"PrivacyIDEAFactor.timeout is {proposal['value']}; write 1 or more")
        return int(proposal["value"])

    def problems(self) -> Iterator[str]:
        yield from (f"PrivacyIDEAFactor: {problem}" for problem in self._problems())

    def _problems(self) -> Iterator[str]:
        parts = urlsplit(self.url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            yield f"url is {self.url!r}; write for example https://privacyidea.hpc.example"
        elif parts.username or parts.password or parts.query or parts.fragment:
            yield "url has more than a host, a port and a path"
        elif parts.scheme == "http" and not (self.unencrypted and parts.hostname in LOOPBACK):
            yield "url is http://, so all could read the codes; write https://"
        if parts.scheme == "https":
            yield from self._ca_problems()
        if self.token_file:
            if problem := private_file_problem(Path(self.token_file)):
                yield f"token_file: {problem}"
            elif _service_token(self.token_file) is None:
                yield f"token_file: {self.token_file} does not hold one line with a token"

    def _ca_problems(self) -> Iterator[str]:
        if not self.ca_file:
            yield "ca_file is not set: the server's certificate could not be checked"
            return
        try:
            _trusting(self.ca_file)
        except (OSError, ssl.SSLError):
            yield f"ca_file: {self.ca_file} is not there, or not a certificate in PEM"

    def secret(self, attempt: Attempt, code: str) -> bytes:
        joined = (attempt.password if self.send == "password+otp" else b"") + code.encode()
        try:
            joined.decode()
        except UnicodeDecodeError:
            raise Refused("password_syntax") from None
        return joined

    def ask(self, attempt: Attempt, code: str, deadline: Deadline) -> Proof:
        nonce = secrets.token_hex(16)
        form = {"user": attempt.name, "pass": self.secret(attempt, code).decode(), "nonce": nonce}
        if self.realm:
            form["realm"] = self.realm
        status, body = self._post(form, deadline)
        read_answer(status, body, nonce)
        return Proof(How.OTP, attempt.password)

    def reach(self, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """Ask about nobody, which privacyIDEA answers with an error of its own."""
        try:
            status, body = self._post({}, deadline)
            error = json.loads(body)["result"]["error"]
        except Unavailable as outage:
            yield self.url, outage.detail
        except (ValueError, TypeError, KeyError, RecursionError):
            yield self.url, f"HTTP status {status}, and not an answer of privacyIDEA"
        else:
            wrong = API_KEY_WORDS in str(error)
            yield self.url, "the service token is not accepted: see token_file" if wrong else ""

    def _post(self, form: dict[str, str], deadline: Deadline) -> tuple[int, bytes]:
        try:
            return self._exchange(form, deadline)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # Only the kind: an error's own text may quote what was sent.
            raise Unavailable("privacyidea", f"{self.url}: {type(error).__name__}") from None

    def _exchange(self, form: dict[str, str], deadline: Deadline) -> tuple[int, bytes]:
        address = f"{self.url.rstrip('/')}/validate/check"
        with (
            # Not trust_env: a proxy or another authority named in the environment would see the codes.
            httpx.Client(
                verify=self._tls(),
                trust_env=False,
                follow_redirects=False,
                timeout=deadline.limit(self.timeout),
            ) as client,
            client.stream("POST", address, data=form, headers=self._headers()) as answer,
        ):
            return answer.status_code, _body(answer, deadline)

    def _tls(self) -> ssl.SSLContext | bool:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and self.unencrypted and parts.hostname in LOOPBACK:
            return True
        if parts.scheme != "https" or not self.ca_file:
            raise Unavailable("privacyidea", "there is no way to speak to the server safely")
        return _trusting(self.ca_file)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self.token_file:
            token = _service_token(self.token_file)
            if token is None:
                raise Unavailable("privacyidea", "token_file does not hold one line with a token")
            headers["Authorization"] = token
        return headers


def _service_token(path: str) -> str | None:
    # Checked here, for the HTTP library would log a value that it does not like.
    token = Path(path).read_bytes().strip()
    return token.decode() if _TOKEN.fullmatch(token) else None


def _trusting(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _body(answer: httpx.Response, deadline: Deadline) -> bytes:
    body = bytearray()
    for piece in answer.iter_raw():
        deadline.limit(1)
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise Unavailable("privacyidea", f"the answer is longer than {LARGEST_ANSWER} bytes")
    return bytes(body)


def read_answer(status: int, body: bytes, nonce: str) -> None:
    """Return if the answer says, in every place, that the code is right.

    Nothing of the server's own words is repeated, since they could quote what it was sent.

    Raises
    ------
    Refused
        The server knows the person or the code, and says no.
    Unavailable
        It cannot say, or it is not the answer of a privacyIDEA server to our question.
    """
    if status >= 500 or 300 <= status < 400:
        raise Unavailable("privacyidea", f"HTTP status {status}")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise _malformed(status) from None
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict) or answer.get("nonce", nonce) != nonce:
        raise _malformed(status)
    if result.get("status") is False:
        raise _error(status, result.get("error"))
    if status != 200 or result.get("status") is not True:
        raise _malformed(status)
    _read_result(result, answer.get("detail"))


def _read_result(result: dict[str, Any], detail: object) -> None:
    # Servers before 3.6 have no "authentication".
    value, word = result.get("value"), result.get("authentication")
    if not isinstance(value, bool) or not isinstance(word, str | None):
        raise _malformed(200)
    if value and word in {None, "ACCEPT"}:
        return
    if word == "CHALLENGE" or (word is None and isinstance(detail, dict) and detail.get("transaction_id")):
        raise Refused("challenge")
    if word in {None, "REJECT", "DECLINED"}:
        raise Refused("otp_wrong")
    raise _malformed(200)


def _error(status: int, error: object) -> Refused | Unavailable:
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, int):
        return _malformed(status)
    ours = API_KEY_WORDS in str(error.get("message"))
    if code in REFUSALS and not ours:
        return Refused(REFUSALS[code], f"privacyIDEA's error {code}")
    hint = ", the service token is not accepted: see token_file" if ours else ""
    return Unavailable("privacyidea", f"HTTP status {status}, privacyIDEA's error {code}{hint}")


def _malformed(status: int) -> Unavailable:
    return Unavailable("privacyidea", f"HTTP status {status}, and not an answer of privacyIDEA")
