"""The settings that users of jupyter/docker-stacks know, with the same meaning in a job.

They stand in the job's environment, where the site or a container image sets them, or in the user's own
``~/.config/hpchub/notebook.env``, which is the stronger one: lines ``KEY=VALUE``, and comments that begin
with ``#``. Nothing there reaches what the hub has given to the server. A line that cannot be understood is
named in the job's log and has no effect: a slip of the pen must not keep anybody from his notebook.

https://jupyter-docker-stacks.readthedocs.io/en/latest/using/common.html
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

__all__ = ["FILE", "Refused", "apply_settings", "interface_of", "kept", "parse"]

FILE = Path("~/.config/hpchub/notebook.env")
LARGEST = 64 * 1024  # bytes
_LINE = re.compile(r"(?:export[ ]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z")
_HUBS = re.compile(r"(JUPYTERHUB|HPCHUB|JPY)_")
_UMASK = re.compile(r"0?[0-7]{3}\Z")
_ARGUMENT = re.compile(r"--?([A-Za-z][A-Za-z0-9_.-]*)(=.*)?\Z", re.DOTALL)

# What the hub, or the launcher, says; by its last part, for a trait has several classes that take it.
_OURS = frozenset(
    [
        *("ip", "port", "port_retries", "sock", "base_url", "token", "password", "cookie_secret"),
        *("identity_provider_class", "authorizer_class", "jpserver_extensions", "kernel_spec_manager_class"),
        *("allow_unauthenticated_access", "disable_user_config", "certfile", "keyfile", "client_ca"),
        *("extra_labextensions_path", "cache_max_age", "news_url", "check_for_updates_class", "default_url"),
        *("allow_remote_access", "hub_host", "hub_prefix", "hub_api_url", "user", "group"),
    ]
)


class Refused(ValueError):  # noqa: N818 - it is told, not raised to anybody
    """A setting that cannot be used; the text names it."""


def parse(text: str) -> tuple[dict[str, str], list[str]]:
    r"""Read a file of settings; return them, and what is wrong with the lines that are none.

    >>> parse("# mine\nNOTEBOOK_ARGS='--debug'\nJUPYTERHUB_USER=root\n")
    ({'NOTEBOOK_ARGS': '--debug'}, ['line 3: JUPYTERHUB_USER is for the hub to set'])
    """
    settings: dict[str, str] = {}
    problems: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            name, value = _pair(line)
        except Refused as refused:
            problems.append(f"line {number}: {refused}")
        else:
            settings[name] = value
    return settings, problems


def _pair(line: str) -> tuple[str, str]:
    found = _LINE.match(line)
    if found is None:
        raise Refused("it is not KEY=VALUE")
    name, value = found.group(1), found.group(2).strip()
    if _HUBS.match(name):
        raise Refused(f"{name} is for the hub to set")
    if value[:1] in ("'", '"'):
        if len(value) < 2 or value[-1] != value[0] or value[0] in value[1:-1]:
            raise Refused(f"the quotes of {name} do not match")
        value = value[1:-1]
    if not value.isprintable() and value:
        raise Refused(f"{name} has characters that cannot be seen")
    return name, value


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """Read the user's file; none is no problem."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            return {}, [f"it has more than {LARGEST} bytes"]
        return parse(raw.decode("utf-8"))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [str(error)]


def apply_settings(path: Path | None = None) -> None:
    """Put the user's settings into this process: variables, umask, and what shall not be there."""
    path = (path or FILE).expanduser()
    settings, problems = read(path)
    for problem in problems:
        say(f"{path}: {problem}; it has no effect")
    os.environ.update(settings)
    for name in re.split(r"[,\s]+", os.environ.get("JUPYTER_ENV_VARS_TO_UNSET", "")):
        if name and not _HUBS.match(name):
            os.environ.pop(name, None)
    umask = os.environ.get("NB_UMASK", "")
    if _UMASK.match(umask):
        os.umask(int(umask, 8))
    elif umask:
        say(f"NB_UMASK is {umask!r}, which is no umask such as 0027; it has no effect")


def kept(arguments: str, ours: Sequence[str]) -> list[str]:
    """Return the words of ``NOTEBOOK_ARGS``, without those that say what the hub or the launcher says.

    Jupyter refuses to start when something is said twice, so that putting ours last is not enough.

    >>> kept("--debug --port 1 --ServerApp.shutdown_no_activity_timeout=600", [])
    ['--debug', '--ServerApp.shutdown_no_activity_timeout=600']
    """
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        say(f"NOTEBOOK_ARGS cannot be split into words ({error}); it has no effect")
        return []
    taken = _OURS | {_trait(word) for word in ours}
    left: list[str] = []
    dropped = False
    for word in words:
        if word.startswith("-"):
            dropped = _trait(word) in taken
            if dropped:
                say(f"NOTEBOOK_ARGS: {word.split('=')[0]} is for the hub to say; it has no effect")
        if not dropped:
            left.append(word)
        dropped = dropped and word.startswith("-") and "=" not in word
    return left


def _trait(word: str) -> str:
    found = _ARGUMENT.match(word)
    return found.group(1).rsplit(".", 1)[-1].replace("-", "_") if found else word


def interface_of(name: str) -> tuple[str, dict[str, bool]]:
    """Return the first page, and which extensions are loaded or not, for ``DOCKER_STACKS_JUPYTER_CMD``.

    Raises
    ------
    Refused
        For one that is not known, or not installed.
    """
    if name == "lab":
        return "/lab", {}
    if name == "notebook":
        return "/tree", {}
    if name == "nbclassic":
        if find_spec("nbclassic") is None:
            raise Refused("nbclassic is not installed in this environment")
        # Beside Notebook 7, which has its address, it moves.
        beside = find_spec("notebook") is not None and find_spec("notebook.app") is not None
        return "/nbclassic/tree" if beside else "/tree", {"nbclassic": True}
    if name == "server":
        return "/", {"jupyterlab": False, "notebook": False, "nbclassic": False}
    raise Refused("it is none of lab, notebook, nbclassic and server")


def chosen_interface(environ: Mapping[str, str]) -> tuple[str, dict[str, bool]]:
    """Return what `interface_of` says of the user's setting; the form's choice where there is none."""
    wanted = environ.get("DOCKER_STACKS_JUPYTER_CMD", "")
    if wanted:
        try:
            return interface_of(wanted)
        except Refused as refused:
            say(f"DOCKER_STACKS_JUPYTER_CMD is {wanted!r}, but {refused}; it has no effect")
    return "", {}


def say(words: str) -> None:
    print(f"hpchub: {words}", file=sys.stderr, flush=True)
