"""A channel of a few packages made by hand, so that real installs take milliseconds."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

PLACEHOLDER = "/opt/placeholder_" + "x" * 60
PYTHON = '#!/bin/sh\nexec /usr/bin/env -u PYTHONHOME /usr/bin/python3 "$@"\n'


@dataclass
class Channel:
    """A folder with packages and an index of them."""

    path: Path
    index: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, str | bytes],
        depends: Sequence[str] = (),
    ) -> str:
        """Make a package; a file with `PLACEHOLDER` in it gets the prefix there. Return its file's name."""
        about = {
            "name": name,
            "version": version,
            "build": "0",
            "build_number": 0,
            "depends": list(depends),
            "subdir": "linux-64",
            "arch": "x86_64",
            "platform": "linux",
        }
        data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        stem = f"{name}-{version}-0"
        file = self.path / "linux-64" / f"{stem}.conda"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_conda(stem, about, data))
        self._take_in(file, about)
        return file.name

    def _take_in(self, file: Path, about: Mapping[str, object]) -> None:
        data = file.read_bytes()
        self.index[file.name] = {
            **about,
            "md5": hashlib.md5(data).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        self.write()

    def write(self) -> None:
        for subdir in ("linux-64", "noarch"):
            folder = self.path / subdir
            folder.mkdir(parents=True, exist_ok=True)
            packages = self.index if subdir == "linux-64" else {}
            repodata = {
                "info": {"subdir": subdir},
                "packages": {},
                "packages.conda": packages,
                "repodata_version": 1,
            }
            (folder / "repodata.json").write_text(json.dumps(repodata))


def tiny_channel(path: Path) -> Channel:
    """Make the channel of most tests: an interpreter of the system's, a tool, and what the tool needs."""
    channel = Channel(path)
    channel.add("python", "3.11.0", {"bin/python": PYTHON, "bin/python3.11": PYTHON})
    channel.add("base", "1.0", {f"share/base/{n}.txt": f"base {n}" for n in range(20)})
    channel.add(
        "tool",
        "1.0",
        {"bin/tool": f"#!/bin/sh\necho tool 1.0 in {PLACEHOLDER}\n", "share/tool.txt": "one"},
        ["base >=1.0", "python"],
    )
    channel.add(
        "tool",
        "2.0",
        {"bin/tool": f"#!/bin/sh\necho tool 2.0 in {PLACEHOLDER}\n", "share/tool.txt": "two"},
        ["base >=1.0", "python"],
    )
    channel.add("extra", "1.0", {"share/extra.txt": "extra"}, ["base"])
    channel.add("old", "1.0", {"share/old.txt": "old"}, ["base <1.0"])
    channel.add("gpu", "1.0", {"share/gpu.txt": "gpu"}, ["__cuda >=12"])
    return channel


def _conda(stem: str, about: Mapping[str, object], files: Mapping[str, bytes]) -> bytes:
    paths = [_path(name, data) for name, data in files.items()]
    prefixed = [f"{PLACEHOLDER} text {name}" for name, data in files.items() if PLACEHOLDER.encode() in data]
    info = {
        "info/index.json": json.dumps(about).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        "info/files": "".join(f"{name}\n" for name in files).encode(),
        "info/about.json": b"{}",
    }
    if prefixed:
        info["info/has_prefix"] = "".join(f"{line}\n" for line in prefixed).encode()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{stem}.tar.zst", _tar(files))
        archive.writestr(f"info-{stem}.tar.zst", _tar(info))
    return whole.getvalue()


def _path(name: str, data: bytes) -> dict[str, object]:
    path: dict[str, object] = {
        "_path": name,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if PLACEHOLDER.encode() in data:
        path |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
    return path


def _tar(files: Mapping[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755 if name.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(data))
    return zstandard.ZstdCompressor().compress(plain.getvalue())
