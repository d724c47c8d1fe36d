"""A conda package as a file: the ``.conda`` format, in its second version.

An uncompressed zip of ``metadata.json``, ``pkg-STEM.tar.zst`` (the files) and ``info-STEM.tar.zst`` (what
they are), as conda-package-handling writes it. The same contents always give the same bytes, so that a
package which is made again is the one that users have in their caches already.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import zstandard

__all__ = ["PLACEHOLDER", "Entry", "Package", "write"]

PLACEHOLDER: Final = "/opt/prefix_of_the_environment_which_is_written_here_when_a_package_is_installed"

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a package.

    Attributes
    ----------
    path : str
        Below the prefix.
    modified : int
        Unix seconds.
    link : str
        Where a symbolic link leads to; empty for a file.
    text_prefix : bool
        Whether `PLACEHOLDER` stands in the content, for the prefix.
    """

    path: str
    content: bytes = b""
    executable: bool = False
    modified: int = 0
    link: str = ""
    text_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A package's record and its files.

    Attributes
    ----------
    noarch : str
        ``python``, ``generic``, or empty for one platform's.
    entry_points : tuple of str
        For noarch python: the commands that the installer makes, ``NAME = MODULE:FUNCTION``.
    extra : mapping
        Further keys of ``index.json``.
    """

    name: str
    version: str
    build: str
    subdir: str
    depends: tuple[str, ...]
    entries: tuple[Entry, ...]
    noarch: Literal["python", "generic", ""] = ""
    entry_points: tuple[str, ...] = ()
    license: str = ""
    summary: str = ""
    home: str = ""
    extra: Mapping[str, Any] | None = None

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"


def write(package: Package, channel: Path) -> Path:
    """Write the package into its folder of the channel; return the file."""
    files = sorted(package.entries, key=lambda entry: entry.path)
    path = channel / package.subdir / f"{package.stem}.conda"
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {
        "metadata.json": json.dumps({"conda_pkg_format_version": 2}).encode(),
        f"pkg-{package.stem}.tar.zst": _archive(files),
        f"info-{package.stem}.tar.zst": _archive(_info(package, files)),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    path.chmod(0o644)
    return path


def _archive(entries: Iterable[Entry]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.mtime = entry.modified
            member.mode = 0o755 if entry.executable else 0o644
            if entry.link:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
                archive.addfile(member)
            else:
                member.size = len(entry.content)
                archive.addfile(member, io.BytesIO(entry.content))
    return zstandard.ZstdCompressor(_LEVEL).compress(raw.getvalue())


def _info(package: Package, files: Sequence[Entry]) -> list[Entry]:
    about = {"license": package.license, "summary": package.summary, "home": package.home}
    documents = {
        "info/index.json": _json(_index(package)),
        "info/about.json": _json({key: value for key, value in about.items() if value}),
        "info/paths.json": _json({"paths": [_path(entry, files) for entry in files], "paths_version": 1}),
        "info/files": "".join(f"{entry.path}\n" for entry in files).encode(),
    }
    if package.noarch == "python":
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        documents["info/link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
    if prefixed := [entry.path for entry in files if entry.text_prefix]:
        documents["info/has_prefix"] = "".join(f"{PLACEHOLDER} text {path}\n" for path in prefixed).encode()
    modified = _newest(files)
    return [Entry(path, content, modified=modified) for path, content in documents.items()]


def _index(package: Package) -> dict[str, Any]:
    index: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": 0,
        "depends": list(package.depends),
        "license": package.license,
        "subdir": package.subdir,
        "timestamp": _newest(package.entries) * 1000,
    }
    if package.noarch:
        index["noarch"] = package.noarch
    else:
        system, _, processor = package.subdir.partition("-")
        index |= {"platform": system, "arch": "x86_64" if processor == "64" else processor}
    return {**index, **(package.extra or {})}


def _newest(files: Sequence[Entry]) -> int:
    return max((entry.modified for entry in files), default=0) or 1_000_000_000


def _path(entry: Entry, files: Sequence[Entry]) -> dict[str, Any]:
    """Return what ``paths.json`` says of one file; of a link, what it leads to, as conda-build does."""
    content: bytes | None = entry.content
    if entry.link:
        folder = entry.path.rpartition("/")[0]
        target = f"{folder}/{entry.link}"
        content = next((one.content for one in files if one.path == target), None)
    said: dict[str, Any] = {"_path": entry.path, "path_type": "softlink" if entry.link else "hardlink"}
    if content is not None:
        said |= {"sha256": hashlib.sha256(content).hexdigest(), "size_in_bytes": len(content)}
    if entry.text_prefix:
        said |= {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
    return said


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode()
