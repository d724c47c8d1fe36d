"""A wheel becomes a conda package."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from demo.channel.package import PLACEHOLDER, Entry, Package
from demo.channel.requirements import Requires, conda_name, conda_version, depends
from demo.channel.target import SITE_PACKAGES, VERSION, Target, glibc_of, is_pure

__all__ = ["Wheel", "WheelError", "entry_points", "to_package", "with_files"]

# A command, for packages that bring theirs as files.
_COMMAND = f"""#!{PLACEHOLDER}/bin/python
import sys

from {{module}} import {{first}}

if __name__ == "__main__":
    sys.exit({{function}}())
"""


class WheelError(Exception):
    """A file is no wheel that can be converted; the text names it and says why."""


@dataclass(frozen=True)
class Wheel:
    """A wheel file and what it says of itself."""

    path: Path
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    metadata: Message
    requirements: tuple[Requirement, ...]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Wheel:
        """Read a wheel.

        Raises
        ------
        WheelError
            When it is not one.
        """
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
            with zipfile.ZipFile(path) as archive:
                text = archive.read(_member(archive, "METADATA"))
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise WheelError(f"{path} is not a wheel: {error}; remove it, and it is fetched again") from None
        metadata = BytesParser().parsebytes(text)
        requirements = tuple(Requirement(line) for line in metadata.get_all("Requires-Dist", []))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path, name, version, tags, metadata, requirements, digest)

    @cached_property
    def pure(self) -> bool:
        return is_pure(self.tags)

    def said(self, field: str) -> str:
        """Return one line of the metadata; empty when it has none."""
        return str(self.metadata.get(field, "")).strip()


def to_package(wheel: Wheel, requires: Requires, target: Target, converter: str) -> Package:
    """Return the wheel as a package, its files not read yet; `with_files` does that.

    Parameters
    ----------
    requires : mapping
        What all distributions of the channel require, for extras.
    converter : str
        Changes with the converter's code. A package's build names it, so that a file name stands for the
        same contents for ever.
    """
    needed = (*_python(wheel), *depends(wheel.name, requires, target))
    mark = hashlib.sha256("\n".join([wheel.sha256, converter, *needed]).encode()).hexdigest()[:8]
    return Package(
        name=conda_name(wheel.name),
        version=str(wheel.version),
        build=f"pyh{mark}_0" if wheel.pure else f"py{VERSION.replace('.', '')}h{mark}_0",
        subdir="noarch" if wheel.pure else target.subdir,
        depends=needed,
        entries=(),
        noarch="python" if wheel.pure else "",
        license=wheel.said("License-Expression") or wheel.said("License").partition("\n")[0],
        summary=wheel.said("Summary"),
        home=_home(wheel.metadata),
    )


def with_files(package: Package, wheel: Wheel) -> Package:
    """Return the package with the wheel's files where conda wants them."""
    with zipfile.ZipFile(wheel.path) as archive:
        commands = _commands(archive)
        files = list(_files(archive, wheel))
        info = _member(archive, "METADATA").rpartition("/")[0]
    modified = max(entry.modified for entry in files)
    made = [] if wheel.pure else [_command(name, where, modified) for name, where in commands.items()]
    site = "site-packages" if wheel.pure else SITE_PACKAGES
    files.append(Entry(f"{site}/{info}/INSTALLER", b"conda\n", modified=modified))
    paths = [*files, *made]
    extra = [f"bin/{name}" for name in commands] if wheel.pure else []
    record = Entry(f"{site}/{info}/RECORD", _record(paths, extra, f"{info}/RECORD"), modified=modified)
    points = tuple(f"{name} = {where}" for name, where in commands.items()) if wheel.pure else ()
    return replace(package, entries=(*paths, record), entry_points=points)


def entry_points(text: str) -> dict[str, str]:
    """Read the commands from an ``entry_points.txt``: ``MODULE:FUNCTION`` by name, without extras."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    found = {}
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            found[name] = value.partition("[")[0].strip().replace(" ", "")
    return found


def _python(wheel: Wheel) -> tuple[str, ...]:
    if not wheel.pure:
        glibc = glibc_of(wheel.tags)
        return (f"python {VERSION}.*", *((f"__glibc >={glibc}",) if glibc else ()))
    return (f"python {conda_version(SpecifierSet(wheel.said('Requires-Python')))}".strip(),)


def _home(metadata: Message) -> str:
    urls = {}
    for line in metadata.get_all("Project-URL", []):
        label, _, url = str(line).partition(",")
        urls[label.strip().lower()] = url.strip()
    return str(metadata.get("Home-page") or urls.get("homepage") or urls.get("source") or "")


def _member(archive: zipfile.ZipFile, name: str) -> str:
    for path in archive.namelist():
        if path.count("/") == 1 and path.endswith(f".dist-info/{name}"):
            return path
    raise KeyError(f"there is no {name} in it")


def _commands(archive: zipfile.ZipFile) -> dict[str, str]:
    try:
        return entry_points(archive.read(_member(archive, "entry_points.txt")).decode())
    except KeyError:
        return {}


def _files(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Entry]:
    for member in archive.infolist():
        path = _place(member.filename, wheel)
        if member.is_dir() or not path:
            continue
        content = archive.read(member)
        modified = int(datetime(*member.date_time, tzinfo=UTC).timestamp())
        script = ".data/scripts/" in member.filename
        executable = script or bool(member.external_attr >> 16 & 0o111)
        prefixed = script and content.startswith(b"#!python")
        if prefixed:
            content = f"#!{PLACEHOLDER}/bin/python\n".encode() + content.partition(b"\n")[2]
        yield Entry(path, content, executable, modified, text_prefix=prefixed)


def _place(name: str, wheel: Wheel) -> str:
    """Return where a wheel's file belongs (PyPA's "Binary distribution format"); empty for nowhere."""
    site = "site-packages" if wheel.pure else SITE_PACKAGES
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info") and rest in {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER"}:
        return ""
    if not top.endswith(".data"):
        return f"{site}/{name}"
    scheme, _, inner = rest.partition("/")
    folders = {
        "purelib": site,
        "platlib": site,
        "scripts": "python-scripts" if wheel.pure else "bin",
        "headers": f"include/python{VERSION}/{wheel.name}",
        "data": "",
    }
    if scheme not in folders:
        raise WheelError(f"{wheel.path}: {name} is for an unknown place")
    return f"{folders[scheme]}/{inner}".lstrip("/")


def _command(name: str, where: str, modified: int) -> Entry:
    module, _, function = where.partition(":")
    text = _COMMAND.format(module=module, first=function.partition(".")[0], function=function)
    return Entry(f"bin/{name}", text.encode(), executable=True, modified=modified, text_prefix=True)


def _record(files: list[Entry], commands: list[str], own: str) -> bytes:
    """Return the list by which pip can remove what conda installed."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for entry in sorted(files, key=lambda entry: entry.path):
        sha = base64.urlsafe_b64encode(hashlib.sha256(entry.content).digest()).rstrip(b"=").decode()
        # What has the prefix in it is different once it is installed.
        known = ("", "") if entry.text_prefix else (f"sha256={sha}", len(entry.content))
        rows.writerow([_in_site(entry.path), *known])
    rows.writerows([[_in_site(path), "", ""] for path in commands])
    rows.writerow([own, "", ""])
    return text.getvalue().encode()


def _in_site(path: str) -> str:
    """Return the path as seen from site-packages, after noarch files went where they belong."""
    for folder, real in (("site-packages/", f"{SITE_PACKAGES}/"), ("python-scripts/", "bin/")):
        if path.startswith(folder):
            path = real + path.removeprefix(folder)
    return os.path.relpath(path, SITE_PACKAGES)
