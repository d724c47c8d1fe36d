"""The ways a Slurm command can fail, told apart.

::

    SlurmError
    ├── SlurmRefused          Slurm says no: asking again will not help
    ├── SlurmUnavailable      Slurm does not answer: nothing is known, ask again later
    └── SlurmNotUnderstood    Slurm answered, but not in a way that we can read

Only success, or the words ``Invalid job id specified``, prove anything about a job. So whatever this file
does not know is `SlurmUnavailable`: a server is kept, and a submission whose fate is open is looked for.
"""

from __future__ import annotations

import re

__all__ = ["SlurmError", "SlurmNotUnderstood", "SlurmRefused", "SlurmUnavailable", "classify", "clean"]

_LONGEST_MESSAGE = 1000
_MOST_READ = 20_000
_JOINT = "; "


class SlurmError(Exception):
    """A Slurm command failed.

    Attributes
    ----------
    command : str
        Name of the program, such as ``squeue``.
    returncode : int or None
        None when the program never ended by itself.
    message : str
        Slurm's own words, without prefixes and control characters.
    """

    def __init__(self, command: str, returncode: int | None, message: str) -> None:
        super().__init__(command, returncode, message)
        self.command = command
        self.returncode = returncode
        self.message = message

    def __str__(self) -> str:
        return f"{self.command}: {self.message}"

    @property
    def summary(self) -> str:
        """What counts, short enough for a page: Slurm says the most important thing last."""
        return f"{self.command}: {self.message.rpartition(_JOINT)[2]}"


class SlurmRefused(SlurmError):  # noqa: N818 - the three read as answers
    """Slurm says no."""

    @property
    def unknown_job(self) -> bool:
        """Whether Slurm says that it knows no such job (any more)."""
        return _UNKNOWN_JOB.search(self.message) is not None


class SlurmUnavailable(SlurmError):  # noqa: N818 - the three read as answers
    """Slurm, or something on the way to it, does not answer; nothing is proved."""


class SlurmNotUnderstood(SlurmError):  # noqa: N818 - the three read as answers
    """Slurm answered with success, but we cannot read it; `message` shows the line."""


_UNKNOWN_JOB = re.compile(r"Invalid job id specified", re.IGNORECASE)

# Looked for first: sbatch wraps these as well in "Batch job submission failed: ...".
_UNAVAILABLE = re.compile(
    r"""unable\ to\ contact\ slurm | socket\ timed\ out | zero\ bytes\ were\ transmitted
    | unexpected\ message\ received | authentication | munge | credential | standby\ mode
    | configuration\ (source|file) | fetch_config | fetching\ config | connection\ (refused|timed\ out|reset)
    | communication | connect\ failure | temporarily\ un | protocol\ version | no\ route\ to\ host
    | broken\ pipe | cannot\ allocate\ memory | slurmdbd | persist | dns\ srv | unable\ to\ connect
    | ^\s*(sudo|ssh|sh|bash|su|env|kex_exchange_identification)\s*: """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)

# What Slurm or the command itself says when it has read the request and will not do it.
_REFUSED = re.compile(
    r"""batch\ job\ submission\ failed | allocation\ failure | invalid | access/permission\ denied
    | unrecognized\ option | unknown\ option | kill\ job\ error\ on\ job\ id | violates\ accounting
    | requested\ node\ configuration | unable\ to\ open\ file | no\ association | bad\ constraint
    | already\ (finished|completing) | no\ longer\ pending | presently\ disabled
    | job\ limit | not\ permitted | has\ already\ been\ held | ambiguous | script\ (is\ empty|without) """,
    re.IGNORECASE | re.VERBOSE,
)

_PREFIX = re.compile(
    r"^(?:(?:squeue|sbatch|scancel|scontrol|sinfo|sacct|sacctmgr|srun)\s*:\s*)?(?:(?:error|fatal)\s*:\s*)?"
    r"(?:slurm_\w+\s+error\s*:\s*)?"
)


def clean(text: str) -> str:
    """Give Slurm's words on one line, without prefixes, doubles and anything that a terminal would obey."""
    lines: dict[str, None] = {}
    for raw in text[-_MOST_READ:].splitlines():
        line = _PREFIX.sub("", "".join(c if c.isprintable() else " " for c in raw).strip()).strip()
        if line:
            lines[line] = None
    # Cut at the front, for the same reason as in `summary`.
    return _JOINT.join(lines)[-_LONGEST_MESSAGE:]


def classify(command: str, returncode: int | None, stdout: str, stderr: str) -> SlurmError:
    """Tell a refusal from an outage, from what a failed command left behind.

    Parameters
    ----------
    command : str
        Name of the program.
    returncode : int or None
        None for a program that was stopped because it took too long.
    stdout, stderr : str
        Both streams; some Slurm commands complain on the wrong one.
    """
    text = (stderr if stderr.strip() else stdout)[-_MOST_READ:]
    message = clean(text) or f"failed without a word (exit status {returncode})"
    if returncode is None or returncode < 0 or _UNAVAILABLE.search(text):
        return SlurmUnavailable(command, returncode, message)
    if _REFUSED.search(text):
        return SlurmRefused(command, returncode, message)
    return SlurmUnavailable(command, returncode, message)
