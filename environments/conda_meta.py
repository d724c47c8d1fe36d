"""What a prefix's ``conda-meta`` says is installed, whoever wrote it: rattler, conda, mamba or micromamba."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from environments.found import others
from environments.problems import Problem
from environments.reading import read_bytes
from environments.shown import printable
from texts import mark as _

__all__ = ["PipPackage", "Record", "pip_packages", "records", "without_secrets"]

LARGEST: Final = 64 * 1024 * 1024
_TOKEN: Final = re.compile(r"/t/[^/]+(?=/)")
_WORD: Final = re.compile(r"[A-Za-z0-9_.!+*~-]*")
_HEX: Final = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Record:
    """One package.

    Attributes
    ----------
    url : str
        Where it came from, without whatever was secret in that; empty when it is not known.
    channel : str
        The URL's beginning, before the platform; empty when it is not known.
    requested : tuple of str
        The specs by which somebody asked for it; empty when it is only needed by others.
    file : Path
        The record itself.
    """

    name: str
    version: str
    build: str
    subdir: str
    url: str
    channel: str
    md5: str
    sha256: str
    requested: tuple[str, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class PipPackage:
    """One package that pip, or whatever is not conda, installed.

    Attributes
    ----------
    requirement : str
        What pip would install it by; empty when it came from a folder.
    origin : str
        The address or folder that it came from; empty for the Python index.
    """

    name: str
    version: str
    requirement: str
    origin: str = ""


def records(prefix: Path) -> list[Record]:
    """Return all packages, by name.

    Raises
    ------
    Problem
        When it is no environment, or one of its records cannot be read.
    """
    found = [_record(path) for path in (prefix / "conda-meta").glob("*.json")]
    if not found:
        raise Problem("unreadable", _("There are no packages of conda in %(prefix)s."), prefix=prefix.name)
    return sorted(found, key=lambda record: record.name)


def _record(path: Path) -> Record:
    try:
        raw: Mapping[str, Any] = json.loads(read_bytes(path, LARGEST) or b"")
        url = without_secrets(_text(raw, "url"))
        subdir = _text(raw, "subdir") or _of_url(url, 2)
        channel = url.rsplit("/", 2)[0] if url and _of_url(url, 2) == subdir else ""
        return Record(
            name=_word(raw["name"]),
            version=_word(raw["version"]),
            build=_word(_text(raw, "build") or _text(raw, "build_string")),
            subdir=subdir,
            url=url,
            channel=channel,
            md5=_hex(raw, "md5", 32),
            sha256=_hex(raw, "sha256", 64),
            requested=tuple(_requested(raw)),
            file=path,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Problem(
            "unreadable",
            _("The record %(file)s of this environment is damaged; Reset makes the environment anew."),
            file=path.name,
        ) from None


def _requested(raw: Mapping[str, Any]) -> Iterator[str]:
    # rattler writes a list; conda one text, which may be the word None.
    many = raw.get("requested_specs")
    one = raw.get("requested_spec")
    for spec in many if isinstance(many, list) and many else [one]:
        if isinstance(spec, str) and spec and spec != "None":
            yield spec


def _word(value: object) -> str:
    """Return what is one word that can be written into every file."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise TypeError
    return value


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _hex(raw: Mapping[str, Any], key: str, length: int) -> str:
    value = _text(raw, key).lower()
    return value if len(value) == length and _HEX.fullmatch(value) else ""


def _of_url(url: str, place: int) -> str:
    parts = url.rsplit("/", place)
    return parts[1] if len(parts) == place + 1 else ""


def without_secrets(url: str) -> str:
    """Return an address without user, password and anaconda's token; empty for what is no address.

    >>> without_secrets("https://me:secret@repo.example/t/tk-12/main/noarch/a-1-0.conda")
    'https://repo.example/main/noarch/a-1-0.conda'
    """
    # urlsplit would pass over the end of a line in silence.
    if not printable(url) or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, _TOKEN.sub("", parts.path), "", ""))


def pip_packages(prefix: Path) -> list[PipPackage]:
    """Return what is there besides conda's packages, by name."""
    return [_pip_package(prefix, one["name"], one["version"]) for one in others(prefix)]


def _pip_package(prefix: Path, name: str, version: str) -> PipPackage:
    """Look where it came from (https://packaging.python.org/en/latest/specifications/direct-url/)."""
    pinned = PipPackage(name, version, f"{name}=={version}")
    for path in prefix.glob(f"lib/python3.*/site-packages/{name}-{version}.dist-info/direct_url.json"):
        try:
            raw = json.loads(read_bytes(path, LARGEST) or b"")
            url = without_secrets(str(raw["url"]))
            vcs = raw.get("vcs_info")
            if not url:
                return pinned
            if vcs:
                where = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
                return PipPackage(name, version, f"{name} @ {where}", where)
            if url.startswith("file:"):
                return PipPackage(name, version, "", url)
            return PipPackage(name, version, f"{name} @ {url}", url)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return pinned
    return pinned
