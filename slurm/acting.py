"""Calls the helper that acts as a user: one JSON request to it, one JSON reply from it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from slurm.errors import SlurmError, SlurmNotUnderstood, SlurmUnavailable, classify
from slurm.expected import Expected, parse_test_only
from slurm.process import run

__all__ = ["ActsAsUser", "FolderError", "HelperRefusedError", "LogTail"]


class HelperRefusedError(SlurmError):
    """The helper refused the request: its settings and the hub's do not fit together."""


class FolderError(SlurmError):
    """A folder of the user's cannot be used; nothing was submitted, and Slurm was not asked.

    Attributes
    ----------
    path : str
        The folder, or the file.
    reason : str
        ``missing``, ``full``, ``quota``, ``denied``, ``read-only``, ``not a folder``, ``not a file``,
        or the operating system's own words for anything else.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("hpchub-as-user", None, f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of a job's log.

    Attributes
    ----------
    lines : tuple of str
        The last lines, which are the user's own words: escape them.
    size : int
        Bytes of the whole log.
    truncated : bool
        Whether there is more before these lines.
    """

    lines: tuple[str, ...] = ()
    size: int = 0
    truncated: bool = False


class ActsAsUser:
    """Submits, cancels, reads a log and looks at environments as one user.

    Parameters
    ----------
    command : str
        The command that runs the helper, words separated as in a shell; ``{username}`` stands for
        the user.
    user : str
        The Unix account.
    time_limit : float
        Seconds that one call may take.
    """

    def __init__(self, command: str, user: str, time_limit: float) -> None:
        # Split first and fill in then: a name can never become two words.
        self._argv = [word.replace("{username}", user) for word in shlex.split(command)]
        self._time_limit = time_limit

    async def submit(self, **job: Any) -> str:
        """Submit a batch job and return its id; the keys are those of the helper's ``submit``.

        Raises
        ------
        SlurmRefused, SlurmUnavailable, SlurmNotUnderstood
            As sbatch, or what stands between us and sbatch, answered.
        FolderError
            The job would not find its folders, or could not write to them.
        """
        reply = await self._ask({"verb": "submit", **job})
        return str(reply["job_id"])

    async def expected(self, **asked_for: Any) -> Expected:
        """Ask when such a job would start; the keys are those of `submit` that say what is asked for.

        Raises
        ------
        SlurmUnavailable, SlurmNotUnderstood
            Slurm gave no answer, or none that can be read; its no is an answer.
        """
        reply = await self._ask({"verb": "expected", **asked_for})
        return parse_test_only(int(reply["returncode"]), str(reply["stdout"]), str(reply["stderr"]))

    async def cancel(self, job_id: str, name: str) -> None:
        """Cancel a job, if it still has this name; one that has ended is no error."""
        await self._ask({"verb": "cancel", "job_id": job_id, "name": name})

    async def log_tail(self, job_id: str, lines: int) -> list[str]:
        """Give the last lines of a job's log."""
        return list((await self.read_log(job_id, lines)).lines)

    async def read_log(self, job_id: str, lines: int) -> LogTail:
        """Read the end of a job's log: at most `lines` lines (1 to 1,000) and 64 KiB.

        Raises
        ------
        FolderError
            It is there but cannot be read; one that is not there is empty.
        """
        reply = await self._ask({"verb": "log", "job_id": job_id, "lines": lines})
        return LogTail(
            tuple(str(line) for line in reply["lines"]), int(reply["size"]), bool(reply["truncated"])
        )

    async def ask_environments(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask about the user's environments, see environments/answers.py; nothing of it is Slurm's.

        The answer is made of the user's own files: it may hold anything.

        Raises
        ------
        HelperRefusedError
            The helper's settings have no program that answers.
        SlurmUnavailable
            There was no answer: the file system hangs, say.
        """
        reply = await self._ask({"verb": "environments", "question": dict(question)})
        answer = reply.get("answer")
        return answer if isinstance(answer, dict) else {}

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        done = await run(self._argv, input=json.dumps(request), timeout=self._time_limit)
        reply = self._read(done.stdout)
        if reply is None:
            # Not the helper's words: sudo's, or an interpreter's. They say nothing about any job.
            words = (done.stderr or done.stdout).strip()[-500:] or f"no reply (exit {done.returncode})"
            raise SlurmUnavailable(self._argv[0], done.returncode, words)
        if not reply.get("ok"):
            raise self._error(reply)
        return reply

    @staticmethod
    def _read(stdout: str) -> dict[str, Any] | None:
        """Take the last line: a site's sudo or shell may print a greeting before it."""
        try:
            reply = json.loads(stdout.strip().rsplit("\n", 1)[-1])
        except ValueError:
            return None
        return reply if isinstance(reply, dict) and "ok" in reply else None

    @staticmethod
    def _error(reply: dict[str, Any]) -> SlurmError:
        kind = reply.get("kind")
        if kind == "command":
            streams = (str(reply["command"]), cast(int, reply["returncode"]))
            return classify(*streams, str(reply["stdout"]), str(reply["stderr"]))
        if kind == "not-understood":
            return SlurmNotUnderstood("sbatch", 0, str(reply.get("stdout", "")).strip()[:200])
        if kind == "folder":
            return FolderError(str(reply.get("path", "")), str(reply.get("reason", "")))
        if kind == "invalid":
            return HelperRefusedError("hpchub-as-user", None, str(reply.get("message", "")))
        return SlurmUnavailable("hpchub-as-user", None, str(reply.get("message", kind)))
