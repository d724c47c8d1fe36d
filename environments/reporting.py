"""Counts what py-rattler reports from its many threads, and tells it on at most a few times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["Reporter"]

TELL_SECONDS: Final = 0.2


class Reporter:
    """A reporter as py-rattler calls it. Its exceptions would vanish, so it only counts.

    Parameters
    ----------
    sizes : mapping
        Size of each package's archive, in bytes, by name.
    missing : set of str
        Which of them are to be fetched.
    """

    def __init__(self, sizes: Mapping[str, int], missing: set[str]) -> None:
        self._sizes = sizes
        self._missing = missing
        self._total = sum(sizes[name] for name in missing)
        self._guard = threading.Lock()
        self._names: list[str] = []
        self._fetched: dict[str, int] = {}
        self._done = 0
        self._current = ""

    @contextmanager
    def telling(self, tell: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """Tell how far it is while this lasts, whenever that has changed, and once more at its end."""
        over = threading.Event()

        def repeat() -> None:
            last: dict[str, Any] = {}
            while True:
                ended = over.wait(TELL_SECONDS)
                now = self.progress()
                if now != last:
                    tell(now)
                    last = now
                if ended:
                    return

        tell(self.progress())
        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def progress(self) -> dict[str, Any]:
        with self._guard:
            return {
                "step": "install",
                "packages_done": self._done,
                "packages_total": len(self._sizes),
                "bytes_done": min(sum(self._fetched.values()), self._total),
                "bytes_total": self._total,
                "current": self._current,
            }

    def __getattr__(self, name: str) -> Callable[..., int]:
        """Take everything else that is reported, now or by a later release."""
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *_about: 0

    def on_populate_cache_start(self, _operation: int, name: str) -> int:
        return self._begin(name)

    def on_populate_cache_complete(self, token: int) -> None:
        with self._guard:
            name = self._names[token]
            if name in self._missing:
                self._fetched[name] = self._sizes[name]

    def on_download_start(self, token: int) -> int:
        return token

    def on_download_progress(self, token: int, done: int, _total: int | None) -> None:
        with self._guard:
            name = self._names[token]
            if name in self._missing:
                self._fetched[name] = min(done, self._sizes[name])

    def on_link_start(self, _operation: int, name: str) -> int:
        return self._begin(name)

    def on_transaction_operation_complete(self, _operation: int) -> None:
        with self._guard:
            self._done += 1

    def _begin(self, name: str) -> int:
        with self._guard:
            self._current = name
            self._names.append(name)
            return len(self._names) - 1
