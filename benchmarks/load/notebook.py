#!/usr/bin/python3 -SE
"""The smallest thing that a hub takes for a notebook server; the batch script of the measurements' jobs.

A thousand of these run on one machine, so it imports nothing but what is built into the interpreter
(2.5 MiB of memory of its own each). Arguments: the port, and the path of its pages, as ``/user/NAME/``.
"""

import _socket
import sys

BODY = b'{"version": "2.0.0"}'
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-JupyterHub-Version: %s\r\n"
    "Connection: close\r\nContent-Length: %d\r\n\r\n"
)
PATIENCE = 5.0  # seconds


def main(address: str, port: int, version: str) -> None:
    """Answer every request alike, one at a time."""
    answer = (HEAD % (version, len(BODY))).encode() + BODY
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    while True:
        descriptor, _ = listener._accept()  # type: ignore[attr-defined]
        _serve(_socket.socket(fileno=descriptor), answer)


def _serve(talk: "_socket.socket", answer: bytes) -> None:
    try:
        talk.settimeout(PATIENCE)
        request = b""
        while b"\r\n\r\n" not in request and len(request) < 65536:
            part = talk.recv(8192)
            if not part:
                return
            request += part
        talk.sendall(answer)
    except OSError:
        pass  # they went away
    finally:
        talk.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
