"""What a server shows when TLS is tried with it, and why it fails, in words for an administrator.

Nothing but the handshake is ever sent here. To tell what is wrong with a certificate it must be seen: after
a failure one more handshake, without checks, fetches it.
"""

import contextlib
import datetime
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from authenticator.directory.tls import Endpoint

__all__ = ["HandshakeError", "Peer", "peer_of", "shake_hands"]

# RFC 4511 §4.14.1: an extended request with StartTLS's name, and the result code of its answer.
_START_TLS: Final = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_LENGTH: Final = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_ANSWER: Final = re.compile(rb"\x30" + _LENGTH + rb"\x02\x01\x01\x78" + _LENGTH + rb"\x0a\x01(.)", re.DOTALL)

# OpenSSL's X509_V_ERR_* (x509_vfy.h): what is wrong, and what to do.
_NOT_YET, _EXPIRED, _SELF_SIGNED, _OTHER_ROOT, _UNKNOWN, _NO_CHAIN = 9, 10, 18, 19, 20, 21
_HOST, _ADDRESS = 62, 64
_REASONS: Final = {
    _NOT_YET: ("the certificate is not valid yet", "compare the clocks of both machines"),
    _EXPIRED: ("a certificate has expired", "renew the server's certificate, or its authority in ca_file"),
    **dict.fromkeys(
        (_SELF_SIGNED, _OTHER_ROOT, _UNKNOWN, _NO_CHAIN),
        (
            "it is signed by an authority that is not in ca_file",
            "put the authority that is named as issuer into ca_file, after asking who runs the directory; "
            "let the server send intermediate certificates",
        ),
    ),
    **dict.fromkeys(
        (_HOST, _ADDRESS),
        (
            "it is for another host",
            "write one of its names in server_uris, or have the certificate made for this one",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """Whose certificate it is."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    ends: datetime.datetime
    version: str = ""

    def __str__(self) -> str:
        names = ", ".join(self.names) or "no name"
        return f"{self.subject} (for {names}), issued by {self.issuer}, until {self.ends:%Y-%m-%d}"


class HandshakeError(Exception):
    """No TLS; `why` it failed and what to `do`."""

    def __init__(self, why: str, do: str) -> None:
        super().__init__(why)
        self.why = why
        self.do = do


def shake_hands(endpoint: Endpoint, address: Sequence[Any], context: ssl.SSLContext, timeout: float) -> Peer:
    """Return whom the server proves to be.

    Raises
    ------
    HandshakeError
        With a plain reason.
    """
    try:
        return _shake(endpoint, address, context, timeout)
    except ssl.SSLCertVerificationError as error:
        why, do = _REASONS.get(
            error.verify_code,
            (f"{error.verify_message}", "have the certificate made anew by the rules of RFC 5280"),
        )
        with contextlib.suppress(OSError, ValueError):
            why = f"{why}: {_shake(endpoint, address, _blind(), timeout)}"
        raise HandshakeError(why, do) from None
    except ssl.SSLError as error:
        raise HandshakeError(*_without_certificate(endpoint, error)) from None
    except TimeoutError:
        raise HandshakeError(
            f"no answer to TLS within {timeout:g} s", "look at the server's log; is this port LDAP at all?"
        ) from None
    except OSError as error:
        raise HandshakeError(
            f"the server hung up ({error.strerror or type(error).__name__})",
            "look at the server's log; is this port LDAP at all?",
        ) from None


def _shake(endpoint: Endpoint, address: Sequence[Any], context: ssl.SSLContext, timeout: float) -> Peer:
    with socket.create_connection((address[0], address[1]), timeout) as raw:
        if not endpoint.ldaps:
            _start_tls(raw)
        with context.wrap_socket(raw, server_hostname=endpoint.host) as talk:
            return peer_of(talk.getpeercert(binary_form=True) or b"", talk.version() or "")


def _start_tls(raw: socket.socket) -> None:
    raw.sendall(_START_TLS)
    answer = _ANSWER.match(raw.recv(4096))
    if answer is None:
        raise HandshakeError(
            "what answers is not LDAP", "write the port of the directory (389, or ldaps:// and 636)"
        )
    if answer[1] != b"\0":
        raise HandshakeError(
            f"the server refuses StartTLS (result {answer[1][0]})",
            "give the server a certificate, or write ldaps:// if it speaks TLS on a port of its own",
        )


def _without_certificate(endpoint: Endpoint, error: ssl.SSLError) -> tuple[str, str]:
    # What speaks no TLS answers in its own way, or hangs up on what it takes for nonsense.
    hung_up = isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError)
    if hung_up or error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_EOF_WHILE_READING"}:
        other = "ldap://" if endpoint.ldaps else "ldaps://"
        return "what answers does not speak TLS", f"write {other} if this is the port for that"
    if error.reason in {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}:
        return "the server's TLS is too old", "let it speak TLS 1.2 or 1.3 (RFC 8996 withdraws older ones)"
    return f"TLS fails: {error.reason or type(error).__name__}", "look at the server's log"


def _blind() -> ssl.SSLContext:
    """Return a context that checks nothing, to look at a certificate; never say anything over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def peer_of(certificate: bytes, version: str = "") -> Peer:
    """Return what a certificate (DER) says."""
    parsed = x509.load_der_x509_certificate(certificate)
    try:
        found = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (
            *found.get_values_for_type(x509.DNSName),
            *map(str, found.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        names = ()
    return Peer(_words(parsed.subject), _words(parsed.issuer), names, parsed.not_valid_after_utc, version)


def _words(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "nobody"
