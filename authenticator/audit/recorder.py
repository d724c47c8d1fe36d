"""`Audit`: takes note of every event, in the hub's log, in a file, and in the figures."""

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from traitlets import Int, TraitError, Unicode, validate
from traitlets.config import LoggingConfigurable

from authenticator import metrics
from authenticator.audit.events import Event, line_of
from authenticator.audit.file import AuditFile
from authenticator.keys import private_file_problem

__all__ = ["Audit"]


class Audit(LoggingConfigurable):
    """Writes one JSON line per event; `record` neither blocks nor raises.

    The hub and the `hpchub` command write to the same file, each with an instance of this class.
    """

    audit_file = Unicode(
        help="""File (mode 0600) that gets one JSON line per event, besides the hub's log. Several processes
        may write to it. Empty: only the log.""",
    ).tag(config=True)
    audit_file_size = Int(
        10,
        help="MiB after which audit_file is renamed to NAME.1 (NAME.1 to NAME.2, ...) and a new one begun.",
    ).tag(config=True)
    audit_files = Int(
        20, help="Files of audit_file_size that are kept besides the newest; the oldest is deleted."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._file: AuditFile | None = None
        if self.audit_file:
            size = self.audit_file_size * 2**20
            self._file = AuditFile(Path(self.audit_file), size=size, older=self.audit_files, log=self.log)

    @validate("audit_file_size", "audit_files")
    def _valid_amount(self, proposal: Any) -> int:
        amount, name = int(proposal["value"]), proposal["trait"].name
        if not 1 <= amount <= 1000:
            raise TraitError(f"{name} is {amount}; write 1 to 1000")
        return amount

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that keeps the audit file from being written."""
        if not self.audit_file:
            return
        path = Path(self.audit_file)
        if not path.is_absolute():
            yield f"audit_file is {path}: write the whole path, from / on"
        elif path.exists():
            if problem := private_file_problem(path):
                yield f"audit_file: {problem}"
        elif not os.access(path.parent, os.W_OK | os.X_OK):
            yield f"audit_file: {path.parent} is not a folder that the hub's account may write to: make it"

    def record(self, event: Event) -> None:
        """Take note of an event."""
        try:
            line = line_of(event, datetime.datetime.now(datetime.UTC))
            self.log.info("audit %s", line)
            if self._file is not None:
                self._file.write(line)
            if event.kind == "login":
                metrics.login_ended(event.result, event.reason)
            else:
                metrics.event_happened(event.kind)
        except Exception as error:
            # A login must not fail for its audit. The error's own text may quote the event: not logged.
            self.log.error("An event could not be noted: %s", type(error).__name__)

    def close(self) -> None:
        """Write what still waits for the disk."""
        if self._file is not None:
            self._file.close()
