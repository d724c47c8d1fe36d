"""A channel over HTTP that can be told to be silent, to lose files, or to cut them short."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Served:
    """What the server does; `silent` and `lost` are parts of addresses.

    Attributes
    ----------
    asked : Event
        Set as soon as something was asked for that the server is silent about.
    """

    url: str
    silent: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    asked: threading.Event = field(default_factory=threading.Event)
    speak: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder while this lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = functools.partial(_Handler, directory=str(folder), served=served)  # type: ignore[assignment]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        served.speak.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, served: Served, **more: object) -> None:
        self.served = served
        super().__init__(*args, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if any(part in self.path for part in self.served.lost):
            self.send_error(404)
            return
        if any(part in self.path for part in self.served.silent):
            self.served.asked.set()
            self.served.speak.wait()
        super().do_GET()

    def log_message(self, *_about: object) -> None:
        """Say nothing."""
