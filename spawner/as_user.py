#!/usr/bin/python3 -I
"""Acts as a user for the hub: submit a job, cancel it, read the end of its log. Nothing else.

The hub is not root. It runs this file through ``sudo -nHu USER`` with one JSON request on standard
input and reads one JSON reply from standard output. The file needs nothing but the standard library,
because it is installed on its own, owned by root, where neither the hub nor a user can change it; its
settings stand beside it in a file of the same name that ends in ``.json``.

The argument lists are built here and not by the caller, every key and value is checked here, and what
is not in the closed set is refused by name. The script itself is the hub's: whoever has the hub's account
can run jobs as any ordinary user, and nothing on the machine where the hub runs.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

LARGEST_REQUEST = 1 << 20  # bytes
TIME_LIMIT = 60  # seconds for one Slurm command
LARGEST_LOG_TAIL = 64 * 1024  # bytes

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
JOB_NAME = re.compile(r"[A-Za-z0-9._/@+-]{1,200}\Z")
GRES = re.compile(r"[a-z_]+(:[A-Za-z0-9._-]+){0,2}(,[a-z_]+(:[A-Za-z0-9._-]+){0,2})*\Z")
JOB_ID = re.compile(r"[0-9]{1,12}\Z")
VARIABLE = re.compile(r"(JUPYTERHUB|JPY|HPCHUB|MEM|CPU)_[A-Z0-9_]+\Z")

Settings = dict[str, Any]
Request = dict[str, Any]
Reply = dict[str, Any]


class RefusedError(Exception):
    """The request is not one that this program carries out; the text says which part of it."""


def main() -> None:
    """Read one request, carry it out, write one reply."""
    os.umask(0o077)  # logs and folders made here are the user's own business
    try:
        settings = read_settings(Path(__file__).resolve())
        user = require_ordinary_user(os.getuid(), settings)
        reply = carry_out(read_request(sys.stdin.buffer.read(LARGEST_REQUEST + 1)), settings, user)
    except RefusedError as refused:
        reply = {"ok": False, "kind": "invalid", "message": str(refused)}
    except OSError as error:
        reply = {"ok": False, "kind": "system", "message": str(error)}
    sys.stdout.write(json.dumps(reply) + "\n")


def read_settings(program: Path) -> Settings:
    """Read the settings beside the program, and only if nobody but root could have written them."""
    path = program.with_name(program.name.removesuffix(".py") + ".json")
    status = path.stat()
    if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedError(f"{path} must belong to root and be writable by root alone")
    settings: Settings = json.loads(path.read_text())
    return settings


def require_ordinary_user(uid: int, settings: Settings) -> pwd.struct_passwd:
    lowest = max(1000, int(settings.get("minimum_uid", 1000)))
    if uid < lowest:
        raise RefusedError(f"uid {uid} is below {lowest}: this acts for ordinary users only")
    return pwd.getpwuid(uid)


def read_request(raw: bytes) -> Request:
    if len(raw) > LARGEST_REQUEST:
        raise RefusedError(f"the request is larger than {LARGEST_REQUEST} bytes")
    try:
        request = json.loads(raw)
    except ValueError as error:
        raise RefusedError(f"the request is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise RefusedError("the request is not a JSON object")
    return request


def carry_out(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    verb = request.pop("verb", None)
    if verb not in VERBS:
        raise RefusedError(f"unknown verb {str(verb)[:40]!r}; known are {', '.join(VERBS)}")
    action, keys = VERBS[verb]
    unknown = sorted(set(request) - keys)
    if unknown:
        raise RefusedError(f"{verb} does not know the key {unknown[0][:40]!r}")
    missing = sorted(keys - set(request))
    if missing:
        raise RefusedError(f"{verb} needs the key {missing[0]!r}")
    return action(request, settings, user)


# --- submit -----------------------------------------------------------------------------------------


def submit(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Make the user's folders and hand the script to sbatch; the reply has the job's id."""
    script = text(request, "script")
    arguments = sbatch_arguments(request)
    environment = job_environment(request, settings, user)
    log = folder(settings, "log", user)
    workspace = folder(settings, "workspace", user)
    log.mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_examples(Path(settings["examples"]) if settings.get("examples") else None, workspace)
    argv = [settings["sbatch"], *arguments, f"--output={log}/%j.log", f"--chdir={workspace}"]
    done = run(argv, environment, script)
    if not done["ok"]:
        return done
    # On a federation sbatch prints "id;cluster", and a site's wrapper may print lines before it.
    job_id = (done["stdout"].strip().splitlines() or [""])[-1].split(";")[0].strip()
    if not JOB_ID.match(job_id):
        return {**done, "ok": False, "kind": "not-understood"}
    return {"ok": True, "job_id": job_id}


def sbatch_arguments(request: Request) -> list[str]:
    """Build the argument list of sbatch from the checked request."""
    arguments = [
        "--parsable",
        "--nodes=1",
        "--ntasks=1",
        # A requeued job would come up on another node while the hub still routes to the first.
        "--no-requeue",
        "--export=ALL",
        f"--job-name={matching(request, 'name', JOB_NAME)}",
        f"--partition={matching(request, 'partition', NAME)}",
        f"--time={number(request, 'minutes', 1, 60 * 24 * 366)}",
    ]
    if request["account"] is not None:
        arguments.append(f"--account={matching(request, 'account', NAME)}")
    if request["cpus"] is not None:
        arguments.append(f"--cpus-per-task={number(request, 'cpus', 1, 65536)}")
    if request["memory_mb"] is not None:
        arguments.append(f"--mem={number(request, 'memory_mb', 0, 1 << 40)}M")
    if request["gres"] is not None:
        arguments.append(f"--gres={matching(request, 'gres', GRES)}")
    if request["comment"] is not None:
        arguments.append(f"--comment={one_line(request, 'comment')}")
    names = (key for key in ("constraint", "qos", "reservation") if request[key] is not None)
    arguments += [f"--{key}={matching(request, key, NAME)}" for key in names]
    if request["exclusive"] is True:
        arguments.append("--exclusive")
    elif request["exclusive"] is not False:
        raise RefusedError("exclusive must be true or false")
    return arguments


def job_environment(request: Request, settings: Settings, user: pwd.struct_passwd) -> dict[str, str]:
    """Start from nothing: what the job sees is the user's own, the site's, and the hub's variables."""
    given = request["environment"]
    if not isinstance(given, dict):
        raise RefusedError("environment must be an object")
    for name, value in given.items():
        if not VARIABLE.match(name) and name not in settings.get("variables", []):
            raise RefusedError(f"the hub may not set {name[:40]!r}: it is not in this program's `variables`")
        if not isinstance(value, str) or "\0" in value:
            raise RefusedError(f"the value of {name} must be text")
    return {**own_environment(settings, user), **given}


def own_environment(settings: Settings, user: pwd.struct_passwd) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell or "/bin/sh",
        **settings.get("environment", {}),
    }


def copy_examples(examples: Path | None, workspace: Path) -> None:
    """Copy each example into the workspace once; what the user changed or threw away stays so."""
    if examples is None or not examples.is_dir():
        return
    known = workspace / ".hpchub-examples"
    copied = known.read_text().splitlines() if known.exists() else []
    for example in sorted(examples.glob("*.ipynb")):
        if example.name not in copied:
            if not (workspace / example.name).exists():
                shutil.copyfile(example, workspace / example.name)
            copied.append(example.name)
    known.write_text("\n".join(copied) + "\n")


# --- cancel, log ------------------------------------------------------------------------------------


def cancel(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Cancel a job; one that has ended already, or that has another name, is left alone."""
    # The name guards against an id that Slurm has given to another job since.
    argv = [
        settings["scancel"],
        f"--jobname={matching(request, 'name', JOB_NAME)}",
        matching(request, "job_id", JOB_ID),
    ]
    return run(argv, own_environment(settings, user), "")


def log(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Give the last lines of a job's log; a log that is not there is an empty one."""
    job_id = matching(request, "job_id", JOB_ID)
    lines = number(request, "lines", 1, 1000)
    try:
        with (folder(settings, "log", user) / f"{job_id}.log").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LARGEST_LOG_TAIL))
            tail = file.read(LARGEST_LOG_TAIL).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        tail = []
    return {"ok": True, "lines": tail[-lines:]}


# --- small things -----------------------------------------------------------------------------------


def run(argv: list[str], environment: dict[str, str], script: str) -> Reply:
    """Run a Slurm command; its streams go back to the hub, which knows what they mean."""
    try:
        done = subprocess.run(
            argv,
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{argv[0]} did not answer within {TIME_LIMIT} seconds"
        return {"ok": False, "kind": "timeout", "message": message}
    outcome = {"returncode": done.returncode, "stdout": done.stdout[-4000:], "stderr": done.stderr[-4000:]}
    if done.returncode:
        return {"ok": False, "kind": "command", "command": os.path.basename(argv[0]), **outcome}
    return {"ok": True, **outcome}


def folder(settings: Settings, which: str, user: pwd.struct_passwd) -> Path:
    return Path(settings[which].replace("{user}", user.pw_name))


def text(request: Request, key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not value:
        refuse(key, "text")
    return value


def matching(request: Request, key: str, pattern: re.Pattern[str]) -> str:
    value = request[key]
    if not isinstance(value, str) or not pattern.match(value):
        refuse(key, f"text like {pattern.pattern}")
    return value


def one_line(request: Request, key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not value.isprintable() or len(value) > 500:
        refuse(key, "one line of at most 500 characters")
    return value


def number(request: Request, key: str, lowest: int, highest: int) -> int:
    value = request[key]
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        refuse(key, f"a whole number from {lowest} to {highest}")
    return value


def refuse(key: str, wanted: str) -> NoReturn:
    raise RefusedError(f"{key} must be {wanted}")


SUBMIT_KEYS = frozenset(
    {
        "name",
        "script",
        "environment",
        "partition",
        "account",
        "minutes",
        "cpus",
        "memory_mb",
        "gres",
        "exclusive",
        "comment",
        "constraint",
        "qos",
        "reservation",
    }
)

VERBS: dict[str, tuple[Callable[[Request, Settings, pwd.struct_passwd], Reply], frozenset[str]]] = {
    "submit": (submit, SUBMIT_KEYS),
    "cancel": (cancel, frozenset({"job_id", "name"})),
    "log": (log, frozenset({"job_id", "lines"})),
}


if __name__ == "__main__":
    main()
