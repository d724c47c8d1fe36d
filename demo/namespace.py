"""The private mount and process namespaces in which a centre's programs live.

Inside, ``/etc/passwd``, ``/etc/hosts`` and a few more are the centre's own; outside, the machine is as
before.
The process namespace makes an end certain: when its first process (supervisord) ends in whatever way,
the kernel ends everything that it ever started. Run as ``python -m demo.namespace SPECIFICATION`` this module
is that first process, until it has mounted everything and becomes supervisord.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.settings import Instance

_MOUNT_LIMIT = 30.0


class NamespaceError(Exception):
    """The namespaces could not be made; the text has the words of the program that failed."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Inside, `target` shows `source`."""

    source: Path
    target: Path


class Namespace:
    """The namespaces of one centre, found again through a file."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._specification = instance.run / "namespace.json"
        self._first_process = instance.run / "first-process.json"

    def first_process(self) -> int | None:
        """Return the first process's id as this machine sees it; None when it does not run."""
        try:
            known = json.loads(self._first_process.read_text())
            pid, started = int(known["pid"]), str(known["started"])
        except (OSError, ValueError, KeyError):
            return None
        # A process id alone may be somebody else's by now, after a reboot for example.
        return pid if started == _birth(pid) else None

    def start(self, binds: Sequence[Bind], argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Make the namespaces and run `argv` as their first process, detached from the caller."""
        specification = {
            "binds": [[str(bind.source), str(bind.target)] for bind in binds],
            "first_process": str(self._first_process),
            "argv": list(argv),
        }
        self._specification.write_text(json.dumps(specification))
        self._first_process.unlink(missing_ok=True)
        unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
        with (self._instance.log / "namespace.log").open("wb") as log:
            process = subprocess.Popen(
                [*unshare, sys.executable, "-m", "demo.namespace", str(self._specification)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, "PYTHONPATH": str(self._instance.checkout)},
                start_new_session=True,
            )
        self._await_first_process(process)

    def _await_first_process(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _MOUNT_LIMIT
        while self.first_process() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                words = (self._instance.log / "namespace.log").read_text(errors="replace").strip()
                raise NamespaceError(f"no private namespace for the centre: {words or 'no answer'}")
            time.sleep(0.02)

    def kill(self, limit: float = 10.0) -> None:
        """End everything inside at once, and wait until it is gone."""
        pid = self.first_process()
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self.wait_gone(limit)

    def wait_gone(self, limit: float) -> bool:
        """Wait until the first process has ended; False when it still runs after `limit` seconds."""
        deadline = time.monotonic() + limit
        while self.first_process() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def command(self, argv: Sequence[str], user: str | None = None) -> list[str]:
        """Return the arguments which run `argv` inside, as root or as `user` in the user's home."""
        pid = self.first_process()
        if pid is None:
            raise NamespaceError(f"the centre in {self._instance.state} does not run: `make demo` starts it")
        environment = dict(self._instance.environment)
        home = Path("/root")
        switch: list[str] = []
        if user is not None:
            home = self._instance.home_of(user)
            environment = self._instance.login_environment | {"USER": user, "LOGNAME": user}
            switch = ["runuser", "-u", user, "--"]
        environment["HOME"] = str(home)
        variables = [f"{name}={value}" for name, value in environment.items()]
        enter = ["nsenter", "--target", str(pid), "--mount", "--pid", "--"]
        return [*enter, *switch, "env", "-i", "-C", str(home), *variables, *argv]

    def outside_ids(self) -> dict[int, int]:
        """Return the machine's process id of each process inside, by the id that it has inside."""
        first = self.first_process()
        if first is None:
            return {}
        namespace = os.readlink(f"/proc/{first}/ns/pid")
        ids = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and os.readlink(folder / "ns/pid") == namespace:
                    ids[_inside_id(folder)] = int(folder.name)
            except (OSError, StopIteration):
                continue  # it ended meanwhile
        return ids


def _inside_id(folder: Path) -> int:
    lines = (folder / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("NSpid:")).split()[-1])


def _birth(pid: int) -> str | None:
    """When the process was born, in words that no other process shares; None when it does not run."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if state in "ZX" else f"{boot} {rest[18]}"


def become_first_process(specification: Path) -> None:
    """Mount what `specification` lists, tell the machine our process id, and become the program."""
    wanted = json.loads(specification.read_text())
    # /proc is still the machine's here, and so is the id in it.
    pid = int(os.readlink("/proc/self"))
    started = _birth(pid)
    for source, target in wanted["binds"]:
        subprocess.run(["mount", "--bind", source, target], check=True, timeout=5)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True, timeout=5)
    Path(wanted["first_process"]).write_text(json.dumps({"pid": pid, "started": started}))
    del os.environ["PYTHONPATH"]
    os.chdir("/")
    os.execv(wanted["argv"][0], wanted["argv"])  # noqa: S606 - written by us a moment ago


if __name__ == "__main__":
    become_first_process(Path(sys.argv[1]))
