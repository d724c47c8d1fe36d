"""What the hub must remember of a job to find it again after a restart, at whatever point it stopped."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

__all__ = ["Ticket", "job_name", "word"]


@dataclass
class Ticket:
    """One job of one server; saved before it is submitted, and again with each thing we learn.

    Attributes
    ----------
    name : str
        The job's name in Slurm, never used twice; by it a job is found whose id we did not get to save.
    token_digest : str
        SHA-256 of the server's API token, in hexadecimal: who may report the port.
    host, port : str, int
        Where the server listens, once it has said so.
    started : str
        When Slurm started the job that this address belongs to (ISO 8601); another start is another server.
    requeues : int
        How often Slurm has put the job back into the queue since it was submitted.
    environment : str
        What the server was started from, as in `spawner.source`; empty where there is no choice.
    secure : bool
        Whether the server was started with certificates and is spoken to with TLS.
    last_end : dict
        Why the server before this one ended, as a sentence for the pages.
    abandoned : list of str
        Names of earlier jobs that Slurm could not yet be told to end, see `spawner.abandoned`.
    """

    name: str = ""
    token_digest: str = ""
    language: str = ""
    host: str = ""
    port: int = 0
    environment: str = ""
    secure: bool = False
    started: str = ""
    requeues: int = 0
    last_end: dict[str, Any] = field(default_factory=dict)
    abandoned: list[str] = field(default_factory=list)

    def to_state(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Ticket:
        known = {one.name for one in fields(cls)}
        return cls(**{key: value for key, value in state.items() if key in known})


def job_name(hub: str, user: str, server: str) -> str:
    """Make a name that says hub, user and server, and that no other job has.

    >>> job_name("hpchub", "a1113a01", "")[:25]
    'hpchub/a1113a01/default/'
    """
    return "/".join([word(hub), word(user), word(server or "default"), secrets.token_hex(4)])


def word(name: str) -> str:
    """Make a name one part of a job's name."""
    return re.sub(r"[^A-Za-z0-9._@+-]", "-", name)[:48]
