"""The copy of the checkout that the hub and the jobs run from.

A checkout may lie where ordinary users cannot read, and changes while somebody works on it; the copy is
readable by everybody and changes at ``up`` only.
"""

from __future__ import annotations

import compileall
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from demo.files import make_folder, write
from demo.settings import Instance

# What runs in the centre. Neither tests nor the demo itself do.
PARTS = (
    "authenticator",
    "environments",
    "examples",
    "hpchub",
    "queues",
    "scripts",
    "services",
    "singleuser",
    "slurm",
    "spawner",
    "static",
    "templates",
    "texts",
    "jupyterhub_config.py",
)


def refresh(instance: Instance) -> None:
    """Bring the copy up to date, and write a mark of its contents that programs restart on."""
    wanted = dict(_files(instance.checkout))
    make_folder(instance.src)
    for relative in [relative for relative, _ in _files(instance.src) if relative not in wanted]:
        (instance.src / relative).unlink()
    for relative, source in wanted.items():
        _copy(source, instance.src / relative)
    mark = _digest(wanted)
    mark_file = instance.etc / "source-digest"
    if not mark_file.exists() or mark_file.read_text() != mark:
        # Beforehand, because neither the hub nor the users may write here.
        compileall.compile_dir(instance.src, quiet=2)
        write(mark_file, mark)


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file of the parts below `root`, as relative and as full path."""
    for part in PARTS:
        top = root / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root), path


def _copy(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if not target.is_file() or target.read_bytes() != content:
        make_folder(target.parent)
        shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _digest(files: dict[Path, Path]) -> str:
    total = hashlib.sha256()
    for relative, source in files.items():
        total.update(f"{relative}\0{source.stat().st_size}\0".encode())
        total.update(source.read_bytes())
    return total.hexdigest()
