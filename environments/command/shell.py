"""`hpchub env shell-init`: one marked block in ~/.bashrc, only when it is asked for, and removable."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import stat
import sys
from pathlib import Path
from typing import Final

from environments.command.place import here
from environments.command.saying import language
from environments.names import check_environment
from environments.problems import Problem
from texts import mark as _
from texts import translate

__all__ = ["block", "change", "hint", "init", "with_block", "without_block"]

BEGIN: Final = "# >>> hpchub environment >>>"
NO_BREAK: Final = "# (The line above had no line break.)\n"
END: Final = "# <<< hpchub environment <<<"
LARGEST: Final = 4 << 20


def init(options: argparse.Namespace) -> int:
    """Print the block, put it into ~/.bashrc, or take it away."""
    if options.write or options.remove:
        change(options.name, remove=options.remove)
    else:
        print(block(_prefix(options.name)), end="")
    return 0


def change(name: str, *, remove: bool) -> None:
    """Put the block into ~/.bashrc, or take it away, and say so."""
    path = Path.home() / ".bashrc"
    old = _read(path)
    new = without_block(old) if remove else with_block(old, block(_prefix(name)))
    sentence = _("%(path)s is as it should be already.")
    if new != old:
        _write(path, new)
        sentence = _("%(path)s was changed; it counts for new shells.")
    print(translate(language(), sentence, path=str(path)), file=sys.stderr)


def hint(name: str) -> None:
    """Say what may be added to ~/.bashrc, and how."""
    words = _(
        "To have its programs in every shell, add this to ~/.bashrc, or run this again with --shell-init:"
    )
    print(f"\n{translate(language(), words)}\n\n{block(_prefix(name))}", end="", file=sys.stderr)


def _prefix(name: str) -> Path:
    site, layout = here()
    name = name or site.default
    check_environment(name)
    return layout.address(name)


def block(prefix: Path) -> str:
    """Return the lines that put an environment's programs before others, when it is there."""
    folder = shlex.quote(str(prefix / "bin"))
    return (
        f"{BEGIN}\n"
        f"# Added by hpchub env shell-init --write; hpchub env shell-init --remove takes it away.\n"
        f"if [ -d {folder} ]; then\n"
        f'    case ":$PATH:" in\n'
        f"        *:{folder}:*) ;;\n"
        f"        *) PATH={folder}:$PATH ;;\n"
        f"    esac\n"
        f"fi\n"
        f"{END}\n"
    )


def with_block(text: str, lines: str) -> str:
    """Return a file's text with the block, in its old place or at the end."""
    found = _place(text)
    marked = lines.replace(f"{BEGIN}\n", f"{BEGIN}\n{NO_BREAK}", 1)
    if found:
        old = text[found[0] : found[1]]
        return text[: found[0]] + (marked if NO_BREAK in old else lines) + text[found[1] :]
    return text + lines if not text or text.endswith("\n") else f"{text}\n{marked}"


def without_block(text: str) -> str:
    """Return a file's text without the block, and else as it was before."""
    found = _place(text)
    if not found:
        return text
    before = text[: found[0]]
    if NO_BREAK in text[found[0] : found[1]]:
        before = before.removesuffix("\n")
    return before + text[found[1] :]


def _place(text: str) -> tuple[int, int] | None:
    """Return where the block stands: whole lines, from the mark to the mark.

    Raises
    ------
    Problem
        When somebody has cut it, or there are two, and nobody can say where it ends.
    """
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise Problem(
            "shell",
            _("~/.bashrc has marks of this block, but not one whole block; correct it by hand: %(begin)s"),
            begin=BEGIN,
        )
    before = sum(map(len, lines[: begins[0]]))
    return before, before + sum(map(len, lines[begins[0] : ends[0] + 1]))


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    if len(raw) > LARGEST:
        raise Problem("shell", _("%(path)s is too large to be changed; do it by hand."), path=str(path))
    return raw.decode("utf-8", "surrogateescape")


def _write(path: Path, text: str) -> None:
    """Write the file that is meant, also when the path is a link to it, as a whole, with the mode it had."""
    real = Path(os.path.realpath(path))
    mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o644
    aside = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        aside.replace(real)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
