# mypy: disallow-subclassing-any=False
"""Starts the engines of an IPyParallel cluster as one batch job, follows it, and says how it is."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import hpchub_slurm_job as job  # type: ignore[import-not-found] # beside this file, in the profile
from ipyparallel.cluster.launcher import (  # type: ignore[import-not-found] # the user's environment has it
    LauncherError,
    SlurmEngineSetLauncher,
)
from traitlets import Integer, List, Unicode

__all__ = ["SlurmEngines"]

LARGEST_LOG = 64 * 1024
# With these, users have Slurm's programs ask for something else than is meant here.
NOT_HANDED_ON = ("SQUEUE_", "SCANCEL_")


class SlurmEngines(SlurmEngineSetLauncher):
    """Engines in a batch job of their own.

    ``queue``, ``timelimit``, ``account``, ``qos``, ``options`` and ``environment`` are ipyparallel's own
    settings and do here what they say.
    """

    # How a saved cluster names its launcher. Whoever lists or stops it later may not have read this profile,
    # and then cannot import this class; ipyparallel's own can do that much as well, from the job's number.
    entrypoint_name = "slurm"

    submit_seconds = 60
    ask_seconds = 20
    # Often while somebody waits for it, then seldom: Slurm answers everybody.
    intervals: tuple[float, ...] = (2, 2, 4, 8, 15, 30)  # seconds

    output_limit = Integer(20, config=True, help="Lines of the log that are shown when engines fail.")
    engines_per_node = Integer(0, config=True, help="Engines on one node; 0 for as many as fit.")
    cpus_per_engine = Integer(1, config=True, help="CPUs of one engine.")
    site_options = List(Unicode(), config=True, help="Options of sbatch that the site needs, a word each.")
    # Not ipyparallel's name, under which it is read once and deleted.
    output_file = Unicode().tag(to_dict=True)
    log_file = Unicode()
    log_folder = Unicode(config=True, help="Where the job's log goes; the profile's own folder without it.")

    async def start(self, n: int = 1) -> str:
        """Submit the job; its engines come when Slurm has room for them.

        Raises
        ------
        LauncherError
            With Slurm's words, when it does not take the job.
        """
        self.n = n
        folder = self._log_folder()
        said = await asyncio.get_running_loop().run_in_executor(None, self._submit, folder)
        self.job_id = job.number(said)
        self.log_file = os.path.join(folder, f"{self.job_id}.log")
        self.log.info(f"The engines' job is {self.job_id}, its log {self.log_file}")
        self.notify_start(self.job_id)
        self._follow()
        return str(self.job_id)

    async def stop(self) -> None:
        """Cancel the job, unless it is over.

        Raises
        ------
        LauncherError
            With Slurm's words, when it goes on.
        """
        if self.state == "running" and self.job_id:
            done = await self._cancel()
            # What is over cannot be cancelled, and needs not.
            if done.returncode and "Invalid job id" not in done.stderr:
                raise LauncherError(
                    f"The engines' job {self.job_id} could not be cancelled: {done.stderr.strip()}. It goes "
                    f"on; when Slurm answers again: scancel {self.job_id}"
                )
        self.notify_stop({"job_id": self.job_id, "exit_code": 0})

    async def signal(self, sig: int | str) -> None:
        """Send a signal to all engines.

        Raises
        ------
        LauncherError
            With Slurm's words, when they do not get it.
        """
        done = await self._cancel(f"--signal={sig}")
        if done.returncode:
            raise LauncherError(
                f"The engines of the job {self.job_id} did not get the signal {sig}: {done.stderr.strip()}"
            )

    def poll(self) -> int | None:
        """Return None while the job waits or runs."""
        return None if self.state != "after" else int((self.stop_data or {}).get("exit_code") or 0)

    def get_output(self, remove: bool = False) -> str:  # noqa: FBT001, FBT002 - as ipyparallel has it
        """Return the end of the log, which is the user's and stays."""
        try:
            with open(self.log_file, "rb") as file:
                # It may have become larger than the memory that there is.
                file.seek(max(0, os.fstat(file.fileno()).st_size - LARGEST_LOG))
                return file.read(LARGEST_LOG).decode("utf-8", "replace")
        except OSError:
            return ""

    def _log_folder(self) -> str:
        own = os.path.join(self.profile_dir, "log")
        for folder in filter(None, (self.log_folder, own)):
            with suppress(OSError):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
                return folder
        raise LauncherError(f"The engines' log has no place: neither {self.log_folder} nor {own} can be used")

    def _submit(self, folder: str) -> str:
        asked = job.Asked(
            n=self.n,
            name=f"ipengine-{self.cluster_id}" if self.cluster_id else "ipengine",
            log=os.path.join(folder.replace("%", "%%"), "%j.log"),  # %j: the job's number
            queue=self.queue,
            timelimit=str(self.timelimit or ""),
            account=self.account,
            qos=self.qos,
            per_node=self.engines_per_node,
            cpus=self.cpus_per_engine,
            options=(*self.site_options, *shlex.split(self.options)),
        )
        try:
            arguments = job.arguments(asked)
        except ValueError as error:
            raise LauncherError(str(error)) from None
        program = shutil.which("sbatch")
        if program is None:
            raise LauncherError("There is no sbatch here: start the cluster where jobs can be submitted")
        folders = (os.path.dirname(program),)
        own = job.environment(os.environ, self.get_env(), sys.prefix, folders)
        text = job.script(sys.prefix, [*self.engine_cmd, *self.engine_args], asked.cpus, _umask())
        done = _run([program, *arguments], self.submit_seconds, text, own)
        if done.returncode:
            raise LauncherError(f"Slurm did not take the engines' job: {done.stderr.strip()}")
        if not job.number(done.stdout):
            raise LauncherError(
                f"sbatch said no job's number: {done.stdout.strip()!r}; look with squeue --me"
            )
        return done.stdout

    def _follow(self) -> None:
        self._over = threading.Event()
        self.on_stop(lambda _: self._over.set())
        threading.Thread(target=self._watch, name="hpchub-engines", daemon=True).start()

    def _watch(self) -> None:
        """Say what becomes of the job, until it is over."""
        last, turn, missing = "", 0, 0
        while not self._over.wait(self.intervals[min(turn, len(self.intervals) - 1)]):
            turn += 1
            about = self._look()
            missing = 0 if about else missing + 1
            if about is None:
                # Once is no proof; twice it is over for so long that Slurm has forgotten it.
                about = job.Seen(job.FORGOTTEN if missing > 1 else "")
            if about.state and (said := job.words(self.job_id, about)) != last:
                last = said
                if not self._over.is_set():
                    self.log.info(said)
            if about.ended and not self._over.is_set():
                self.notify_stop({"job_id": self.job_id, "exit_code": 1, "why": last, "log": self.log_file})

    def _look(self) -> job.Seen | None:
        """Return how the job is, nothing where Slurm knows no such job, an empty state where it is silent."""
        asked = ["squeue", "--noheader", "--states=all", "--format=%T|%r|%N", f"--jobs={self.job_id}"]
        done = _run(asked, self.ask_seconds, environment=_plain())
        if done.returncode:
            return None if "Invalid job id" in done.stderr else job.Seen("")
        return job.seen(done.stdout)

    async def _cancel(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run scancel beside the loop, for the whole notebook server may live in it."""
        asked = (["scancel", *more, self.job_id], self.ask_seconds, "", _plain())
        try:
            running = asyncio.get_running_loop().run_in_executor(None, _run, *asked)
        except RuntimeError:  # the kernel is ending, and starts no thread any more
            return _run(*asked)
        return await running


def _run(
    argv: list[str], seconds: float, text: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's programs; one that does not answer has failed."""
    try:
        return subprocess.run(
            argv,
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            # The job's log is nobody else's business; the script sets what its engines have.
            umask=0o077,
        )
    except subprocess.TimeoutExpired:
        said = f"{argv[0]} did not answer within {seconds} s; look with squeue --me before you try again"
        return subprocess.CompletedProcess(argv, 1, "", said)
    except OSError as error:
        return subprocess.CompletedProcess(argv, 1, "", f"{argv[0]}: {error.strerror}")


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}


def _umask() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("\nUmask:")[2].split(None, 1)[0], 8)
    except (OSError, ValueError, IndexError):
        return 0o022
