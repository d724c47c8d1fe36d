"""A demo centre of the tests' own: real Slurm, real directory, real hub, on ports of its own.

Settings, all in environment variables: ``HPCHUB_TEST_STATE`` (its folder, /srv/hpchub-test),
``HPCHUB_TEST_PORT`` (8100), ``HPCHUB_TEST_PORT_BASE`` (19000), and ``HPCHUB_TEST_KEEP=1``, which leaves it
running for the next run and takes it as it is. Otherwise each session makes it anew: what a session that was
killed left (servers, used codes, a drained node) would fail tests of the next. Of several workers
each has its own, the second in ``/srv/hpchub-test-1`` on ports that begin 200 higher.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import httpx
import pyotp

from demo import accounts as accounts_file
from demo.centre import Centre
from demo.settings import Instance, default_venv
from tests.workers import number

OTP_SECONDS = 30
HOST_FILES = ("hosts", "nsswitch.conf", "nslcd.conf", "sudoers", "passwd", "group", "shadow")


def own_instance() -> Instance:
    """Where the tests' centre lives. It shares the virtual environment that the tests run in."""
    worker = number()
    state = os.environ.get("HPCHUB_TEST_STATE", "/srv/hpchub-test")
    return Instance(
        state=Path(f"{state}-{worker}" if worker else state),
        venv=default_venv(),
        port=int(os.environ.get("HPCHUB_TEST_PORT", "8100")) + worker,
        port_base=int(os.environ.get("HPCHUB_TEST_PORT_BASE", "19000")) + 200 * worker,
        # Slurm forgets ended jobs soon, because hubs have to cope with jobs that are forgotten.
        min_job_age=3,
        # Nobody waits half a minute for the hub to see how a job has ended.
        look_seconds=8,
    )


def host_files() -> dict[str, str]:
    """Return a digest of each file of the machine that the centre has its own version of."""
    return {name: sha256(Path("/etc", name).read_bytes()).hexdigest() for name in HOST_FILES}


class RunningCentre:
    """A centre that is up, and what tests do with it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.host_files_before = host_files()
        self.accounts = accounts_file.load()
        self._centre = Centre(instance, self.accounts)
        self._known: dict[str, int] = {}

    @property
    def url(self) -> str:
        """The address of the hub, with a slash at the end."""
        return self.instance.url

    @property
    def slurm_conf(self) -> Path:
        return self.instance.slurm_conf

    @property
    def axe(self) -> Path:
        """The accessibility checker that a browser test loads into a page."""
        return self.instance.venv.parent / "node" / "node_modules" / "axe-core" / "axe.min.js"

    def up(self) -> None:
        """Bring up what is not, and have every program answer, and the services of a hub that began."""
        self._centre.up()
        running = self._running()
        if running["hub"] != self._known.get("hub"):
            for service in ("queues", "environments"):
                self._await_service(service)
        self._known = running

    def mend(self) -> None:
        """Bring up what a test has taken down, as `up`; nothing is done when nothing has ended since."""
        if self._running() != self._known:
            self.up()

    def _await_service(self, name: str) -> None:
        """Wait until a service is there: the hub starts them after itself."""
        deadline = time.monotonic() + 90
        # Strangers are sent to the login; of one that is not there the proxy says that it is away.
        while (status := httpx.get(f"{self.url}services/{name}/", timeout=60).status_code) >= 500:
            assert time.monotonic() < deadline, f"the service {name} answers {status}"
            time.sleep(0.2)

    def _running(self) -> dict[str, int]:
        return {name: state.pid for name, state in self._centre.supervisor.states().items()}

    def down(self) -> None:
        self._centre.down()

    def remove(self) -> None:
        """Remove what an earlier session left, whether or not it still runs; not the locks."""
        self.down()
        for left in self.instance.state.iterdir():
            if left.is_dir():
                shutil.rmtree(left)

    def run(
        self,
        argv: Sequence[str],
        user: str | None = None,
        *,
        feed: str | None = None,
        check: bool = True,
        limit: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside the centre, as root or as `user`; return what it said."""
        done = self._centre.run(argv, user, feed=feed, check=False, limit=limit)
        if check and done.returncode:
            raise AssertionError(f"{list(argv)} answered {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def command(self, argv: Sequence[str], user: str | None = None) -> list[str]:
        """Return the arguments that run `argv` inside, for tests that keep the process in their hands."""
        return self._centre.namespace.command(argv, user)

    # -- programs ----------------------------------------------------------------------------------

    def start(self, program: str) -> None:
        """Start a program again, together with whatever else is down, and wait until all answer."""
        self._centre.supervisor.start(program)
        self.up()

    def begin(self, program: str) -> None:
        """Start this program alone, with the files as they lie there."""
        self._centre.supervisor.start(program)

    def stop(self, program: str) -> None:
        """Stop a program; it stays down until `start` or `up`."""
        self._centre.supervisor.stop(program)

    def kill(self, program: str) -> None:
        """Kill a program with SIGKILL; supervisord starts it again at once."""
        self._centre.supervisor.signal(program, "KILL")

    def signal(self, program: str, signal: str) -> None:
        """Send a signal: STOP and CONT make a program that hangs."""
        self._centre.supervisor.signal(program, signal)

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """Have `program` stopped for the duration of a ``with`` block."""
        self.stop(program)
        try:
            yield
        finally:
            self.start(program)

    @contextmanager
    def hanging(self, program: str) -> Iterator[None]:
        """Have `program` take connections and answer nothing for the duration of a ``with`` block."""
        self.signal(program, "STOP")
        try:
            yield
        finally:
            self.signal(program, "CONT")

    def pid(self, program: str) -> int:
        """Return the process id, as this machine sees it, of a running program."""
        return next(state.pid for state in self._centre.states() if state.name == program)

    def processes_of(self, user: str) -> dict[int, str]:
        """Return the command lines of a user's processes in this centre, by this machine's process ids."""
        uid = int(self.run(["id", "-u", user]).stdout)
        found = {}
        for pid in self._centre.namespace.outside_ids().values():
            folder = Path("/proc", str(pid))
            with suppress(OSError):
                if folder.stat().st_uid == uid:
                    found[pid] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        return found

    def log(self, program: str) -> str:
        """Return all that a program has written until now."""
        # supervisord carries it from a pipe into the file, and has done so when it answers.
        self._centre.supervisor.answers()
        return (self.instance.log / f"{program}.log").read_text(errors="replace")

    # -- people ------------------------------------------------------------------------------------

    def password(self, name: str) -> str:
        return self.accounts.user(name).password

    def last_logins(self) -> str:
        """Return what the hub wrote down of the last attempts to log in, with the reasons."""
        lines = (self.instance.data / "hub" / "audit.jsonl").read_text().splitlines()
        return "\n".join([line for line in lines if '"login"' in line][-5:])

    def otp(self, name: str) -> str:
        """Return a one-time password that no test used before; this may take half a minute.

        The hub takes the code of the interval before, of this one and of the next, each once and never
        one older than the last.
        """
        used_file = self.instance.run / "used-codes.json"
        used = json.loads(used_file.read_text()) if used_file.exists() else {}
        while True:
            now = int(time.time()) // OTP_SECONDS
            # Not the interval before: it may be over by the time the hub looks.
            step = max(now, used.get(name, 0) + 1)
            if step <= now + 1:
                break
            time.sleep(0.5)
        used_file.write_text(json.dumps({**used, name: step}))
        return pyotp.TOTP(self.accounts.user(name).totp_seed).at(step * OTP_SECONDS)

    # -- jobs --------------------------------------------------------------------------------------

    def submit(self, user: str, *options: str, script: str = "sleep 600") -> str:
        """Submit a batch job as `user`; return its id."""
        argv = ["sbatch", "--parsable", "--output=/dev/null", *options, "--wrap", script]
        return self.run(argv, user).stdout.strip()

    def job_state(self, job: str) -> str:
        """Return Slurm's word for the job's state, empty when slurmctld has forgotten it."""
        return self.run(["squeue", "-h", "-t", "all", "-j", job, "-o", "%T"], check=False).stdout.strip()

    def wait_for_job(self, job: str, *states: str, limit: float = 60.0) -> str:
        """Wait until the job is in one of the states (empty: forgotten)."""
        deadline = time.monotonic() + limit
        while (state := self.job_state(job)) not in states:
            if time.monotonic() > deadline:
                raise AssertionError(f"job {job} is {state!r} after {limit} s and not one of {states}")
            time.sleep(0.1)
        return state

    def cancel_all_jobs(self) -> None:
        """Leave no job behind, pending or running, and no node that Slurm still keeps for one."""
        self.run(["scancel", "--state=PENDING"])
        self.run(["scancel", "--state=RUNNING"])
        deadline = time.monotonic() + 60
        kept = ["sinfo", "-h", "-N", "-t", "planned", "-o", "%N"]
        while any(self.run(asked).stdout.strip() for asked in (["squeue", "-h"], kept)):
            if time.monotonic() > deadline:
                return
            time.sleep(0.2)


@contextmanager
def running_centre() -> Iterator[RunningCentre]:
    """Bring the tests' centre up for one test session, and down afterwards."""
    instance = own_instance()
    instance.state.mkdir(parents=True, exist_ok=True)
    with (instance.state / "session-lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another test session uses the centre in {instance.state}: wait for its end, or set"
                " HPCHUB_TEST_STATE, HPCHUB_TEST_PORT and HPCHUB_TEST_PORT_BASE to something else"
            ) from None
        centre = RunningCentre(instance)
        keep = bool(os.environ.get("HPCHUB_TEST_KEEP"))
        if not keep:
            centre.remove()
        try:
            centre.up()
            yield centre
        finally:
            if not keep:
                centre.down()
