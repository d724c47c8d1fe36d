"""Runs `driver.py` beside a test."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments.layout import Layout

DRIVER = Path(__file__).with_name("driver.py")


def command(layout: Layout, url: str, *specs: str, **more: object) -> list[str]:
    about = {"root": str(layout.root), "url": url, "specs": specs, **more}
    return [sys.executable, str(DRIVER), json.dumps(about)]


@contextmanager
def drive(layout: Layout, url: str, *specs: str, **more: object) -> Iterator["subprocess.Popen[str]"]:
    """Begin to change an environment; it must have ended by itself when this ends."""
    with subprocess.Popen(
        command(layout, url, *specs, **more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
            process.wait(60)
        finally:
            process.kill()
