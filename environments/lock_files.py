"""Lock files of others: what one of them says is to be installed on a platform.

Read are ``pixi.lock`` (rattler-lock) of the versions 4 to 7 and ``conda-lock.yml`` of version 1, which
between them are what pixi, rattler, conda-lock and micromamba write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from environments.careful_yaml import Value
from environments.explicit import Listed
from environments.problems import Problem
from environments.shown import shown
from texts import mark as _

__all__ = ["packages_of"]

_DIGEST: Final = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}


def packages_of(raw: Value, platform: str) -> tuple[list[Listed], list[str]]:
    """Return the packages for a platform, and what is to be had from the Python index.

    Of several environments in a pixi.lock, ``default`` is meant, or the only one.

    Raises
    ------
    Problem
        When it is no such lock file, or has nothing for that platform.
    """
    document = _mapping(raw)
    version = document.get("version")
    if "package" in document and version == "1":
        return _conda_lock(document, platform)
    if "packages" in document and version in ("4", "5", "6", "7"):
        return _pixi_lock(document, platform)
    raise Problem(
        "import",
        _(
            "The file is not a lock file that is read here: pixi.lock of version 4 to 7, or conda-lock.yml "
            "of version 1."
        ),
    )


def _mapping(value: Value) -> Mapping[str, Value]:
    if not isinstance(value, dict):
        raise Problem("import", _("The file is not a lock file: %(what)s is missing."), what="packages")
    return value


def _entries(value: Value) -> Iterator[Mapping[str, Value]]:
    if not isinstance(value, list):
        raise Problem("import", _("The file is not a lock file: %(what)s is missing."), what="packages")
    yield from (_mapping(one) for one in value)


def _word(entry: Mapping[str, Value], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _digest(entry: Mapping[str, Value], kind: str) -> str:
    value = _word(entry, kind).lower()
    if value and not _DIGEST[kind].fullmatch(value):
        raise Problem("import", _("%(digest)s in the file is no %(kind)s."), digest=shown(value), kind=kind)
    return value


def _listed(url: str, entry: Mapping[str, Value]) -> Listed:
    # rattler writes what lies below a file:// channel as a path.
    url = f"file://{quote(url)}" if url.startswith("/") else url
    return Listed(url, _digest(entry, "md5"), _digest(entry, "sha256"))


def _conda_lock(document: Mapping[str, Value], platform: str) -> tuple[list[Listed], list[str]]:
    packages: list[Listed] = []
    pip: list[str] = []
    platforms: dict[str, None] = {}
    for entry in _entries(document["package"]):
        platforms[_word(entry, "platform")] = None
        if _word(entry, "platform") != platform or _word(entry, "category") not in ("", "main"):
            continue
        if _word(entry, "manager") == "conda":
            digests = entry.get("hash")
            packages.append(_listed(_word(entry, "url"), digests if isinstance(digests, dict) else {}))
        else:
            pip.append(f"{_word(entry, 'name')}=={_word(entry, 'version')}")
    if not packages:
        raise _nothing_for(platform, platforms)
    return packages, pip


def _pixi_lock(document: Mapping[str, Value], platform: str) -> tuple[list[Listed], list[str]]:
    about: dict[tuple[str, str], Mapping[str, Value]] = {}
    for entry in _entries(document["packages"]):
        kind = "pypi" if "pypi" in entry or _word(entry, "kind") == "pypi" else "conda"
        about[kind, _word(entry, kind) or _word(entry, "url")] = entry
    packages: list[Listed] = []
    pip: list[str] = []
    for chosen in _entries(_chosen(document, platform)):
        if url := _word(chosen, "conda"):
            packages.append(_listed(url, about.get(("conda", url), {})))
        elif url := _word(chosen, "pypi"):
            entry = about.get(("pypi", url), {})
            pip.append(f"{_word(entry, 'name')}=={_word(entry, 'version')}" if _word(entry, "name") else url)
    return packages, pip


def _chosen(document: Mapping[str, Value], platform: str) -> Value:
    """Return the list of one environment's packages for the platform."""
    environments = _mapping(document.get("environments"))
    name = "default" if "default" in environments or not environments else next(iter(environments))
    if name != "default" and len(environments) > 1:
        raise Problem(
            "import",
            _("The file has several environments, none of them named default: %(names)s."),
            names=", ".join(shown(one) for one in list(environments)[:20]),
        )
    by_platform = _mapping(_mapping(environments.get(name)).get("packages"))
    if platform not in by_platform:
        raise _nothing_for(platform, by_platform)
    return by_platform[platform]


def _nothing_for(platform: str, there: Mapping[str, object]) -> Problem:
    return Problem(
        "import",
        _("The file has no packages for %(platform)s; it has some for: %(there)s."),
        platform=platform,
        there=", ".join(shown(one) for one in list(there)[:20]) or "-",
    )
