"""What the doctor looks at of environments: whether what the site's file names is there, and answers."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from environments import definitions, locking
from environments.clusters import profile as profiles
from environments.problems import Problem
from environments.reaching import silent
from environments.site import DEFAULT_PATH, Site, SiteError, load_site
from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level

__all__ = ["checks", "look", "profile_found", "queues_of"]

_AREA: Final = "environments"
_TIMEOUT: Final = 10.0  # seconds, for one program
_SECRET: Final = re.compile(r"://[^/@\s]+:[^/@\s]+@|(?i:password|secret|token)")


def checks(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield what is found of environments; nothing for a hub whose site has no file of them."""
    path = Path(environ.get("HPCHUB_ENVIRONMENTS") or DEFAULT_PATH)
    if "HPCHUB_ENVIRONMENTS" not in environ and not path.exists():
        return
    try:
        site = load_site(path)
    except SiteError as error:
        yield _fault("the file", str(error), "correct it; no environment can be made with it")
        return
    yield Finding(_AREA, "the file", Level.OK, str(path))
    if not path.stat().st_mode & 0o004:
        yield _fault("the file", f"{path} is not readable by all", f"chmod a+r {path}: jobs read it as users")
    yield from look(site)
    yield from profile_found(site, queues_of(configuration))


def look(site: Site) -> Iterator[Finding]:
    """Yield what is found of a site whose file was read."""
    yield from _variables(site)
    yield from _engine(site)
    yield from _channels(site)
    yield from _sets(site)
    yield from _folders(site)
    yield from _images(site)


def profile_found(site: Site, queues: Mapping[str, str] | None) -> Iterator[Finding]:
    """Yield what is found of IPyParallel's profile.

    Parameters
    ----------
    queues : mapping or None
        The partition of each queue; None where they are not known.
    """
    profile = site.plugins.profile
    if profile is None:
        return
    check = f"profile {profile.name}"
    if not profiles.wanted(site.plugins.specs):
        do = "add ipyparallel to the specs of [plugins], or take [plugins.profile] out"
        yield _warning(check, "ipyparallel is not among the plugins, so the profile is never made", do)
    if queues is None:
        return
    partition = queues.get(profile.queue)
    if partition is None:
        do = f"write one of {', '.join(sorted(queues))}"
        yield _fault(check, f"there is no queue {profile.queue} in the file of queues", do)
    elif partition != (profile.partition or profile.queue):
        do = f'write partition = "{partition}" in [plugins.profile]'
        yield _fault(check, f"the partition of the queue {profile.queue} is {partition}", do)
    else:
        yield Finding(_AREA, check, Level.OK, f"engines run in {profile.queue}")


def queues_of(configuration: Configuration) -> dict[str, str] | None:
    """Return the partition of each queue; what is wrong with their file is said by the room of queues."""
    path = configuration.config.get("SlurmGPUSpawner", {}).get("queues_file", "queues.toml")
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))["queues"]
        return {str(one["name"]): str(one.get("partition", one["name"])) for one in tables}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _fault(check: str, seen: str, do: str) -> Finding:
    return Finding(_AREA, check, Level.FAULT, seen, do)


def _warning(check: str, seen: str, do: str) -> Finding:
    return Finding(_AREA, check, Level.WARNING, seen, do)


def _variables(site: Site) -> Iterator[Finding]:
    for name, value in site.variables.items():
        if _SECRET.search(f"{name}={value}"):
            do = "take it out: this file and the jobs' environment are readable by users"
            yield _fault(f"variable {name}", "it looks like a password or token", do)


def _engine(site: Site) -> Iterator[Finding]:
    if site.engine == "rattler":
        yield Finding(_AREA, "engine", Level.OK, "rattler")
        return
    try:
        said = subprocess.run(
            [site.engine_program, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        do = f"write the path of {site.engine} as every node has it in engine_program"
        yield _fault("engine", f"{site.engine_program} --version failed: {error}", do)
    else:
        yield Finding(_AREA, "engine", Level.OK, f"{site.engine_program}: {said.stdout.strip()[:60]}")


def _channels(site: Site) -> Iterator[Finding]:
    addresses = site.all_channels().addresses
    if not addresses:
        yield _fault("channels", "the file names none", 'write channels = ["https://..."]')
    for address in addresses:
        platforms = {site.platform or site.platforms[0], "noarch"}
        missing = {platform: why for platform in sorted(platforms) if (why := silent(address, platform))}
        if not missing:
            yield Finding(_AREA, f"channel {address}", Level.OK, "answers")
        for platform, why in missing.items():
            do = "correct the address, or ask whoever serves it; noarch must be there even when it is empty"
            yield _fault(f"channel {address}", f"{platform}: {why}", do)


def _sets(site: Site) -> Iterator[Finding]:
    if not site.sets:
        yield _warning("sets", "the file names none, so nobody can Bootstrap", "write a table [[sets]]")
    for chosen in site.sets:
        try:
            definition = definitions.read(site, chosen)
        except Problem as problem:
            yield _fault(f"set {chosen.name}", str(problem.sentence), "write definition = ... of that set")
            continue
        yield Finding(_AREA, f"set {chosen.name}", Level.OK, str(definition.path))
    if site.locks is None:
        if site.sets:
            do = 'write locks = "/a/folder" and run hpchub env lock'
            yield _warning("locks", "the file names no folder, so every Bootstrap solves", do)
        return
    for chosen, platform, cuda in locking.plan(site):
        yield from _lock(site, site.locks / locking.lock_name(chosen.name, platform, cuda), chosen.name)


def _lock(site: Site, path: Path, set_name: str) -> Iterator[Finding]:
    chosen = site.set_named(set_name)
    check = f"lock {path.name}"
    if chosen is None or not path.is_file():
        yield _warning(
            check, f"{path} is not there", "run hpchub env lock; until then users solve themselves"
        )
        return
    said = locking.about(path)
    try:
        platform, cuda = str(said.get("platform", "")), str(said.get("cuda", ""))
        fresh = locking.is_fresh(site, chosen, platform, cuda, path)
    except Problem:
        return  # said of the set
    if not said:
        yield _warning(check, "it was not made by hpchub env lock", "run hpchub env lock")
    elif not fresh:
        yield _warning(check, "the definition or the channels have changed since", "run hpchub env lock")
    else:
        yield Finding(_AREA, check, Level.OK, f"{said.get('packages', 0)} packages")


def _folders(site: Site) -> Iterator[Finding]:
    if site.shared_cache is not None and not site.shared_cache.is_dir():
        yield _fault("shared cache", f"{site.shared_cache} is not there", "make it, or take shared_cache out")
    for shared in site.shared:
        check = f"shared {shared.name}"
        if not (shared.prefix / "conda-meta").is_dir():
            yield _fault(check, f"{shared.prefix} is no conda environment", "make it, or take its table out")
        elif not (shared.prefix / "bin" / "jupyterhub-singleuser").is_file():
            yield _fault(
                check, f"no notebook server is in {shared.prefix}", "install jupyterhub-singleuser in it"
            )
        else:
            yield Finding(_AREA, check, Level.OK, str(shared.prefix))


def _images(site: Site) -> Iterator[Finding]:
    for name, runtime in site.runtimes.items():
        program = runtime.command[0]
        if not program.startswith("/"):
            do = "write its absolute path: a job's PATH is the user's"
            yield _warning(f"runtime {name}", f"{program} is looked for on the PATH", do)
        elif not os.access(program, os.X_OK):
            do = "this may be right, if only the nodes have it; else install it"
            yield _warning(f"runtime {name}", f"{program} is not on this machine", do)
        else:
            yield Finding(_AREA, f"runtime {name}", Level.OK, program)
    for image in site.images:
        if image.path.startswith("/") and not Path(image.path).exists():
            yield _fault(f"image {image.name}", f"{image.path} is not there", "correct its path")
        else:
            yield Finding(_AREA, f"image {image.name}", Level.OK, image.path)
