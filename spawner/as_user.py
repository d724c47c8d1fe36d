#!/usr/bin/python3 -I
"""Acts as a user for the hub: submits, asks about and cancels jobs, reads logs, looks at environments.

The hub is not root. It runs this file through ``sudo -nHu USER`` with one JSON request on standard
input and reads one JSON reply from standard output. The file needs nothing but the standard library,
because it is installed on its own, owned by root, where neither the hub nor a user can change it; its
settings stand beside it in a file of the same name that ends in ``.json``.

The argument lists are built here and not by the caller, every key and value is checked here, and what
is not in the closed set is refused by name. The script itself is the hub's: whoever has the hub's account
can run jobs as any ordinary user, and nothing on the machine where the hub runs.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

LARGEST_REQUEST = 1 << 20  # bytes
LARGEST_VALUE = 64 * 1024  # characters of one variable; execve(2) takes 128 KiB
LARGEST_LOG_TAIL = 64 * 1024  # bytes
LARGEST_ANSWER = 4 << 20  # bytes
TIME_LIMIT = 60  # seconds for one Slurm command
QUESTION_TIME_LIMIT = 20  # seconds for one whose answer only a page waits for
PROBE = b"\n" * 4096  # a full file system often still makes empty files

NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,63}\Z")
JOB_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/@+-]{0,199}\Z")
GRES = re.compile(r"(?=.{1,300}\Z)[a-z_]+(:[A-Za-z0-9._-]+){0,2}(,[a-z_]+(:[A-Za-z0-9._-]+){0,2})*\Z")
JOB_ID = re.compile(r"[0-9]{1,12}\Z")
VARIABLE = re.compile(r"(JUPYTERHUB|JPY|HPCHUB|MEM|CPU)_[A-Z0-9_]+\Z")

Settings = dict[str, Any]
Request = dict[str, Any]
Reply = dict[str, Any]


# What is wrong with a folder, in words that do not depend on the system's language.
REASONS = {
    errno.ENOENT: "missing",
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read-only",
    errno.ENOTDIR: "not a folder",
    errno.EEXIST: "not a folder",  # of mkdir: something else is there
    errno.EISDIR: "not a file",
    errno.ENXIO: "not a file",
}


class RefusedError(Exception):
    """The request is not one that this program carries out; the text says which part of it."""


class FolderError(Exception):
    """A folder of the user's cannot be used; `reason` is a word of REASONS or the system's own."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


def main() -> None:
    """Read one request, carry it out, write one reply."""
    os.umask(0o077)  # logs and folders made here are the user's own business
    sys.stdout.write(json.dumps(reply_to(sys.stdin.buffer.read(LARGEST_REQUEST + 1))) + "\n")


def reply_to(raw: bytes) -> Reply:
    try:
        settings = read_settings(Path(__file__).resolve())
        user = require_ordinary_user(os.getuid(), settings)
        return carry_out(read_request(raw), settings, user)
    except RefusedError as refused:
        return {"ok": False, "kind": "invalid", "message": str(refused)}
    except FolderError as problem:
        return {"ok": False, "kind": "folder", "path": problem.path, "reason": problem.reason}
    except OSError as error:
        return {"ok": False, "kind": "system", "message": str(error)}
    except Exception as error:
        # A caller that gets no reply knows nothing about its job. Only the type: the text could quote the
        # request, which has a token in it.
        return {"ok": False, "kind": "system", "message": f"unexpected {type(error).__name__}"}


def read_settings(program: Path) -> Settings:
    """Read the settings beside the program, and only if nobody but root could have written them."""
    path = program.with_name(program.name.removesuffix(".py") + ".json")
    status = path.stat()
    if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedError(f"{path} must belong to root and be writable by root alone")
    try:
        settings = json.loads(path.read_text())
    except ValueError as error:
        raise RefusedError(f"{path} is not JSON: {error}") from None
    missing = [key for key in SETTINGS if not isinstance(settings, dict) or key not in settings]
    if missing:
        raise RefusedError(f"{path} must have the key {missing[0]!r}")
    return dict(settings)


def require_ordinary_user(uid: int, settings: Settings) -> pwd.struct_passwd:
    lowest = max(1000, int(settings.get("minimum_uid", 1000)))
    if uid < lowest:
        raise RefusedError(f"uid {uid} is below {lowest}: this acts for ordinary users only")
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise RefusedError(f"uid {uid} is no account of this machine") from None


def read_request(raw: bytes) -> Request:
    if len(raw) > LARGEST_REQUEST:
        raise RefusedError(f"the request is larger than {LARGEST_REQUEST} bytes")
    try:
        request = json.loads(raw, object_pairs_hook=once_each, parse_constant=no_number)
    except RecursionError:
        raise RefusedError("the request is nested too deeply") from None
    except ValueError as error:
        # A JSONDecodeError's own text quotes nothing; a UnicodeDecodeError's would.
        words = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise RefusedError(f"the request is not JSON: {words}") from None
    if not isinstance(request, dict):
        raise RefusedError("the request is not a JSON object")
    return request


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says two things about one key: readers differ on which they believe."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedError("the request has a key twice")
    return found


def no_number(name: str) -> NoReturn:
    raise RefusedError(f"the request has {name}, which is no number of JSON's")


def carry_out(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    asked = request.pop("verb", None)
    verb = VERBS.get(asked) if isinstance(asked, str) else None
    if verb is None:
        raise RefusedError(f"unknown verb {str(asked)[:40]!r}; known are {', '.join(VERBS)}")
    unknown = sorted(set(request) - verb.keys - verb.optional)
    if unknown:
        raise RefusedError(f"{asked} does not know the key {unknown[0][:40]!r}")
    missing = sorted(verb.keys - set(request))
    if missing:
        raise RefusedError(f"{asked} needs the key {missing[0]!r}")
    return verb.action(request, settings, user)


# --- submit, expected -------------------------------------------------------------------------------


def submit(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Make the user's folders and hand the script to sbatch; the reply has the job's id."""
    script = text(request, "script")
    arguments = [f"--job-name={matching(request, 'name', JOB_NAME)}", *sbatch_arguments(request)]
    environment = job_environment(request, settings, user)
    log, workspace = make_folders(settings, user)
    if request.get("certificates") is not None:
        environment.update(keep_certificates(request, settings, user))
    argv = [
        settings["sbatch"],
        "--parsable",
        *arguments,
        "--export=ALL",
        f"--output={log}/%j.log",
        f"--chdir={workspace}",
    ]
    done = run(argv, environment, script)
    if not done["ok"]:
        if done["kind"] == "command":  # of any other failure it is not known whether there is a job
            forget_certificates(request["name"], settings, user)
        return done
    # On a federation sbatch prints "id;cluster", and a site's wrapper may print lines before it.
    job_id = (done["stdout"].strip().splitlines() or [""])[-1].split(";")[0].strip()
    if not JOB_ID.match(job_id):
        return {**done, "ok": False, "kind": "not-understood"}
    return {"ok": True, "job_id": job_id}


def expected(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Ask Slurm when such a job would start; its answer and its no are both answers, and nothing is made."""
    argv = [settings["sbatch"], "--test-only", *sbatch_arguments(request), "--chdir=/"]
    environment = {**own_environment(settings, user), "SLURM_TIME_FORMAT": "%s"}  # epoch seconds
    done = run(argv, environment, "#!/bin/sh\n", QUESTION_TIME_LIMIT)
    if done.get("kind") == "command":
        return {"ok": True, **{key: done[key] for key in ("returncode", "stdout", "stderr")}}
    return done


def sbatch_arguments(request: Request) -> list[str]:
    """Build the arguments that say what is asked for, from the checked request."""
    arguments = [
        "--nodes=1",
        "--ntasks=1",
        # Where a node fails the user is told, instead of finding a fresh server on another node some day.
        "--no-requeue",
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
        if not isinstance(value, str) or not is_plain(value) or len(value) > LARGEST_VALUE:
            raise RefusedError(f"the value of {name} must be text of at most {LARGEST_VALUE} characters")
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


# --- folders ----------------------------------------------------------------------------------------


def make_folders(settings: Settings, user: pwd.struct_passwd) -> tuple[Path, Path]:
    """Make sure that the job will find its folders and can write to them: log and workspace."""
    home = Path(user.pw_dir)
    if settings.get("check_home", True):
        with folder_trouble(home):
            require_writable(home)
    log, workspace = folder(settings, "log", user), folder(settings, "workspace", user)
    for path in (log, workspace):
        with folder_trouble(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            require_writable(path)
    with folder_trouble(workspace):
        copy_examples(Path(settings["examples"]) if settings.get("examples") else None, workspace)
    return log, workspace


@contextmanager
def folder_trouble(path: Path) -> Iterator[None]:
    """Tell what the system says about a folder from what it says about anything else."""
    try:
        yield
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
        raise FolderError(str(error.filename2 or error.filename or path), reason) from error


def require_writable(path: Path) -> None:
    """Write a little and take it away again; permissions alone tell nothing of space and quotas."""
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(PROBE)
            file.flush()
            os.fsync(file.fileno())  # network file systems count a quota no earlier
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None  # not the temporary file's name


@contextmanager
def reading(path: Path) -> Iterator[int]:
    """Open a regular file and nothing that could make us wait or lead elsewhere."""
    if path.is_symlink():
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), str(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def copy_examples(examples: Path | None, workspace: Path) -> None:
    """Copy each example into the workspace once; what the user changed or threw away stays so."""
    if examples is None or not examples.is_dir():
        return
    known = workspace / ".hpchub-examples"
    try:
        with reading(known) as descriptor:
            copied = os.read(descriptor, LARGEST_REQUEST).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        copied = []
    except OSError:
        return  # somebody put something else there: then no examples are wanted
    for example in sorted(examples.glob("*.ipynb")):
        if example.name not in copied:
            copy_one(example, workspace / example.name)
            copied.append(example.name)
    known.write_text("\n".join(copied) + "\n")


def copy_one(example: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        shutil.copyfile(example, target)
    except OSError:
        target.unlink(missing_ok=True)  # half of it would count as the user's own
        raise


# --- certificates -----------------------------------------------------------------------------------


def keep_certificates(request: Request, settings: Settings, user: pwd.struct_passwd) -> dict[str, str]:
    """Write a server's key and certificates where the user alone can read them; return where that is."""
    if "certificates" not in settings:
        raise RefusedError(f"this program's settings have no folder for `certificates`: write {TLS_FOLDER}")
    files, keep = checked_certificates(request)
    root = folder(settings, "certificates", user)
    mine = folder_of(request["name"])
    with folder_trouble(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_others(root, request["name"], {mine, *(folder_of(name) for name in keep)})
        shutil.rmtree(root / mine, ignore_errors=True)
        (root / mine).mkdir(mode=0o700)
        for key, (filename, _variable) in CERTIFICATE_FILES.items():
            with open(os.open(root / mine / filename, NEW_FILE, 0o600), "w") as file:
                file.write(files[key])
    return {variable: str(root / mine / filename) for filename, variable in CERTIFICATE_FILES.values()}


def checked_certificates(request: Request) -> tuple[dict[str, str], list[str]]:
    given = request["certificates"]
    if not isinstance(given, dict) or set(given) != {*CERTIFICATE_FILES, "keep"}:
        refuse("certificates", f"an object with {', '.join(CERTIFICATE_FILES)} and keep")
    files = {key: text(given, key) for key in CERTIFICATE_FILES}
    keep = given["keep"]
    if not isinstance(keep, list) or not all(isinstance(name, str) and JOB_NAME.match(name) for name in keep):
        refuse("keep", "a list of job names")
    return files, keep


def remove_others(root: Path, name: str, keep: set[str]) -> None:
    """Remove what ended servers of the same hub have left; another hub's folders are its own affair."""
    ours = folder_of(name.partition("/")[0] + "/")
    for path in root.iterdir():
        if path.name.startswith(ours) and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def forget_certificates(name: str, settings: Settings, user: pwd.struct_passwd) -> None:
    # Without TLS nothing of the home is touched: where its file server is away, a cancellation must not wait.
    if "certificates" in settings:
        shutil.rmtree(folder(settings, "certificates", user) / folder_of(name), ignore_errors=True)


def folder_of(name: str) -> str:
    """Name a job's folder; two names never share one, for "=" is in no job's name."""
    return "job=" + name.replace("/", "=")


# --- cancel, log ------------------------------------------------------------------------------------


def cancel(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Cancel a job; one that has ended already, or that has another name, is left alone."""
    # The name guards against an id that Slurm has given to another job since.
    name = matching(request, "name", JOB_NAME)
    argv = [settings["scancel"], f"--jobname={name}", matching(request, "job_id", JOB_ID)]
    done = run(argv, own_environment(settings, user), "")
    if done["ok"]:
        forget_certificates(name, settings, user)
    return done


def log(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Give the last lines of a job's log, its size in bytes, and whether there is more before them.

    A log that is not there is an empty one.
    """
    job_id = matching(request, "job_id", JOB_ID)
    lines = number(request, "lines", 1, 1000)
    path = folder(settings, "log", user) / f"{job_id}.log"
    try:
        with folder_trouble(path), reading(path) as descriptor:
            size = os.fstat(descriptor).st_size
            start = max(0, size - LARGEST_LOG_TAIL)
            tail = os.pread(descriptor, LARGEST_LOG_TAIL, start).decode("utf-8", "replace").splitlines()
    except FolderError as problem:
        if problem.reason == "missing":
            return {"ok": True, "lines": [], "size": 0, "truncated": False}
        raise
    if start and len(tail) > 1:
        del tail[0]  # its beginning is cut off
    return {"ok": True, "lines": tail[-lines:], "size": size, "truncated": start > 0 or len(tail) > lines}


# --- environments -----------------------------------------------------------------------------------


def environments(request: Request, settings: Settings, user: pwd.struct_passwd) -> Reply:
    """Have the site's program answer a question about the user's environments; it only reads.

    Which program that is says root alone, in `environments`; what is asked is for it to understand.
    """
    command = settings.get("environments")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise RefusedError(f"this program's settings have no command for `environments`: write {ANSWERS}")
    question = request["question"]
    if not isinstance(question, dict):
        refuse("question", "an object")
    try:
        done, said, complained = run_bounded(command, own_environment(settings, user), json.dumps(question))
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not answer within {QUESTION_TIME_LIMIT} seconds"
        return {"ok": False, "kind": "timeout", "message": message}
    answer = json_object(said)
    if done or answer is None:
        words = complained.decode("utf-8", "replace").strip()[-500:] or f"exit status {done}"
        return {"ok": False, "kind": "system", "message": f"{command[0]} gave no answer: {words}"}
    return {"ok": True, "answer": answer}


def run_bounded(argv: list[str], environment: dict[str, str], question: str) -> tuple[int, bytes, bytes]:
    """Run a program and give its exit status and both streams, of which none can be larger than allowed.

    The streams are files in memory, so that the kernel itself counts them; a program that writes more fails.
    """
    with memory() as asked, memory() as said, memory() as complained:
        asked.write(question.encode())
        asked.seek(0)
        done = subprocess.run(
            argv,
            stdin=asked,
            stdout=said,
            stderr=complained,
            env=environment,
            cwd="/",
            timeout=QUESTION_TIME_LIMIT,
            preexec_fn=limit_output,
            check=False,
        )
        said.seek(0)
        complained.seek(0)
        return done.returncode, said.read(LARGEST_ANSWER), complained.read(LARGEST_ANSWER)


def memory() -> BinaryIO:
    return open(os.memfd_create("hpchub", os.MFD_CLOEXEC), "w+b")


def limit_output() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_ANSWER, LARGEST_ANSWER))


def json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


# --- small things -----------------------------------------------------------------------------------


def run(argv: list[str], environment: dict[str, str], script: str, limit: int = TIME_LIMIT) -> Reply:
    """Run a Slurm command; its streams go back to the hub, which knows what they mean."""
    try:
        done = subprocess.run(
            argv,
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{argv[0]} did not answer within {limit} seconds"
        return {"ok": False, "kind": "timeout", "message": message}
    outcome = {"returncode": done.returncode, "stdout": done.stdout[-4000:], "stderr": done.stderr[-4000:]}
    if done.returncode:
        return {"ok": False, "kind": "command", "command": os.path.basename(argv[0]), **outcome}
    return {"ok": True, **outcome}


def folder(settings: Settings, which: str, user: pwd.struct_passwd) -> Path:
    return Path(settings[which].replace("{user}", user.pw_name).replace("{home}", user.pw_dir))


def text(request: Request, key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not value or not is_plain(value):
        refuse(key, "text")
    return value


def is_plain(value: str) -> bool:
    """Say whether a text can be handed to a program: no NUL, nothing that is no character."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


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


class Verb(NamedTuple):
    """What can be asked for, with the keys that it must have and those that it may have."""

    action: Callable[[Request, Settings, pwd.struct_passwd], Reply]
    keys: frozenset[str]
    optional: frozenset[str] = frozenset()


ANSWERS = '"environments": ["PYTHON", "-I", "SRC/environments/run.py", "answer"]'
TLS_FOLDER = '"certificates": "{home}/.hpchub/tls"'
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
# What the hub hands over, the file it becomes, and the variable by which JupyterHub's own code finds it.
CERTIFICATE_FILES = {
    "key": ("key.pem", "JUPYTERHUB_SSL_KEYFILE"),
    "certificate": ("certificate.pem", "JUPYTERHUB_SSL_CERTFILE"),
    "ca": ("ca.pem", "JUPYTERHUB_SSL_CLIENT_CA"),
}
SETTINGS = ("sbatch", "scancel", "log", "workspace")
ASKED_FOR = frozenset(
    {
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
VERBS = {
    "submit": Verb(submit, ASKED_FOR | {"name", "script", "environment"}, frozenset({"certificates"})),
    "expected": Verb(expected, ASKED_FOR),
    "cancel": Verb(cancel, frozenset({"job_id", "name"})),
    "log": Verb(log, frozenset({"job_id", "lines"})),
    "environments": Verb(environments, frozenset({"question"})),
}


if __name__ == "__main__":
    main()
