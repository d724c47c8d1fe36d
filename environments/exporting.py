"""What a prefix holds, as a file for elsewhere: ``environment.yml``, an explicit list, a lock file.

Everything is read from the prefix alone. With a site, its mirrors are called what everybody calls them, so
that the file can be used elsewhere; read by `environments.importing`, it means the same packages here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from environments.conda_meta import Record, pip_packages, records
from environments.explicit import Listed, written
from environments.history import read_requested
from environments.names import check_environment
from environments.problems import Problem
from environments.shown import printable, shown
from environments.specs import package_of
from texts import mark as _

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["FILENAMES", "export", "listed_packages", "platform_of"]

FILENAMES: Final = {
    "yml": "environment.yml",
    "requested": "environment.yml",
    "explicit": "explicit.txt",
    "lock": "pixi.lock",
}
"""The formats, and what their files are called."""


def export(prefix: Path, kind: str, name: str = "", site: Site | None = None) -> str:
    """Return the text of a file from which the environment can be made again.

    Parameters
    ----------
    kind : str
        ``yml``: every package with its version and build; ``requested``: only what was asked for, so that
        newer versions may be chosen elsewhere; ``explicit``: every package's address, for the same platform;
        ``lock``: the same with all that channels say of them. Only the first two can name pip's packages.
    name : str
        What the environment is called in it; the prefix's folder when empty.
    site : Site or None
        Whose mirrors get their public names.

    Raises
    ------
    Problem
        When the prefix holds no environment, or nothing is known of where a package came from.
    """
    writers: Mapping[str, Callable[[Path, str, Site | None], str]] = {
        "yml": lambda *about: _yml(*about, pinned=True),
        "requested": lambda *about: _yml(*about, pinned=False),
        "explicit": _explicit,
        "lock": _lock,
    }
    if kind not in writers:
        raise Problem(
            "request",
            _("There is no format %(format)s; there are: %(known)s."),
            format=shown(kind),
            known=", ".join(FILENAMES),
        )
    return writers[kind](prefix, name or prefix.name, site)


def _yml(prefix: Path, name: str, site: Site | None, *, pinned: bool) -> str:
    there = records(prefix)
    asked = [_spec(spec, site) for spec in _requested(prefix, there) if printable(spec)]
    if pinned or not asked:
        asked = [f"{one.name}={one.version}={one.build}" for one in there]
    pip = pip_packages(prefix)
    dependencies: list[Any] = [*asked]
    if wanted := [one.requirement for one in pip if one.requirement and printable(one.requirement)]:
        dependencies += [] if any(one.name == "pip" for one in there) or pinned else ["pip"]
        dependencies.append({"pip": wanted})
    channels = dict.fromkeys(
        site.all_channels().called(one.channel) if site else one.channel for one in there if one.channel
    )
    document = {"name": _usable(name), "channels": [*channels], "dependencies": dependencies}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    left_out = [
        f"# {one.name} {one.version} was installed from a folder, and is not in here\n"
        for one in pip
        if not one.requirement
    ]
    return "".join([text, *left_out])


def _requested(prefix: Path, there: list[Record]) -> list[str]:
    """Return what somebody asked for: the history knows best, as all engines write it."""
    asked = [spec for spec in read_requested(prefix) if package_of(spec) in {one.name for one in there}]
    return asked or [spec for one in there for spec in one.requested]


def _spec(spec: str, site: Site | None) -> str:
    """Return a spec with what its channel is called elsewhere."""
    channel, colons, rest = spec.rpartition("::")
    return f"{site.all_channels().called(channel)}::{rest}" if site and colons else spec


def _usable(name: str) -> str:
    try:
        check_environment(name)
    except Problem:
        return "notebook"
    return name


def listed_packages(prefix: Path, site: Site | None = None) -> list[Listed]:
    """Return every package with its address, the public one where the site mirrors a channel of all.

    Raises
    ------
    Problem
        When it is not known where a package came from.
    """
    there = records(prefix)
    if unknown := [one.name for one in there if not one.url]:
        raise Problem(
            "unreadable",
            _(
                "It is not known where these packages came from: %(names)s. Export an environment.yml "
                "instead."
            ),
            names=", ".join(unknown[:10]),
        )
    return [Listed(_public_url(one, site), one.md5, one.sha256) for one in there]


def _public_url(one: Record, site: Site | None) -> str:
    public = site.all_channels().public(one.channel) if site and one.channel else None
    return f"{public}{one.url[len(one.channel) :]}" if public else one.url


def platform_of(prefix: Path) -> str:
    """Return conda's subdir that the environment was made for; linux-64 when all of it runs everywhere."""
    return next((one.subdir for one in records(prefix) if one.subdir not in ("", "noarch")), "linux-64")


def _explicit(prefix: Path, name: str, site: Site | None) -> str:
    about = [f"environment {_usable(name)}; conda create --name NAME --file THIS FILE makes it again"]
    if pip := pip_packages(prefix):
        words = ", ".join(f"{one.name} {one.version}" for one in pip)
        about.append(f"not in here, for pip installed them: {shown(words, 2000)}")
    return written(listed_packages(prefix, site), platform_of(prefix), about)


def _lock(prefix: Path, _name: str, site: Site | None) -> str:
    """Have rattler write it; only this format needs it, and it is imported for it alone."""
    from rattler import LockChannel, LockFile, LockPlatform, PrefixRecord

    listed_packages(prefix)  # an address is missing: said here, and not by rattler
    there = records(prefix)
    platform = LockPlatform(platform_of(prefix))
    file = LockFile([platform])
    with tempfile.TemporaryDirectory() as folder:
        copies = [_copy(one, site, Path(folder)) for one in there]
        channels = dict.fromkeys(channel for _path, channel in copies)
        file.set_channels("default", [LockChannel(channel) for channel in channels])
        for path, _channel in copies:
            file.add_conda_package("default", platform, PrefixRecord.from_path(path))
        made = Path(folder) / "pixi.lock"
        file.to_path(made)
        return made.read_text(encoding="utf-8")


def _copy(one: Record, site: Site | None, folder: Path) -> tuple[Path, str]:
    """Write a package's record as others may see it; return its path, and its channel for others."""
    url = _public_url(one, site)
    channel = url.rsplit("/", 2)[0]
    raw: dict[str, Any] = json.loads(one.file.read_bytes())
    raw |= {"url": url, "channel": channel, "files": [], "paths_data": {"paths_version": 1, "paths": []}}
    path = folder / one.file.name
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path, channel
