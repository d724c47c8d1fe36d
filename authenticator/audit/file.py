"""The audit file: lines of JSON, appended by several processes, by a thread that may be slow.

Who records an event puts its line into a bounded queue and goes on; the thread writes. When the queue is full
(the disk hangs) or a write fails (the disk is full), the line is lost to the file, counted, and said once in
the hub's log, which has the event as well.
"""

import atexit
import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, Final

from concurrent_log_handler import ConcurrentRotatingFileHandler

from authenticator import metrics

__all__ = ["AuditFile"]

Log = logging.Logger | logging.LoggerAdapter[Any]

WAITING_LINES: Final = 10_000
CLOSING_SECONDS: Final = 5.0


class AuditFile:
    """Appends lines, and begins a new file when one is full; never blocks and never raises.

    Parameters
    ----------
    path
        The file, made with mode 0600; older ones are ``PATH.1`` (the newest) and so on.
    size
        Bytes after which a new file is begun.
    older
        How many older files are kept.
    """

    def __init__(self, path: Path, *, size: int, older: int, log: Log, waiting: int = WAITING_LINES) -> None:
        self.path = path
        self.lost = 0
        self._log = log
        self._lines: queue.Queue[str | None] = queue.Queue(waiting)
        self._handler = _Appender(
            path, maxBytes=size, backupCount=older, chmod=0o600, encoding="ascii", newline="\n"
        )
        self._trouble = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Leave a line to be written."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._lose("full", f"{self._lines.maxsize} lines wait for the disk")

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Write what waits, for so long at most; what is written later begins anew."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self.close)
        try:
            self._lines.put(None, timeout=seconds)
        except queue.Full:
            self._lose("full", "the disk hangs")
        thread.join(seconds)

    def _run(self) -> None:
        written = True
        for line in iter(self._lines.get, None):
            written = self._append(line)
            # Not before the queue is empty: at its limit lines are written and lost by turns.
            if written and self._lines.empty():
                self._recover()
        if written:
            self._recover()
        self._handler.close()

    def _append(self, line: str) -> bool:
        error = self._handler.append(line)
        if error is not None:
            self._lose("write", getattr(error, "strerror", None) or type(error).__name__)
        return error is None

    def _lose(self, why: str, detail: str) -> None:
        metrics.audit_lost(why)
        with self._lock:
            self.lost += 1
            first, self._trouble = not self._trouble, True
        if first:
            self._log.error(
                "The audit file %s cannot be written (%s); until it can, events are in this log only",
                self.path,
                detail,
            )

    def _recover(self) -> None:
        with self._lock:
            trouble, self._trouble = self._trouble, False
            lost = self.lost
            self.lost = 0
        if trouble:
            self._log.warning("The audit file %s is written again; %d events are not in it", self.path, lost)


class _Appender(ConcurrentRotatingFileHandler):
    """Writes whole lines or nothing, under the lock that all processes share."""

    error: BaseException | None = None

    def append(self, line: str) -> BaseException | None:
        """Write one line; return what went wrong, or None."""
        self.error = None
        self.emit(logging.makeLogRecord({"msg": line}))
        return self.error

    def do_write(self, msg: str) -> None:
        # Not through the stream's buffer: after an error that would keep half a line for later.
        if self.stream is None or self.stream.closed:
            self.stream = self.do_open()
        descriptor = self.stream.fileno()
        data = f"{msg}{self.terminator}".encode("ascii")
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, before)
            raise OSError(0, "the disk took half a line")

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        self.error = sys.exc_info()[1]
