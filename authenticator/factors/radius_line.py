"""One question to one RADIUS server over UDP, and what counts as its answer.

pyrad builds the packets and checks the answers; its own client takes answers from any address, so the socket
is ours.
"""

import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pyrad import packet
from pyrad.packet import AuthPacket, Packet

from authenticator.workers import Deadline

__all__ = ["Line", "NoAnswer", "RadiusServer", "read_secret"]

ANSWERS: Final = frozenset({packet.AccessAccept, packet.AccessReject, packet.AccessChallenge})
DEFAULT_PORT: Final = 1812
LARGEST_PACKET: Final = 4096

_SERVER: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class RadiusServer:
    """Where one server listens, and the file with the secret we share with it."""

    host: str
    port: int
    secret_file: Path = field(default=Path())

    @classmethod
    def parse(cls, text: str, secret_file: Path = Path()) -> Self:
        """Take HOST, HOST:PORT or [IPV6]:PORT.

        >>> RadiusServer.parse("[::1]:1645").port, RadiusServer.parse("radius1").port
        (1645, 1812)
        """
        found = _SERVER.fullmatch(text)
        port = int(found["port"] or DEFAULT_PORT) if found else 0
        if found is None or not 1 <= port <= 65535:
            raise ValueError(f"{text!r} is not a server: write HOST:PORT")
        return cls(found["six"] or found["host"], port, secret_file)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class NoAnswer(Exception):  # noqa: N818 - like the others that say how a login ended
    """A server that gives no valid answer; the next one may."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Line:
    """A UDP socket that hears one server only, and what we share with it."""

    def __init__(self, server: RadiusServer, *, accept_unsigned: bool) -> None:
        self.server = server
        self._accept_unsigned = accept_unsigned
        self._invalid = 0
        try:
            self.secret = read_secret(server.secret_file)
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise NoAnswer(f"{server}: {error.strerror}") from None
        family, kind, proto, _, address = found[0]
        self._socket = socket.socket(family, kind, proto)
        try:
            # Connected: the kernel drops what comes from elsewhere, and tells us when nobody listens.
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise NoAnswer(f"{server}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: AuthPacket, *, tries: int, timeout: int, deadline: Deadline) -> Packet:
        """Send the request, again if need be, and return the first answer that is the server's."""
        raw = request.RequestPacket()
        try:
            for _ in range(tries):
                seconds = deadline.limit(timeout)
                self._socket.send(raw)
                answer = self._listen(request, time.monotonic() + seconds)
                if answer is not None:
                    return answer
        except OSError as error:
            raise NoAnswer(f"{self.server}: {error.strerror}") from None
        if self._invalid:
            raise NoAnswer(
                f"{self.server}: {self._invalid} answers that cannot be believed; is the shared secret the "
                "same on both sides, and does the server send a Message-Authenticator?"
            )
        raise NoAnswer(f"{self.server}: no answer; does the server know us, and with the same secret?")

    def _listen(self, request: AuthPacket, until: float) -> Packet | None:
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                raw = self._socket.recv(LARGEST_PACKET + 1)
            except TimeoutError:
                return None
            answer = self._verified(request, raw)
            if answer is not None:  # a packet without attributes is false
                return answer
            self._invalid += 1
        return None

    def _verified(self, request: AuthPacket, raw: bytes) -> Packet | None:
        try:
            answer = request.CreateReply(packet=raw)
            # Checks the identifier, the Response Authenticator and the Message-Authenticator.
            valid = request.VerifyReply(answer, raw, enforce_ma=not self._accept_unsigned)
        except Exception:
            # Anybody can send anything here. What pyrad trips over is no answer.
            return None
        return answer if valid and answer.code in ANSWERS else None


def read_secret(path: Path) -> bytes:
    """Return the secret in a file, without the line's end."""
    return path.read_bytes().strip(b"\r\n")
