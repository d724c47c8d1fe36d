"""What the worker does with py-rattler; see `environments.worker`, whose process this is part of.

Requests and results are JSON; `environments.rattler_engine` makes the ones and reads the others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from rattler import Client, Gateway, MatchSpec, PrefixRecord, Subdir, VirtualPackage, VirtualPackageOverrides
from rattler import install as rattler_install
from rattler import solve as rattler_solve
from rattler.exceptions import SolverError
from rattler.package import BuildString, PackageName
from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode
from rattler.repo_data import RepoDataRecord
from rattler.version import Version
from rattler.virtual_package import GenericVirtualPackage, Override

from environments import history, keeping
from environments.lending import Asked, borrow
from environments.reporting import Reporter
from environments.written import (
    DamagedError,
    check_archives,
    complete,
    explicit_records,
    lock_records,
    write_lock,
)

__all__ = ["do_fill", "do_solve"]

Request = dict[str, Any]
Say = Callable[[dict[str, Any]], None]

# A limit for a whole request, so for the largest package on the slowest line; hanging is noticed elsewhere.
REQUEST_SECONDS: Final = 3600
RETRIES: Final = 3


async def do_solve(request: Request, say: Say) -> dict[str, Any]:
    """Choose packages; write a lock file of them when asked to."""
    say({"progress": {"step": "solve"}})
    records = await _solve(request, _gateway(request), request["specs"], [])
    if request.get("out"):
        write_lock(Path(request["out"]), request["channels"], _platform(request), records)
    return {"records": [_as_json(record) for record in records]}


async def do_fill(request: Request, say: Say) -> dict[str, Any]:
    """Make a prefix; nothing when the one that is kept already holds the same."""
    say({"progress": {"step": "solve"}})
    records, requested, incomplete = await _chosen(request, _gateway(request))
    keep = request.get("keep")
    if (
        keep
        and not (request["validate"] or request["anew"])
        and _same(records, keeping.read_kept(Path(keep)))
    ):
        return {"packages": len(records), "unchanged": True}
    packages = Path(request["packages"])
    if request.get("shared"):
        await _borrow(packages, Path(request["shared"]), records, say)
    await _install(request, packages, records, requested, say)
    _check_records(Path(request["prefix"]), records)
    complete(Path(request["prefix"]), packages, incomplete)
    return {"packages": len(records), "requested": requested}


async def _chosen(request: Request, gateway: Gateway) -> tuple[list[RepoDataRecord], list[str], set[str]]:
    """Return the packages, what of them was asked for, and the names of those of which little is known."""
    if request.get("lock"):
        records, incomplete = await _written(Path(request["lock"]), _platform(request), gateway)
        return records, list(request["requested"]), incomplete
    if not request.get("keep"):
        return await _solve(request, gateway, request["specs"], []), list(request["specs"]), set()
    return await _changed(request, gateway)


def _written(
    path: Path, platform: str, gateway: Gateway
) -> Coroutine[None, None, tuple[list[RepoDataRecord], set[str]]]:
    text = path.read_text(encoding="utf-8")
    return explicit_records(text, gateway) if "@EXPLICIT" in text else _locked(path, platform)


async def _locked(path: Path, platform: str) -> tuple[list[RepoDataRecord], set[str]]:
    return lock_records(path, platform), set()


async def _changed(request: Request, gateway: Gateway) -> tuple[list[RepoDataRecord], list[str], set[str]]:
    """Change as little as possible of what is kept."""
    kept = keeping.read_kept(Path(request["keep"]))
    asked = history.read_requested(Path(request["keep"]))
    gone = keeping.what_goes(kept, request["remove"], asked)
    staying = [one for one in kept if one.name not in gone]
    requested = keeping.merged(asked, request["specs"], gone)
    locked = [PrefixRecord.from_path(one.record) for one in staying]
    if not request["specs"]:
        return list(locked), requested, set()
    everything = keeping.merged([one.name for one in staying], requested)
    try:
        return await _solve(request, gateway, everything, locked), requested, set()
    except SolverError:
        # Something that nobody asked for may have to go. If that does not help either, this one's text names
        # only what people know.
        if not asked:
            raise
        return await _solve(request, gateway, requested, locked), requested, set()


async def _solve(
    request: Request, gateway: Gateway, specs: list[str], locked: list[PrefixRecord]
) -> list[RepoDataRecord]:
    platform = _platform(request)
    return await rattler_solve(
        sources=request["channels"],
        # As texts they would be read strictly, and name=version=build refused.
        specs=[MatchSpec(spec) for spec in specs],
        gateway=gateway,
        platforms=[Subdir(platform), Subdir("noarch")],
        locked_packages=locked,
        virtual_packages=_virtual(platform, request.get("cuda") or ""),
    )


async def _borrow(packages: Path, shared: Path, records: list[RepoDataRecord], say: Say) -> None:
    """Take what the site lends."""

    def tell(done: int, total: int, stem: str) -> None:
        counts = {"packages_total": len(records), "bytes_done": done, "bytes_total": total}
        say({"progress": {"step": "install", **counts, "current": stem}})

    asked = [Asked(_stem(record), record.sha256 or b"", record.size or 0) for record in records]
    await asyncio.to_thread(borrow, packages, shared, asked, tell)


async def _install(
    request: Request, packages: Path, records: list[RepoDataRecord], requested: list[str], say: Say
) -> None:
    layer = PackageCacheLayer(packages)
    if request.get("validate"):
        layer = layer.with_validation_mode(ValidationMode.full())
    layers = PackageCache.from_layers([layer])
    index = await layers.index()
    reporter: Any = Reporter(
        {record.name.normalized: record.size or 0 for record in records},
        {record.name.normalized for record in records if not index.contains_record(record)},
    )
    await asyncio.to_thread(
        check_archives, [one for one in records if request.get("validate") or not index.contains_record(one)]
    )
    with reporter.telling(lambda progress: say({"progress": progress})):
        await rattler_install(
            records,
            target_prefix=request["prefix"],
            package_cache=layers,
            # Private, but the public class is refused by this release.
            requested_specs=[MatchSpec(spec)._match_spec for spec in requested],
            execute_link_scripts=False,
            reporter=reporter,
            client=_client(),
            platform=Subdir(_platform(request)),
        )


def _check_records(prefix: Path, records: list[RepoDataRecord]) -> None:
    """Make sure that all records were written whole: on a full disk py-rattler may miss that one was not."""
    written = {one.name for one in keeping.read_kept(prefix)}
    if outside := keeping.leading_out(prefix):
        raise DamagedError(f"files that lead out of the environment: {', '.join(outside)}")
    if cut := {record.name.normalized for record in records} - written:
        raise DamagedError(f"records that were not written whole: {', '.join(sorted(cut))}")


def _client() -> Client:
    return Client.default_client(max_retries=RETRIES, timeout=REQUEST_SECONDS)


def _gateway(request: Request) -> Gateway:
    return Gateway(cache_dir=Path(request["repodata"]), client=_client())


def _platform(request: Request) -> str:
    return request.get("platform") or str(Subdir.current())


def _virtual(platform: str, cuda: str) -> list[GenericVirtualPackage]:
    """Return what is taken for given: this machine's C library, and the CUDA version of where it will run."""
    overrides = VirtualPackageOverrides(cuda=Override.string(cuda))
    found = [one.into_generic() for one in VirtualPackage.detect(overrides)]
    if platform == str(Subdir.current()):
        return found
    arch = platform.partition("-")[2]
    others = [one for one in found if one.name.normalized != "__archspec"]
    if arch == "64":
        arch = "x86_64"
    return [*others, GenericVirtualPackage(PackageName("__archspec"), Version("1"), BuildString(arch))]


def _same(records: list[RepoDataRecord], kept: list[keeping.Kept]) -> bool:
    return {_key(record) for record in records} == {one.key for one in kept}


def _key(record: RepoDataRecord) -> str:
    digest = record.sha256 or record.md5
    key = digest.hex() if digest else record.url
    return f"{record.name.normalized} {record.version} {record.build} {key}"


def _stem(record: RepoDataRecord) -> str:
    return record.file_name.removesuffix(".conda").removesuffix(".tar.bz2")


def _as_json(record: RepoDataRecord) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(record.to_json())
    return {**about, "url": record.url, "channel": record.channel, "fn": record.file_name}
