"""Lists of packages that are written down: lock files and ``@EXPLICIT`` lists, for py-rattler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rattler import Gateway, Subdir
from rattler.lock import LockChannel, LockFile, LockPlatform
from rattler.package import BuildString
from rattler.repo_data import PackageRecord, RepoDataRecord

__all__ = [
    "DamagedError",
    "WrittenError",
    "check_archives",
    "complete",
    "explicit_records",
    "lock_records",
    "write_lock",
]


class WrittenError(Exception):
    """A list that cannot be used as it stands."""


class DamagedError(Exception):
    """An archive that is not what the channel lists."""


def check_archives(records: Sequence[RepoDataRecord]) -> None:
    """Check the archives of channels that are folders: py-rattler only checks what it downloads.

    Raises
    ------
    DamagedError
        Naming the first one whose contents are others than listed.
    """
    for record in records:
        address = urlsplit(record.url)
        path = Path(unquote(address.path))
        if address.scheme != "file" or record.sha256 is None or not path.is_file():
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != record.sha256:
                raise DamagedError(f"hash mismatch: {record.url} is not what its channel lists")


def write_lock(path: Path, channels: Sequence[str], platform: str, records: list[RepoDataRecord]) -> None:
    """Write a lock file for one platform."""
    lock_platform = LockPlatform(platform)
    lock = LockFile([lock_platform])
    lock.set_channels("default", [LockChannel(url) for url in channels])
    for record in records:
        lock.add_conda_package("default", lock_platform, record)
    lock.to_path(path)


def lock_records(path: Path, platform: str) -> list[RepoDataRecord]:
    """Return what a lock file has for a platform."""
    environment = LockFile.from_path(path).default_environment()
    if environment is None:
        raise WrittenError("it has no environment named default")
    for one in environment.platforms():
        if one.name == platform:
            return environment.conda_repodata_records_for_platform(one) or []
    known = ", ".join(one.name for one in environment.platforms())
    raise WrittenError(f"it is for {known}, not for {platform}")


async def explicit_records(text: str, gateway: Gateway) -> tuple[list[RepoDataRecord], set[str]]:
    """Return what an ``@EXPLICIT`` list names, completed with what the channels know.

    The names of those that no channel knows (any more) come as well; `complete` tends to them.
    """
    lines = (line.strip() for line in text.splitlines())
    urls = dict(line.partition("#")[::2] for line in lines if line and line[0] not in "#@")
    known = await _known(urls, gateway)
    records, incomplete = [], set()
    for url, digest in urls.items():
        record = known.get(url)
        if record is None:
            record = _bare(url)
            incomplete.add(record.name.normalized)
        _pin(record, digest)
        records.append(record)
    return records, incomplete


async def _known(urls: dict[str, str], gateway: Gateway) -> dict[str, RepoDataRecord]:
    by_channel: dict[tuple[str, str], set[str]] = {}
    for url in urls:
        channel, subdir, file = url.rsplit("/", 2)
        by_channel.setdefault((channel, subdir), set()).add(_parts(file)[0])
    known: dict[str, RepoDataRecord] = {}
    for (channel, subdir), names in by_channel.items():
        try:
            found = await gateway.query([channel], [Subdir(subdir)], sorted(names), recursive=False)
        except Exception:  # noqa: S112 - the packages may be in the cache all the same
            continue
        known |= {record.url: record for records in found for record in records}
    return known


def _bare(url: str) -> RepoDataRecord:
    channel, subdir, file = url.rsplit("/", 2)
    name, version, build = _parts(file)
    number = build.rpartition("_")[2]
    package = PackageRecord(
        name, version, BuildString(build), int(number) if number.isdecimal() else 0, subdir
    )
    return RepoDataRecord(package, file, url, channel)


def _parts(file: str) -> tuple[str, str, str]:
    stem = unquote(file).removesuffix(".conda").removesuffix(".tar.bz2")
    parts = stem.rsplit("-", 2)
    if len(parts) != 3:
        raise WrittenError(f"{file} is not the name of a package")
    return parts[0], parts[1], parts[2]


def _pin(record: RepoDataRecord, digest: str) -> None:
    """Have the package checked against the hash that the list gives."""
    sha256 = digest.removeprefix("sha256:")
    if len(sha256) == 64:
        wanted, known = bytes.fromhex(sha256), record.sha256
        record.sha256 = wanted
    elif len(digest) == 32:
        wanted, known = bytes.fromhex(digest), record.md5
        record.md5 = wanted
    else:
        return
    if known is not None and known != wanted:
        raise WrittenError(f"the channel has another {record.file_name} now: its hash is not the one given")


def complete(prefix: Path, packages: Path, names: set[str]) -> None:
    """Fill in the records of packages of which only the address was known, from the packages themselves."""
    for path in (prefix / "conda-meta").glob("*.json"):
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["name"] in names:
            stem = str(record["fn"]).removesuffix(".conda").removesuffix(".tar.bz2")
            index = json.loads((packages / stem / "info" / "index.json").read_text(encoding="utf-8"))
            path.write_text(json.dumps({**index, **record, "depends": index.get("depends", [])}, indent=2))
