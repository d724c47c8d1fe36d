"""The helper that acts as a user, set up as a site would, with a recorder in the place of sbatch."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["HELPER", "JOB", "NOBODY", "Site"]

HELPER = Path(__file__).parents[2] / "spawner" / "as_user.py"
NOBODY = 65534

FAKE_SBATCH = """#!/usr/bin/python3
import json, os, sys
json.dump({"argv": sys.argv[1:], "env": dict(os.environ), "stdin": sys.stdin.read()}, open("%s", "w"))
%s
"""

JOB: dict[str, Any] = {
    "verb": "submit",
    "name": "hpchub/nobody/default/0badcafe",
    "script": "#!/bin/bash\nexec true\n",
    "environment": {"JUPYTERHUB_API_TOKEN": "canary-token"},
    "partition": "jupyter",
    "account": "proj01",
    "minutes": 60,
    "cpus": 2,
    "memory_mb": None,
    "gres": "shard:1",
    "exclusive": False,
    "comment": None,
    "constraint": None,
    "qos": None,
    "reservation": None,
}


class Site:
    """A folder as a site would set it up, with a recording sbatch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = folder / "open" / "seen.json"
        self.program = folder / "hpchub-as-user"
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        (folder / "examples").mkdir()
        (folder / "examples" / "first.ipynb").write_text("{}")
        shutil.copy(HELPER, self.program)
        self.program.chmod(0o755)
        self.settings = folder / "hpchub-as-user.json"
        self.configure()
        self.command("sbatch", 'print("4711")')

    def configure(self, **changes: Any) -> None:
        settings = {
            "sbatch": str(self.folder / "sbatch"),
            "scancel": str(self.folder / "sbatch"),
            "environment": {"SLURM_CONF": "/etc/slurm/slurm.conf"},
            "log": f"{self.folder}/open/{{user}}/log",
            "workspace": f"{self.folder}/open/{{user}}/workspace",
            "examples": str(self.folder / "examples"),
            "check_home": False,  # nobody has none
        }
        self.settings.write_text(json.dumps({**settings, **changes}))
        self.settings.chmod(0o644)

    def command(self, name: str, ending: str) -> None:
        path = self.folder / name
        path.write_text(FAKE_SBATCH % (self.seen, ending))
        path.chmod(0o755)

    def ask(self, request: object, uid: int = NOBODY, *, prepare: str = "") -> dict[str, Any]:
        """Ask the helper; `prepare` is shell that root runs before, in a mount namespace of its own."""
        return self.reply(json.dumps(request).encode(), uid, prepare)

    def reply(self, raw: bytes, uid: int = NOBODY, prepare: str = "") -> dict[str, Any]:
        """Send bytes; whatever they are, one line comes back, and no word on the other stream."""
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", str(self.program)]
        argv = ["unshare", "-m", "sh", "-ec", f'{prepare}\nexec "$@"', "-", *become] if prepare else become
        done = subprocess.run(argv, input=raw, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.endswith(b"\n")
        assert done.stdout.count(b"\n") == 1
        reply = json.loads(done.stdout)
        assert isinstance(reply, dict)
        return reply

    def record(self) -> dict[str, Any]:
        record = json.loads(self.seen.read_text())
        assert isinstance(record, dict)
        return record
