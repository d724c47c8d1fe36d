"""'Take it with me' as one zip file."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from environments.names import check_environment
from environments.problems import Problem
from services.environments import told
from texts import mark as _
from texts import say

if TYPE_CHECKING:
    from services.environments.base import Asking

__all__ = ["zipped"]

_LONGEST = 2 << 20


async def zipped(asking: Asking, name: str, folder: str) -> bytes:
    """Return the files that run an environment elsewhere, and what to know of them, as a zip file.

    Raises
    ------
    Problem
        When there is no such environment or folder, or the files cannot be read.
    """
    check_environment(name)
    folder = folder.strip().strip("/")
    if len(folder) > 500 or not folder.isprintable() or ".." in folder.split("/"):
        raise Problem(
            "request", _("Write the path of a folder within your workspace, such as thesis/figures.")
        )
    answer = await asking.ask(ask="takeaway", environment=name, folder=folder)
    given = answer.get("files")
    files = (
        {key: told.text(value, _LONGEST) for key, value in given.items()} if isinstance(given, dict) else {}
    )
    notes = [sentence for raw in told.listed(answer.get("notes")) if (sentence := told.sentence(raw))]
    if notes and "NOTES.txt" not in files:
        files["NOTES.txt"] = "".join(f"{say(asking.lang, one)}\n" for one in notes)
    return _zip(name, {key: text for key, text in files.items() if _is_plain(key)})


def _zip(name: str, files: dict[str, str]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for filename, text in files.items():
            archive.writestr(f"{name}/{filename}", text)
    return memory.getvalue()


def _is_plain(filename: str) -> bool:
    """Whether a file's name leads nowhere else when it is unpacked."""
    parts = filename.split("/")
    return len(filename) <= 200 and filename.isprintable() and all(p and p not in (".", "..") for p in parts)
