"""Sites and prefixes for these tests; prefixes are as rattler and conda leave them."""

import hashlib
import json
from pathlib import Path

from environments.site import Site

OWN = "http://mirror.example/own"
MIRROR = "http://mirror.example/conda-forge"
PUBLIC = "https://channels.example/conda-forge"


def site(**settings: object) -> Site:
    """Return a site with a channel of its own and a mirror of conda-forge, but for what is said otherwise."""
    usual: dict[str, object] = {"channels": (MIRROR, OWN), "public_channels": {MIRROR: PUBLIC}}
    return Site(**{**usual, **settings})


class Prefix:
    """An environment's folder, filled by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "conda-meta").mkdir(parents=True)
        (path / "conda-meta" / "history").touch()

    def add(
        self,
        name: str,
        version: str,
        build: str = "0",
        channel: str = MIRROR,
        subdir: str = "linux-64",
        **about: object,
    ) -> str:
        """Add a package's record; return its URL."""
        file = f"{name}-{version}-{build}"
        url = f"{channel}/{subdir}/{file}.conda"
        record = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "subdir": subdir,
            "channel": channel,
            "url": url,
            "fn": f"{file}.conda",
            "md5": hashlib.md5(file.encode()).hexdigest(),
            "sha256": hashlib.sha256(file.encode()).hexdigest(),
            "size": 1000,
            "depends": [],
            **({"noarch": "python"} if subdir == "noarch" else {}),
            "files": [],
            "paths_data": {"paths_version": 1, "paths": []},
            **about,
        }
        (self.path / "conda-meta" / f"{file}.json").write_text(json.dumps(record))
        return url

    def pip(self, name: str, version: str, direct: object = None) -> None:
        """Add what pip leaves of a package."""
        folder = self.path / "lib/python3.11/site-packages" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "INSTALLER").write_text("pip\n")
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        if direct is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct))


def notebook(path: Path) -> Prefix:
    """Make the environment of most tests."""
    prefix = Prefix(path)
    prefix.add("python", "3.11.9", "h1_0_cpython", requested_specs=["python >=3.11"])
    prefix.add("numpy", "2.1.3", "py311h_1", requested_specs=["numpy"])
    prefix.add("jupyterlab", "4.4.5", "pyhd_0", subdir="noarch", requested_specs=["jupyterlab"])
    prefix.add("ca-certificates", "2025.8.3", "h_0", subdir="noarch")
    prefix.add("local-tools", "1.0", "0", channel=OWN)
    return prefix
