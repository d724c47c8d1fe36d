"""Whether hub, service and helper mean the same by environments: each of them has settings of its own."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from environments.site import DEFAULT_PATH, Site, SiteError, load_site
from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level
from queues.policy import PolicyError, load_policy
from spawner.settings import SpawnerSettings

__all__ = ["checks"]

_AREA: Final = "environments"
_TIMEOUT: Final = 20.0  # seconds; as the helper waits
_WHERE: Final = "in the hub's environment (/etc/hpchub/environment)"


class _Same(NamedTuple):
    """A setting of the service that has to say what one of the spawner says."""

    variable: str
    trait: str
    else_: str = ""


_SAME: Final = (
    _Same("HPCHUB_ENVIRONMENTS", "environments_file"),
    _Same("HPCHUB_ACTS_AS_USER", "acts_as_user"),
    _Same("HPCHUB_HUB_NAME", "hub_name", "hpchub"),
    _Same("HPCHUB_QUEUES", "queues_file"),
)


def checks(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield what does not fit together; nothing for a hub without environments."""
    spawner = _spawner(configuration)
    service = _service(configuration)
    if service is None and not spawner["environments_file"]:
        return
    if service is None:
        do = f"write HPCHUB_ENVIRONMENTS={spawner['environments_file']} {_WHERE}"
        if "HPCHUB_ENVIRONMENTS" in environ:
            do = "keep the services of jupyterhub_config.py: add to JupyterHub.services, do not replace it"
        yield _fault("the service", "the form offers environments, but “My environments” is no service", do)
    else:
        yield from _compared(spawner, service["environment"])
        yield from _address(configuration, str(service.get("url", "")))
        yield from _jobs(service["environment"])
    path = Path(spawner["environments_file"] or environ.get("HPCHUB_ENVIRONMENTS") or DEFAULT_PATH)
    try:
        site = load_site(path)
    except SiteError:
        return  # told by environments.checks_site
    yield from _queue(site, Path(spawner["queues_file"]))
    yield from _helper(spawner, site, path)


def _spawner(configuration: Configuration) -> dict[str, str]:
    """Return the spawner's settings, as the site's file or else the class has them."""
    said = configuration.config.get("SlurmGPUSpawner", {})
    traits = SpawnerSettings.class_traits()
    names = [*(one.trait for one in _SAME), "workspace"]
    return {name: str(said.get(name, traits[name].default())) for name in names}


def _service(configuration: Configuration) -> dict[str, Any] | None:
    for one in configuration.listed("JupyterHub", "services"):
        if isinstance(one, dict) and one.get("name") == "environments":
            return {**one, "environment": one.get("environment") or {}}
    return None


def _compared(spawner: Mapping[str, str], told: Mapping[str, str]) -> Iterator[Finding]:
    wrong = False
    for variable, trait, else_ in _SAME:
        theirs, ours = str(told.get(variable, else_)), spawner[trait]
        if theirs == ours or (variable == "HPCHUB_QUEUES" and not ours.startswith("/")):
            continue
        wrong = True
        setting = f"SlurmGPUSpawner.{trait}"
        seen = f"{variable} is {theirs or 'not set'}, and {setting} is {ours or 'not set'}"
        if not ours:
            yield _fault(
                variable, seen, f'write c.{setting} = "{theirs}": without it the form has no such field'
            )
        else:
            yield _fault(variable, seen, f'write {variable}="{ours}" {_WHERE}, or correct {setting}')
    if not wrong:
        yield _fine("hub and service", "both have the same file, helper, name and queues")


def _address(configuration: Configuration, url: str) -> Iterator[Finding]:
    secure = bool(configuration.config.get("JupyterHub", {}).get("internal_ssl", False))
    if url and url.startswith("https:") != secure:
        right = ("https" if secure else "http") + url[url.find(":") :]
        seen = f"it is {url}, and JupyterHub.internal_ssl is {secure}"
        yield _fault("HPCHUB_ENVIRONMENTS_SERVICE_URL", seen, f"write {right}: the service does not start so")


def _jobs(told: Mapping[str, str]) -> Iterator[Finding]:
    for variable in ("HPCHUB_JOB_PYTHON", "HPCHUB_JOB_RUNNER"):
        path = told.get(variable, "")
        if path and not Path(path).is_file():
            do = "this may be right, if only the nodes have it; else correct it"
            yield Finding(_AREA, variable, Level.WARNING, f"{path} is not on this machine", do)


def _queue(site: Site, queues: Path) -> Iterator[Finding]:
    try:
        policy = load_policy(queues)
    except PolicyError:
        return  # told by queues.checks
    if policy.queue(site.queue) is None:
        names = ", ".join(one.name for one in policy.queues)
        do = f"write one of {names}: without it no environment can be made"
        yield _fault("queue", f'queue = "{site.queue}" is not in {queues}', do)
    else:
        yield _fine("queue", site.queue)


def _helper(spawner: Mapping[str, str], site: Site, path: Path) -> Iterator[Finding]:
    """Look at the helper's own settings, which stand beside it and which everybody may read."""
    try:
        program = Path(shlex.split(spawner["acts_as_user"])[-1])
        file = program.with_name(program.name.removesuffix(".py") + ".json")
    except (ValueError, IndexError):
        return  # told by spawner.checks
    check = f"helper {file.name}"
    try:
        settings = dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", "") or f"it is no JSON object ({error})"
        do = "install the helper and its settings where SlurmGPUSpawner.acts_as_user says, readable by all"
        yield _fault(check, f"{file} cannot be read: {why}", do)
        return
    found = [*_its_file(check, settings, path), *_its_workspace(check, settings, site, spawner["workspace"])]
    yield from found or [_fine(check, "it means the same file and the same workspace")]
    yield from _its_command(check, settings, file)


def _its_file(check: str, settings: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    command, said = settings.get("environments"), settings.get("environment")
    given = str((said if isinstance(said, dict) else {}).get("HPCHUB_ENVIRONMENTS", DEFAULT_PATH))
    if given != str(path):
        seen = f"jobs and answers take {given}, and the hub takes {path}"
        yield _fault(check, seen, f'write "environment": {{"HPCHUB_ENVIRONMENTS": "{path}"}} there')
    words = [str(word) for word in command] if isinstance(command, list) else []
    if "--site" in words[:-1] and (named := words[words.index("--site") + 1]) != str(path):
        seen = f"answers take {named}, and the hub takes {path}"
        yield _fault(check, seen, "take --site out of its command, or correct it")


def _its_workspace(check: str, settings: Mapping[str, Any], site: Site, workspace: str) -> Iterator[Finding]:
    theirs = str(settings.get("workspace", ""))
    if "{username}" in workspace and theirs != workspace.replace("{username}", "{user}"):
        seen = f"its workspace is {theirs or 'not set'}, and SlurmGPUSpawner.workspace is {workspace}"
        yield _fault(check, seen, "write the same folder in both: a server shows what the helper has made")
    if theirs and site.workspace != theirs and "{home}" not in theirs:
        seen = f"workspace is {site.workspace} in environments.toml, and {theirs} for the helper"
        yield _fault(check, seen, "write the same folder in both: “Take it with me” copies from it")


def _its_command(check: str, settings: Mapping[str, Any], file: Path) -> Iterator[Finding]:
    """Ask the command as the helper does, but as whoever runs this: it only reads."""
    command = settings.get("environments")
    do = 'write "environments": ["PYTHON", "-I", "SRC/environments/run.py", "answer"], with hpchub\'s Python'
    if not isinstance(command, list) or not command:
        yield _fault(check, f"{file} has no command for environments", do)
        return
    if not _is_roots(file):
        # The helper refuses such a file; and what anybody could have written is not run here.
        yield _fault(check, f"others than root may write {file}", f"chown root {file}; chmod 644 {file}")
        return
    said = settings.get("environment")
    own = {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}
    answer, why = _answer([str(word) for word in command], own)
    if "environments" in answer:
        yield _fine("helper's command", shlex.join(map(str, command)))
    else:
        yield _fault(check, f"its command for environments does not answer: {why[:300]}", do)


def _answer(command: list[str], own: Mapping[str, str]) -> tuple[Mapping[str, Any], str]:
    """Return the answer to “which are there?”, and why it is none."""
    question = json.dumps({"ask": "list"})
    env = {"PATH": "/usr/bin:/bin", **own}
    try:
        done = subprocess.run(
            command,
            input=question,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            env=env,
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return {}, str(error)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    if not isinstance(answer, dict):
        return {}, "it is no JSON object"
    problem = answer.get("problem")
    return answer, str(problem.get("msgid", "") if isinstance(problem, dict) else "it says something else")


def _is_roots(file: Path) -> bool:
    status = file.stat()
    return status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _fault(check: str, seen: str, do: str) -> Finding:
    return Finding(_AREA, check, Level.FAULT, seen, do)


def _fine(check: str, seen: str) -> Finding:
    return Finding(_AREA, check, Level.OK, seen)
