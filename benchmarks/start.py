"""What the hub and the spawner add to a start, from the click on Submit to a ready server.

Two starts take turns. The first goes through the hub: the form is posted, and the time stops when the
waiting page hears that the server is ready. The second is what Slurm and the server need without us: the
user's own sbatch of the same launcher, whose first word goes to a bare listener instead of a hub.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from singleuser import LAUNCHER
from tests.centre import RunningCentre
from tests.person import Person

__all__ = ["measure"]

USER = "a1113a01"
ROUNDS = 20
BAR = 0.5  # seconds


def measure(centre: RunningCentre, rounds: int = ROUNDS) -> str:
    """Return a report of the medians, their difference and the bar."""
    person = Person(centre.url, USER)
    person.try_login(centre.otp(USER), centre.password(USER))
    through_hub(person)  # warms what a first start warms: imports, the workspace, the user's rows
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(through_hub(person))
        bare.append(without_hub(centre))
    person.close()
    added = statistics.median(ours) - statistics.median(bare)
    return (
        f"start: {rounds} pairs; through the hub {_spread(ours)}; sbatch and server alone {_spread(bare)}; "
        f"added by hub and spawner {added:+.2f} s (median; bar {BAR} s), "
        f"ratio {statistics.median(ours) / statistics.median(bare):.2f}"
    )


def through_hub(person: Person) -> float:
    """Return the seconds from Submit to the waiting page's word that the server is ready."""
    person.get("hub/spawn")
    began = time.perf_counter()
    person.post("hub/spawn", {"queue": "jupyter", "interface": "notebook", "hours": "1"})
    ready = any(event.get("ready") for event in person.progress())
    seconds = time.perf_counter() - began
    if not ready:
        raise RuntimeError("the server did not come up; see the hub's log")
    person.stop()
    return seconds


class Listener(ThreadingHTTPServer):
    """Hears the server's first word, and answers all its questions with nothing."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/hpchub/port") and isinstance(self.server, Listener):
            self.server.heard.set()
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = json.dumps({"version": "0"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def without_hub(centre: RunningCentre) -> float:
    """Return the seconds from the user's own sbatch to the server's first word."""
    with Listener() as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{listener.server_port}/hub/"
        variables = {
            "JUPYTERHUB_API_TOKEN": "none",
            "JUPYTERHUB_API_URL": f"{address}api",
            "JUPYTERHUB_ACTIVITY_URL": f"{address}api/users/{USER}/activity",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "none",
            "JUPYTERHUB_USER": USER,
            "JUPYTERHUB_SERVICE_PREFIX": f"/user/{USER}/",
            "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:0/user/{USER}/",
            "JUPYTERHUB_DEFAULT_URL": "/tree",
            "HPCHUB_BIND": "node",
        }
        settings = [f"{name}={value}" for name, value in variables.items()]
        launcher = centre.instance.src / LAUNCHER.relative_to(LAUNCHER.parents[1])
        program = f"exec {centre.instance.venv}/bin/python {launcher}"
        sbatch = ["sbatch", "--parsable", "--partition=jupyter", "--gres=shard:1", "--cpus-per-task=2"]
        where = ["--account=proj01", "--time=5", "--output=/dev/null", "--wrap", program]
        entering = time.perf_counter()
        centre.run(["true"], USER)  # into the centre's namespaces and the user's account: not sbatch's time
        entering = time.perf_counter() - entering
        began = time.perf_counter()
        job = centre.run(["env", *settings, *sbatch, *where], USER).stdout.strip()
        heard = listener.heard.wait(60)
        seconds = time.perf_counter() - began - entering
        centre.run(["scancel", job])
        centre.wait_for_job(job, "CANCELLED", "COMPLETED", "FAILED", "")
        listener.shutdown()
    if not heard:
        raise RuntimeError(f"job {job} did not report within 60 s")
    return seconds


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} s ({min(values):.2f}–{max(values):.2f})"
