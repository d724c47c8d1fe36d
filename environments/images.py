"""What a batch script runs for a container image: the runtime's words around the server's own.

Nothing secret stands among these words, for everybody on the node can read them. A server's tokens are in
the job's environment already, and every runtime here hands that on; only plain settings, which the site or
the form names, are put in by name (`Runtime.variable`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from environments.problems import Problem
from environments.site import Image, Runtime, Site
from texts import mark as _

__all__ = ["NOT_HANDED_ON", "command_of", "inside"]

BASH: Final = "/bin/bash"
START: Final = "start.sh"
NOT_HANDED_ON: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX")
"""What a node's modules may have set for a Python of the node's; in an image it would break another one."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Not to be overridden from a settings file, and nothing that anybody may read in a list of processes.
_HUBS = re.compile(r"(JUPYTERHUB|JPY|HPCHUB)_|.*(TOKEN|SECRET|PASSWORD|PASSWD)", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_SEPARATORS = re.compile(r"[:,]")


def command_of(
    site: Site,
    image: Image,
    *,
    python: str = "",
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folders: Sequence[Path],
    gpus: bool,
    workdir: Path | None = None,
) -> list[str]:
    """Return the words that start a server inside an image.

    Parameters
    ----------
    python : str
        The interpreter inside; empty for the image's own setting.
    arguments : sequence of str
        The launcher's path, which is the same inside, and what it is given.
    environment : mapping
        Plain settings to be set inside, over the image's own (`Image.environment`). No secrets: those are
        in the job's environment.
    folders : sequence of Path
        What the server needs at the same place inside: the home, the workspace, the launcher's folder.
    gpus : bool
        Whether the job has any.
    workdir : Path
        Where to begin; the first of the folders when it is not given.

    Raises
    ------
    environments.problems.Problem
        ``image``: something in it cannot be told to a runtime.
    """
    runtime = site.runtimes[image.runtime]
    variables = _checked({**image.environment, **environment, "HPCHUB_IMAGE": image.name}, image)
    bound = _outermost([*map(Path, runtime.binds), *map(Path, image.binds), *folders], image)
    begin = workdir or next(iter(folders), Path("/"))
    single = {"image": _plain(image.path, image), "workdir": _plain(str(begin), image)}
    many = {
        "binds": [_filled(word, {"path": str(path)}) for path in bound for word in runtime.bind],
        "gpus": list(runtime.gpu) if gpus else [],
        "environment": [
            _filled(word, {"name": name, "value": value})
            for name, value in variables.items()
            for word in runtime.variable
        ],
        "command": [_plain(word, image) for word in inside(python or image.python, arguments)],
    }
    return [*_surroundings(runtime, variables), *_expanded(runtime.command, single, many)]


def inside(python: str, arguments: Sequence[str]) -> list[str]:
    """Return the words for a server as such, in an image or not: the start script, and what it starts.

    >>> inside("/opt/conda/bin/python", ["/opt/hpchub/singleuser/launch.py", "--debug"])[:3]
    ['/bin/bash', '/opt/hpchub/singleuser/start.sh', '/opt/conda/bin/python']
    """
    return [BASH, str(Path(arguments[0]).with_name(START)), python, *arguments]


def _surroundings(runtime: Runtime, variables: Mapping[str, str]) -> list[str]:
    """Return what sets and removes variables for the runtime, which hands its own environment on."""
    removed = [f"--unset={name}" for name in NOT_HANDED_ON]
    # By env(1), which is replaced by the runtime at once: of what it sets, nothing stays on a command line.
    given = [] if runtime.variable else [f"{name}={value}" for name, value in variables.items()]
    return ["/usr/bin/env", *removed, *given]


def _expanded(
    words: Sequence[str], single: Mapping[str, str], many: Mapping[str, Sequence[str]]
) -> list[str]:
    expanded: list[str] = []
    for word in words:
        name = word[1:-1] if word.startswith("{") and word.endswith("}") else ""
        expanded += many[name] if name in many else [_filled(word, single)]
    return expanded


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Fill in in one pass, so that a value that looks like a placeholder stays what it is.

    >>> _filled("{name}={value}", {"name": "GREETING", "value": "{name}"})
    'GREETING={name}'
    """
    return re.sub(r"\{([a-z]+)\}", lambda found: values.get(found[1], found[0]), word)


def _outermost(folders: Sequence[Path], image: Image) -> list[Path]:
    """Leave out what lies in another of them: a read-only image would need a place for it, too.

    >>> from environments.site import Image
    >>> image = Image(name="x", runtime="y", path="/z")
    >>> _outermost([Path("/home"), Path("/home/anna"), Path("/scratch"), Path("/home")], image)
    [PosixPath('/home'), PosixPath('/scratch')]
    """
    for folder in folders:
        # Every runtime splits its words at one of these, and none has a way to say that it should not.
        if not folder.is_absolute() or ".." in folder.parts or _SEPARATORS.search(_plain(str(folder), image)):
            raise _refused(image, str(folder))
    unique = list(dict.fromkeys(folders))
    return [one for one in unique if not any(other in one.parents for other in unique)]


def _checked(variables: Mapping[str, str], image: Image) -> dict[str, str]:
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or (_HUBS.match(name) and name != "HPCHUB_IMAGE"):
            raise _refused(image, name)
        _plain(value, image)
    return dict(variables)


def _plain(word: str, image: Image) -> str:
    """Refuse what ends a line: it is quoted for the shell, but not in every log and list of processes."""
    if _NOT_PLAIN.search(word):
        raise _refused(image, word)
    return word


def _refused(image: Image, word: str) -> Problem:
    return Problem(
        "image",
        _(
            "The image %(image)s cannot be started, because its runtime cannot be told %(word)s."
            " Choose another environment, and tell the administrators."
        ),
        image=image.name,
        word=repr(word)[:200],
    )
