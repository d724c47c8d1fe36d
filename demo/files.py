"""Folders, configuration files and secrets of a centre: written only where they differ."""

from __future__ import annotations

import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path

import jinja2

TEMPLATES = Path(__file__).with_name("etc")

_jinja = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - configuration files, not pages
)
# supervisord expands % in its file.
_jinja.filters["quote_percent"] = lambda text: text.replace("%", "%%")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file is."""

    uid: int
    gid: int

    @classmethod
    def of(cls, account: str) -> Owner:
        """Return the ids of an account of this machine."""
        entry = pwd.getpwnam(account)
        return cls(entry.pw_uid, entry.pw_gid)


ROOT = Owner(0, 0)


def render(template: str, **values: object) -> str:
    """Return the text of the template `template` in ``demo/etc`` with `values` filled in."""
    return _jinja.get_template(template).render(**values)


def make_folder(path: Path, owner: Owner = ROOT, mode: int = 0o755) -> None:
    """Make the folder if it is missing; set owner and mode in any case."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)


def write(path: Path, text: str, owner: Owner = ROOT, mode: int = 0o644) -> None:
    """Write a text file in place.

    Never by renaming: running programs see some of these files through bind mounts, which would go on
    showing the old file.
    """
    if not path.exists():
        path.touch(mode=mode & 0o700)
    os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def secret(path: Path, owner: Owner = ROOT) -> str:
    """Return the secret in `path`; make it first if there is none yet."""
    text = path.read_text(encoding="ascii").strip() if path.exists() else ""
    if not text:
        text = secrets.token_hex(32)
        write(path, text + "\n", owner, 0o400)
    return text
