"""A service whose hub was killed does not stay behind and hold its port."""

import os
import subprocess
import sys
import time
from pathlib import Path

CHILD = "import asyncio; from services.parent import until_orphaned; asyncio.run(until_orphaned(0.05))"
PARENT = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', sys.argv[1]]);"
    "print(child.pid, flush=True); child.wait()"
)


def test_service_ends_when_its_hub_is_killed() -> None:
    argv = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        child = Path("/proc") / hub.stdout.readline().strip()
        time.sleep(1)
        assert child.exists()
        hub.kill()
        hub.wait()
        deadline = time.monotonic() + 60
        while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_service_whose_hub_ended_before_it_could_look_ends_at_once() -> None:
    with subprocess.Popen(["true"]) as hub:
        hub.wait()
    gone = {**os.environ, "HPCHUB_HUB_PID": str(hub.pid)}
    assert subprocess.run([sys.executable, "-c", CHILD], env=gone, timeout=30, check=False).returncode == 0
