"""The words of `hpchub env` that write and read files: export, import and takeaway."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from environments import exporting
from environments import takeaway as taking
from environments.command.acting import carried_out
from environments.command.place import there
from environments.command.saying import language
from environments.names import FORMATS
from environments.problems import Problem
from environments.site import load_site
from texts import mark as _
from texts import say

__all__ = ["export", "format_of", "import_file", "takeaway"]

Options = argparse.Namespace
LARGEST = max(FORMATS.values())


def export(options: Options) -> int:
    name, prefix = there(options.name)
    text = exporting.export(prefix, options.format, name, load_site())
    if options.output == "-":
        sys.stdout.write(text)
    else:
        Path(options.output).write_text(text, encoding="utf-8")
    return 0


def import_file(options: Options) -> int:
    raw = _read(options.file)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("import", _("%(file)s is not text."), file=options.file) from None
    return carried_out(
        options, "import", text=text, format=options.format or format_of(text), cuda=options.cuda
    )


def format_of(text: str) -> str:
    """Return what a file looks like: an ``@EXPLICIT`` list, a lock file, or an environment.yml."""
    lines = [line.strip() for line in text.splitlines()[:2000]]
    if "@EXPLICIT" in lines:
        return "explicit"
    locks = any(line.startswith("version:") for line in lines) and any(line == "packages:" for line in lines)
    return "lock" if locks else "yml"


def takeaway(options: Options) -> int:
    name, prefix = there(options.name)
    taken = taking.take(prefix, Path(options.folder).resolve(), load_site(), name=name)
    folder = Path(options.output)
    folder.mkdir(parents=True)
    for file, text in taken.files.items():
        (folder / file).write_text(text, encoding="utf-8")
        print(folder / file)
    for note in taken.notes:
        print(say(language(), note), file=sys.stderr)
    return 0


def _read(path: str) -> bytes:
    """Return a file, or as much of it as shows that it is too large."""
    if path == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)
