"""A real JupyterHub as a process, for tests that need neither a centre nor a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

__all__ = ["ROOT", "run_hub"]

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def run_hub(folder: Path, port: int, config: Path, page: str, **environment: str) -> Iterator[str]:
    """Run a hub in a folder until the block ends; yield its address as soon as that page of it answers.

    What it says stands in the file ``log`` there.
    """
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(config)],
            cwd=folder,
            env=own,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/hub/"
    try:
        _wait_for(f"{url}{page}", process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(page: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(page, timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"the hub did not start:\n{log.read_text()[-4000:]}")
