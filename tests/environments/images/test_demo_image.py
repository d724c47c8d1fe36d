"""The demo's container image, as demo/install.sh has made it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from demo import image
from demo.settings import default_venv

IMAGE = default_venv().parent / "image"


def test_what_is_up_to_date_is_not_made_again() -> None:
    before = IMAGE.stat().st_ino
    assert image.build(IMAGE, Path(sys.prefix)) is False
    assert IMAGE.stat().st_ino == before


def test_everybody_can_read_it_and_nothing_in_it_runs_as_somebody_else() -> None:
    wrong = []
    for folder, folders, files in os.walk(IMAGE):
        for path in (Path(folder, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            readable = stat.S_ISLNK(mode) or mode & (0o005 if stat.S_ISDIR(mode) else 0o004)
            if not readable or mode & (stat.S_ISUID | stat.S_ISGID) or (stat.S_ISREG(mode) and mode & 0o022):
                wrong.append(f"{path} {mode:o}")
    assert wrong == []


def test_it_has_what_a_server_needs() -> None:
    packages = IMAGE / image.PREFIX / "lib" / "python3.11" / "site-packages"
    wanted = ("jupyterhub", "jupyterlab", "nbclassic", "notebook")
    assert [name for name in wanted if not (packages / name / "__init__.py").is_file()] == []
    # Commands run with the image's interpreter, and not with the one that they were made for.
    lines = {(IMAGE / image.PREFIX / "bin" / name).read_text().split("\n")[0] for name in ("jupyter", "pip")}
    assert lines == {"#!/opt/notebook/bin/python"}


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(image.ImageError, match="no-such-package is missing here"):
        image.build(tmp_path / "image", Path(sys.prefix), ("bash", "no-such-package"))
    assert list(tmp_path.iterdir()) == []
