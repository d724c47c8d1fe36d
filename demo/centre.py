"""A demo centre as a whole: bring it up, take it down, look at it, run something in it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from xmlrpc.client import Fault

from demo import accounting, hub_site, image, internal_ssl, locks, ports, site, source, tokens
from demo.accounts import Accounts
from demo.namespace import Namespace
from demo.probes import Probe, Probes
from demo.programs import Program
from demo.settings import Instance
from demo.startup import Step, nothing, start_all
from demo.supervisor import ProcessState, Supervisor

Tell = Callable[[str], None]

_COMMAND_LIMIT = 60.0
_LAST_LINES = 15


class CentreError(Exception):
    """The centre cannot do what was asked; the text says why and what to do."""


class Centre:
    """One demo centre on this machine.

    Parameters
    ----------
    instance : Instance
        Where it lives.
    accounts : Accounts
        Who is in it.
    tell : callable
        Gets a line of text for each step; by default nobody hears it.
    """

    def __init__(self, instance: Instance, accounts: Accounts, tell: Tell = lambda _: None) -> None:
        self.instance = instance
        self.accounts = accounts
        self.namespace = Namespace(instance)
        self.supervisor = Supervisor(instance.run / "supervisor.socket")
        self._tell = tell

    # -- up and down -------------------------------------------------------------------------------

    def up(self) -> None:
        """Bring everything up that is not; a centre that runs already only gets what has changed."""
        self._require_root()
        with self._locked() as lock:
            if self.namespace.first_process() is None:
                ports.check_free(self.instance)
            else:
                self._require_same_settings()
            site.prepare(self.instance, self.accounts)
            source.refresh(self.instance)
            image.make_places(self.instance)
            if not (self.instance.channel / "noarch").is_dir():
                self._tell(f"there is no conda channel at {self.instance.channel}: demo/install.sh makes it")
            hub_site.write_site(self.instance)
            if self.namespace.first_process() is not None and not self.supervisor.wait(20.0):
                self._tell("supervisord does not answer: starting everything again")
                self.namespace.kill()
            programs = self._load_programs(lock)
            start_all(self._steps(programs), self._tell)

    def _load_programs(self, lock: int) -> tuple[Program, ...]:
        """Write supervisord's configuration, and start supervisord or have it read the file again."""
        if self.namespace.first_process() is not None:
            running = _slapd_command(self.instance)
            programs = site.write_programs(self.instance, running.split("\n"))
            self.supervisor.reload()
            return programs
        site.prepare_stopped(self.instance, lock)
        slapd = site.prepare_directory(self.instance, self.accounts)
        (self.instance.run / "slapd-command").write_text("\n".join(slapd))
        programs = site.write_programs(self.instance, slapd)
        supervisord = self.instance.venv / "bin" / "supervisord"
        conf = self.instance.etc / "supervisord.conf"
        argv = [str(supervisord), "-n", "-c", str(conf)]
        self._settings_file.write_text(self._settings())
        self.namespace.start(site.binds(self.instance), argv, self.instance.environment)
        if not self.supervisor.wait(30.0):
            raise CentreError(f"supervisord does not answer; see {self.instance.log}/namespace.log")
        return programs

    def down(self) -> None:
        """Stop everything. Running jobs are cancelled first, so that their end is recorded properly."""
        self._require_root()
        with self._locked():
            if self.namespace.first_process() is None:
                return
            try:
                if self.supervisor.answers():
                    self._stop_gently()
            except (OSError, Fault, subprocess.SubprocessError) as problem:
                self._tell(f"not all programs stopped in order ({problem}); ending them now")
            self.namespace.kill()

    def _stop_gently(self) -> None:
        """Stop, in order, the programs that have something to write down; the others may just end."""
        states = self.supervisor.states()
        self.supervisor.stop_all([name for name in ("hub", "proxy") if name in states])
        if states["slurmctld"].state == "RUNNING":
            self.run(["scancel", "--state=RUNNING"], check=False, limit=10.0)
            self._wait_for_jobs()
        for names in (["slurmctld"], ["slurmdbd", "slapd"], ["mariadb"]):
            self.supervisor.stop_all(names)

    def _wait_for_jobs(self, limit: float = 8.0) -> None:
        deadline = time.monotonic() + limit
        ending = ["squeue", "-h", "-t", "RUNNING,COMPLETING"]
        while self.run(ending, check=False, limit=10.0).stdout.strip() and time.monotonic() < deadline:
            time.sleep(0.2)

    # -- looking and doing -------------------------------------------------------------------------

    def states(self) -> list[ProcessState]:
        """Return the state of each program, with process ids as this machine sees them."""
        self._require_root()
        if self.namespace.first_process() is None:
            return []
        outside = self.namespace.outside_ids()
        return [replace(state, pid=outside.get(state.pid, 0)) for state in self.supervisor.states().values()]

    def run(
        self,
        argv: Sequence[str],
        user: str | None = None,
        *,
        feed: str | None = None,
        check: bool = True,
        limit: float = _COMMAND_LIMIT,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside the centre, as root or as `user`, and return what it said."""
        return subprocess.run(
            self.namespace.command(argv, user),
            input=feed or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=check,
        )

    def last_lines(self, name: str, count: int = _LAST_LINES) -> str:
        """Return the end of a program's log."""
        path = self.instance.log_of(name)
        if not path.exists():
            return f"({path} is not there)"
        lines = path.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(f"  {line}" for line in lines) + f"\n  (the whole of it: {path})"

    # -- private -----------------------------------------------------------------------------------

    def _steps(self, programs: Sequence[Program]) -> list[Step]:
        """Return what is to be started, or done, and in which order."""
        anybody = self.accounts.users[0].name
        probes = Probes(self.instance, self.namespace, anybody).by_step()
        daemons = tuple(program.name for program in programs if program.name.startswith("slurmd-"))
        nodes = Step("nodes", ("slurmctld", *daemons), nothing, probes["nodes"], last_words=self._node_words)
        accounts = Step("accounts", ("slurmdbd", "nslcd"), self._ensure_accounts, lambda: True)
        limits = Step("limits", ("slurmctld", "accounts"), self._ensure_limits, lambda: True)
        solved = Step("locks", ("channel", "nslcd"), self._ensure_locks, lambda: True)
        steps = [*(self._program_step(program, probes) for program in programs)]
        steps += [accounts, limits, solved, nodes]
        if self.instance.internal_ssl:
            steps.append(Step("certificates", (), self._ensure_certificates, lambda: True))
        if self.instance.with_hub:
            steps.append(Step("tokens", (), self._ensure_tokens, lambda: True))
        return steps

    def _program_step(self, program: Program, probes: Mapping[str, Probe]) -> Step:
        def state() -> ProcessState:
            return self.supervisor.state(program.name)

        return Step(
            name=program.name,
            needs=program.needs,
            begin=lambda: self.supervisor.start(program.name),
            answers=probes.get(program.name, lambda: state().state == "RUNNING"),
            given_up=lambda: state().given_up,
            last_words=lambda: self.last_lines(program.name),
        )

    def _node_words(self) -> str:
        return self.run(["sinfo", "-N", "-o", "%N %T %E"], check=False).stdout

    def _ensure_accounts(self) -> None:
        accounting.ensure(lambda argv: self.run(argv, check=False), self.accounts)

    def _ensure_limits(self) -> None:
        accounting.ensure_limits(lambda argv: self.run(argv, check=False))

    def _ensure_locks(self) -> None:
        locks.ensure(lambda argv, user: self.run(argv, user, check=False), self.instance, self._tell)

    def _ensure_certificates(self) -> None:
        internal_ssl.ensure(lambda argv, user: self.run(argv, user, check=False), self.instance)

    def _ensure_tokens(self) -> None:
        def run(argv: Sequence[str], user: str, *, feed: str) -> subprocess.CompletedProcess[str]:
            return self.run(argv, user, feed=feed, check=False)

        tokens.ensure(run, self.instance, self.accounts)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Let one caller at a time change this centre; a second one waits. Yields the lock's descriptor."""
        self.instance.state.mkdir(parents=True, exist_ok=True)
        with (self.instance.state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("another command works on this centre; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()

    @property
    def _settings_file(self) -> Path:
        return self.instance.run / "settings"

    def _settings(self) -> str:
        return "".join(f"{name}={value}\n" for name, value in asdict(self.instance).items())

    def _require_same_settings(self) -> None:
        """Refuse to change ports or folders under programs that run."""
        running = self._settings_file.read_text().splitlines() if self._settings_file.exists() else []
        for now, then in zip(self._settings().splitlines(), running, strict=False):
            if now != then and not now.startswith(("checkout=", "internal_ssl=")):
                raise CentreError(f"the centre runs with {then}, and now it is {now}: `make stop` it first")

    def _require_root(self) -> None:
        if os.geteuid() != 0:
            raise CentreError(
                "the demo centre makes mounts and starts daemons as several accounts: be root (sudo)"
            )


def _slapd_command(instance: Instance) -> str:
    return (instance.run / "slapd-command").read_text()
