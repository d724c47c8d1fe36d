"""Where everything of a user's environments lies.

::

    ROOT/envs/NAME                    a symbolic link to the generation in use: the environment's address
    ROOT/generations/NAME-xxxxxxxx/   one whole state of it, at the path that it was made for and keeps
    ROOT/hpchub/pkgs/                 packages, from which generations are hard-linked; not conda's folder
    ROOT/hpchub/repodata/             what channels have, as they said last
    ROOT/hpchub/actions/ID.jsonl      one journal for each action
    ROOT/hpchub/locks/NAME            held by whoever works on the environment

A generation is made aside, at the very path that it will always have, and checked there. Then one `rename`
of a link makes it the environment. What runs from the one before goes on undisturbed, going back is one
rename as well, and it needs nothing of the file system but that.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["GENERATION", "Layout"]

GENERATION: Final = re.compile(r"(?P<name>.+)-(?P<id>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one user.

    Parameters
    ----------
    root : Path
        Absolute, such as ``/scratch/USER/.conda``.
    """

    root: Path

    @property
    def envs(self) -> Path:
        return self.root / "envs"

    @property
    def generations(self) -> Path:
        return self.root / "generations"

    @property
    def packages(self) -> Path:
        return self.root / "hpchub" / "pkgs"

    @property
    def repodata(self) -> Path:
        return self.root / "hpchub" / "repodata"

    @property
    def actions(self) -> Path:
        return self.root / "hpchub" / "actions"

    @property
    def locks(self) -> Path:
        return self.root / "hpchub" / "locks"

    def address(self, name: str) -> Path:
        """Return the environment's path for everybody; a link, once it was made here."""
        return self.envs / name

    def new_generation(self, name: str) -> Path:
        """Return a path that no generation has. All are of one length for one name, so paths in files fit."""
        return self.generations / f"{name}-{secrets.token_hex(4)}"

    def journal(self, action_id: str) -> Path:
        return self.actions / f"{action_id}.jsonl"

    def lock(self, name: str) -> Path:
        return self.locks / name
