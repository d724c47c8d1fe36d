#!/usr/bin/python3 -I
"""Serves a folder over HTTP on this machine: ``serve.py PORT FOLDER``. Needs nothing but Python.

A copy of this file runs as an account that can do nothing else.
"""

from __future__ import annotations

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

ADDRESS: Final = "127.0.0.1"


class Handler(SimpleHTTPRequestHandler):
    """Keeps connections open, and is silent about what went well."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write down refusals only: one environment is hundreds of requests."""
        if not str(code).startswith(("2", "3")):
            super().log_request(code, size)


class Server(ThreadingHTTPServer):
    """Takes the many connections that a client of conda channels opens at once."""

    request_queue_size = 256
    daemon_threads = True


def main(port: str, folder: str) -> None:
    """Serve until the end."""
    handler = functools.partial(Handler, directory=folder)
    Server((ADDRESS, int(port)), handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
