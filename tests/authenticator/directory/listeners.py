"""Servers that do what a good directory does not, on real sockets, and remember every byte they were sent."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = [
    "BIND",
    "EXTENDED",
    "SEARCH",
    "FakeDirectory",
    "Listener",
    "Relay",
    "Request",
    "bind_answer",
    "black_hole",
    "relay",
    "search_answer",
    "start_tls_answer",
]

BIND, SEARCH, UNBIND, EXTENDED = 0x60, 0x63, 0x42, 0x77
PERSON = "uid=someone,ou=people,dc=fake,dc=example"


def ber(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    return (
        bytes([tag, length]) + content if length < 128 else bytes([tag, 0x82, *divmod(length, 256)]) + content
    )


def result(tag: int, code: int, *more: bytes) -> bytes:
    return ber(tag, ber(0x0A, bytes([code])), ber(0x04), ber(0x04, b"said the fake"), *more)


def bind_answer(code: int, *, referral: str = "") -> list[bytes]:
    return [result(0x61, code, *([ber(0xA3, ber(0x04, referral.encode()))] if referral else []))]


def start_tls_answer(code: int) -> list[bytes]:
    return [result(0x78, code)]


def search_answer(
    code: int = 0, *, dn: str | None = None, name: str = "someone", refer: str = ""
) -> list[bytes]:
    """Return one entry (and a reference to another server), then the result."""
    answers = []
    if dn is not None:
        names = ber(0x30, ber(0x04, b"uid"), ber(0x31, ber(0x04, name.encode())))
        answers.append(ber(0x64, ber(0x04, dn.encode()), ber(0x30, names)))
    if refer:
        answers.append(ber(0x73, ber(0x04, refer.encode())))
    return [*answers, result(0x65, code)]


@dataclass
class Listener:
    """Takes connections, notes what it is sent, and never answers in LDAP."""

    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    hang_up: bool = False
    port: int = 0
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0

    def __enter__(self) -> "Listener":
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._socket = socket.create_server((self.address, self.port), family=family, backlog=100)
        self.port = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_listening()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Close what is left of the connections on this side."""
        for connection in self._open:
            connection.close()

    def stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # A ClientHello where a request should be ends the talk, as does a broken connection.
        with contextlib.suppress(OSError, IndexError), connection:
            if self.hang_up:
                return
            connection.sendall(self.greeting)
            with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as talk:
                self.talk(talk)

    def talk(self, talk: socket.socket) -> None:
        while data := talk.recv(4096):
            self.received += data


@dataclass(frozen=True)
class Request:
    """What the client asks: the kind (`BIND`, ...), and its bytes."""

    kind: int
    content: bytes


Answer = Callable[[Request], list[bytes] | None]


@dataclass
class FakeDirectory(Listener):
    """Speaks just enough LDAP; `answer` returns the answers to a request, None to hang, [] to hang up."""

    answer: Answer = lambda _request: []
    slowly: float = 0.0  # seconds between two bytes of an answer

    def talk(self, talk: socket.socket) -> None:
        buffer = bytearray()
        while data := talk.recv(4096):
            self.received += data
            buffer += data
            while request := _taken(buffer):
                number, asked = request
                answers = self.answer(asked) if asked.kind != UNBIND else []
                if answers is None:
                    continue
                if not answers:
                    return
                self._send(talk, b"".join(ber(0x30, number, each) for each in answers))

    def _send(self, talk: socket.socket, answer: bytes) -> None:
        for each in [answer[i : i + 1] for i in range(len(answer))] if self.slowly else [answer]:
            talk.sendall(each)
            time.sleep(self.slowly)

    def was_told(self, secret: bytes) -> int:
        """Return how often this was among the bytes received (after TLS)."""
        return len(re.findall(re.escape(secret), self.received))


def _taken(buffer: bytearray) -> tuple[bytes, Request] | None:
    """Take one message off the buffer: its number (BER) and the request."""
    if len(buffer) < 2:
        return None
    start, length = _length(buffer, 1)
    if len(buffer) < start + length:
        return None
    message = bytes(buffer[start : start + length])
    del buffer[: start + length]
    operation = 2 + message[1]
    return message[:operation], Request(message[operation], message[operation:])


def _length(data: bytearray, place: int) -> tuple[int, int]:
    """Return where the content starts and how long it is."""
    if data[place] < 128:
        return place + 1, data[place]
    count = data[place] & 127
    return place + 1 + count, int.from_bytes(data[place + 1 : place + 1 + count])


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port on which connections are neither accepted nor refused: the backlog is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        time.sleep(0.05)
        yield int(server.getsockname()[1])


@contextmanager
def relay(port: int) -> Iterator["Relay"]:
    """Yield a relay to a server on this machine, which keeps all that passes."""
    between = Relay(target=port)
    with between:
        yield between


@dataclass
class Relay(Listener):
    """Passes everything on, both ways, and keeps what the client sent and what came back."""

    target: int = 0
    starts_tls: bool = False  # says yes to StartTLS itself, for a server that speaks TLS at once
    returned: bytearray = field(default_factory=bytearray)

    def talk(self, talk: socket.socket) -> None:
        if self.starts_tls:
            request = talk.recv(4096)
            self.received += request
            number, _ = _taken(bytearray(request)) or (b"", None)
            talk.sendall(ber(0x30, number, *start_tls_answer(0)))
        with socket.create_connection((self.address, self.target)) as server:
            self._open.append(server)
            back = threading.Thread(target=self._pass_on, args=(server, talk, self.returned), daemon=True)
            back.start()
            self._pass_on(talk, server, self.received)
            back.join(5)

    def changed(self, data: bytes) -> bytes:
        """Return what is passed on of what the server said."""
        return data

    def _pass_on(self, source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept += data
                target.sendall(self.changed(data) if kept is self.returned else data)
            target.shutdown(socket.SHUT_WR)
