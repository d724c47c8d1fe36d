"""The words of `hpchub env` that write and read files: export, import and takeaway."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from environments import exporting
from environments import takeaway as taking
from environments.command.acting import carried_out, here
from environments.names import FORMATS, check_environment
from environments.problems import Problem
from texts import mark as _

__all__ = ["export", "format_of", "import_file", "takeaway"]

Options = argparse.Namespace
LARGEST = max(FORMATS.values())


def export(options: Options) -> int:
    site, layout = here()
    name = options.name or site.default
    text = exporting.export(_there(layout.address(name), name), options.format, name)
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
    site, layout = here()
    name = options.name or site.default
    given = taking.files(_there(layout.address(name), name), Path(options.folder).resolve(), site)
    folder = Path(options.output)
    folder.mkdir(parents=True)
    for file, text in given.items():
        (folder / file).write_text(text, encoding="utf-8")
        print(folder / file)
    return 0


def _there(prefix: Path, name: str) -> Path:
    check_environment(name)
    if not prefix.is_dir():
        raise Problem("missing", _("There is no environment %(name)s."), name=name)
    return prefix


def _read(path: str) -> bytes:
    """Return a file, or as much of it as shows that it is too large."""
    if path == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)
