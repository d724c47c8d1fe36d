"""A helper and a Slurm for this service alone: executables that answer from a folder and note each call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.environments.desk import Desk
from services.environments.queue import Line
from services.environments.settings import Settings
from services.settings import Place
from slurm.client import SlurmClient
from slurm.monitor import Monitor

__all__ = ["ACTION", "BEGIN", "END", "World", "line", "name"]

ACTION = "0123456789abcdef"
MARK = "MARK"
HEADER = (
    "JOBID|STATE|PARTITION|USER|ACCOUNT|QOS|SUBMIT_TIME|START_TIME|END_TIME|TIME_LIMIT|PRIORITY|NODES|EXEC_HOST|"
    "NODELIST|CPUS|RESERVATION|TRES_PER_JOB|TRES_PER_NODE|TRES_ALLOCMARKREASONMARKCOMMENTMARKNAMEMARK"
)

HELPER = """#!{python} -I
import json, os, sys
folder = {folder!r}
request = json.load(sys.stdin)
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps({{"user": sys.argv[1], **request}}) + "\\n")
if os.path.exists(folder + "/down"):
    sys.exit("the file system is away")
def answer():
    asked = request["question"]
    if asked["ask"] == "list":
        return json.load(open(folder + "/list.json"))
    if asked["ask"] == "journal":
        try:
            raw = open(folder + "/" + sys.argv[1] + "-" + asked["action"], "rb").read()[asked["after"]:]
        except FileNotFoundError:
            raw = b""
        whole = raw.rfind(b"\\n") + 1
        events = [json.loads(line) for line in raw[:whole].splitlines()]
        return {{"events": events, "next": asked["after"] + whole, "ended": False}}
    return {{}}
if request["verb"] == "environments":
    print(json.dumps({{"ok": True, "answer": answer()}}))
elif request["verb"] == "submit":
    print(json.dumps(json.load(open(folder + "/submit.json"))))
elif os.path.exists(folder + "/cancel.json"):
    print(open(folder + "/cancel.json").read())
else:
    print(json.dumps({{"ok": True}}))
"""

COMMAND = """#!/bin/sh
echo "$(basename "$0") $*" >> "{folder}/slurm-calls"
case "$(basename "$0") $*" in
  squeue*) sed "s/MARK/${{SQUEUE_FORMAT2##*:0}}/g" "{folder}/squeue.txt" ;;
  *"show node"*|*"show partition"*) cat "{answers}/$(echo "$*" | sed 's/.*show //')s.txt" ;;
  *"show reservation"*) echo "No reservations in the system" ;;
  *"show config"*) cat "{answers}/config.txt" ;;
  "sacct "*) echo "sacct: error: slurm_persist_conn_open: failed to open: slurmdbd" >&2; exit 1 ;;
  sacctmgr*) cat "{answers}/associations.txt" ;;
esac
"""


class World:
    """One user's files and one cluster, as far as this service sees them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._write("helper", HELPER.format(python="/usr/bin/python3", folder=str(folder)))
        answers = Path(__file__).resolve().parents[1] / "slurm_answers"
        for name in ("squeue", "scontrol", "sacctmgr", "sacct"):
            self._write(name, COMMAND.format(folder=folder, answers=answers))
        self.has([], [])
        self.queue()
        self.submits({"ok": True, "job_id": "77"})

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def accounts(self, script: str) -> None:
        """Have the accounting answer so."""
        self._write("sacct", f'#!/bin/sh\necho "sacct $*" >> "{self.folder}/slurm-calls"\n{script}\n')

    def has(self, environments: list[dict[str, Any]], actions: list[dict[str, Any]]) -> None:
        (self.folder / "list.json").write_text(json.dumps({"environments": environments, "actions": actions}))

    def submits(self, reply: dict[str, Any]) -> None:
        (self.folder / "submit.json").write_text(json.dumps(reply))

    def cancels(self, reply: dict[str, Any]) -> None:
        (self.folder / "cancel.json").write_text(json.dumps(reply))

    def queue(self, *rows: tuple[str, str, str, str, str]) -> None:
        """Have Slurm show jobs: id, state, user, reason, name."""
        lines = [
            f"{job}|{state}|jupyter|{user}|proj01|normal|1795254860|1795254860|1795258460|1:00:00|1|1|n/a||1|"
            f"(null)|N/A|N/A|cpu=1MARK{reason}MARK(null)MARK{name}MARK"
            for job, state, user, reason, name in rows
        ]
        (self.folder / "squeue.txt").write_text("\n".join([HEADER, *lines]) + "\n")

    def journal(self, user: str, *events: dict[str, Any], action: str = ACTION) -> None:
        """Add events to a journal."""
        with (self.folder / f"{user}-{action}").open("a") as file:
            file.writelines(json.dumps({"at": 1795254861.0, **event}) + "\n" for event in events)

    def goes_down(self, down: bool = True) -> None:
        path = self.folder / "down"
        path.touch() if down else path.unlink()

    @property
    def calls(self) -> list[dict[str, Any]]:
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def slurm_calls(self) -> list[str]:
        path = self.folder / "slurm-calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def settings(self) -> Settings:
        return Settings(
            place=Place("127.0.0.1", 1, "/services/environments/", "/"),
            queues=Path("queues.toml"),
            site=Path("environments.toml"),
            acts_as_user=f"{self.folder}/helper {{username}}",
            python=sys.executable,
            runner="/srv/run.py",
            hub="hpchub",
        )

    def monitor(self) -> Monitor:
        commands = {
            f"{name}_command": str(self.folder / name) for name in ("squeue", "scontrol", "sacctmgr", "sacct")
        }
        client = SlurmClient(cluster="hpchub", **commands)
        return Monitor(client=client, min_interval=0.0)

    def desk(self) -> Desk:
        return Desk(self.settings, self.monitor())

    def line(self, clock: Callable[[], float]) -> Line:
        return Line(self.monitor(), self.settings.hub, clock)


BEGIN = {
    "kind": "begin",
    "about": {"action": {"verb": "install", "environment": "notebook"}, "host": "gpu01", "job": "77"},
}
END = {"kind": "end", "about": {"result": "done", "packages": 3, "notes": []}}


def line(text: str) -> dict[str, Any]:
    return {"kind": "line", "about": {"text": text}}


def name(verb: str = "install", user: str = "anna", action: str = ACTION) -> str:
    return f"hpchub-env/{user}/notebook/{action}/{verb}"
