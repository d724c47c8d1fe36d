"""What the action Plugins adds, in ``environments.toml``: packages, and IPyParallel's profile."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from environments.site_parts import Model, Name, UserPath

__all__ = ["PluginSet", "Profile"]

_OPTION: Final = re.compile(r"--[a-z][a-z-]*")
_SAID_ELSEWHERE: Final = frozenset(
    f"--{name}"
    for name in (
        *("partition", "time", "ntasks", "ntasks-per-node", "cpus-per-task", "job-name", "output", "error"),
        *("export", "export-file", "parsable", "quiet", "wrap", "wait", "array", "chdir", "test-only"),
        "get-user-env",
    )
)
PartitionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]


def _profile_name(name: str) -> str:
    if name == "default":
        raise ValueError("the profile 'default' is the user's own; take another name, such as slurm")
    return name


def _option(word: str) -> str:
    name, _, value = word.partition("=")
    if not _OPTION.fullmatch(name) or not value.isprintable():
        raise ValueError(
            f"{word!r} is no option of sbatch as it is needed here: write --name=value in one word"
        )
    if name in _SAID_ELSEWHERE:
        raise ValueError(f"{name} is set by the other settings or by hpchub itself; leave it out")
    return word


def _log(path: str) -> str:
    if "%" in path or "\\" in path:
        raise ValueError(f"{path!r} holds % or \\, which Slurm would replace")
    return path


class Profile(Model):
    """IPyParallel's profile whose engines run as a batch job; Plugins writes it.

    Attributes
    ----------
    name : str
        What users write in ``ipp.Cluster(profile=...)``.
    queue : str
        The queue of queues.toml that engines run in, unless users name another.
    partition : str
        Slurm's partition of that queue, where it has another name.
    options : tuple of str
        More options of sbatch, each ``--name=value`` in one word, such as ``--gres=gpu:4``.
    engines : int
        How many engines start when users give no number.
    engines_per_node : int
        How many of them share a node; 0 for as many as its CPUs allow.
    cpus_per_engine : int
        CPUs of one engine.
    minutes : int
        Time limit of the job, in minutes, unless users give another.
    wait_minutes : int
        How long a start waits for engines, in minutes; the job waits on after that.
    log : str
        The folder of the jobs' logs, with ``{user}``; where it cannot be made, they lie in the profile.
    """

    name: Annotated[Name, AfterValidator(_profile_name)] = "slurm"
    queue: PartitionName
    partition: PartitionName | Literal[""] = ""
    options: tuple[Annotated[str, AfterValidator(_option)], ...] = ()
    engines: Annotated[int, Field(ge=1)] = 4
    engines_per_node: Annotated[int, Field(ge=0)] = 0
    cpus_per_engine: Annotated[int, Field(ge=1)] = 1
    minutes: Annotated[int, Field(ge=1)] = 60
    wait_minutes: Annotated[int, Field(ge=1)] = 10
    log: Annotated[UserPath, AfterValidator(_log)] = "/scratch/{user}/log"


class PluginSet(Model):
    """What the action Plugins adds.

    Attributes
    ----------
    specs : tuple of str
        conda match specs, such as ``tensorboard``.
    profile : Profile or None
        IPyParallel's profile, a table of its own, ``[plugins.profile]``; without it none is made.
    """

    specs: tuple[str, ...] = ()
    profile: Profile | None = None
