"""Wheels made by hand, each with a little of everything that wheels may have."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.channel.wheels import Wheel


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    commands: str = "",
) -> Wheel:
    """Write a wheel; keys of `files` are paths in it, and ``{data}`` its folder for other places."""
    stem = f"{name}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.9\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
    metadata += "".join(f"Provides-Extra: {one}\n" for one in re.findall(r"extra == '(\w+)'", str(requires)))
    inside = {
        **{path.replace("{data}", f"{stem}.data"): text for path, text in (files or {}).items()},
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{stem}.dist-info/RECORD": "",
    }
    if commands:
        inside[f"{stem}.dist-info/entry_points.txt"] = commands
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in inside.items():
            archive.writestr(member, text)
    return Wheel.read(path)


def greeter(folder: Path) -> Wheel:
    """Return a pure wheel with a command, a script, a shared file, and a requirement through an extra."""
    return wheel(
        folder,
        "greeter",
        files={
            "greeter.py": "import polite\n\ndef main():\n    print('hello', polite.NAME)\n",
            "{data}/scripts/greet-script": "#!python\nimport sys\nprint(sys.prefix)\n",
            "{data}/data/share/greeter/words.txt": "hello\n",
        },
        requires=["polite[more]>=1"],
        commands="[console_scripts]\ngreet = greeter:main\n",
    )


def polite(folder: Path, version: str = "1.0") -> Wheel:
    """Return a wheel for one platform, which for its extra requires a third one."""
    return wheel(
        folder,
        "polite",
        version,
        files={"polite.py": "NAME = 'Anna'\n\ndef main():\n    print('please')\n"},
        tag="cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        requires=["extra_words; extra == 'more'", "nothing; python_version < '3'"],
        commands="[console_scripts]\nask = polite:main\n",
    )


def extra_words(folder: Path) -> Wheel:
    return wheel(folder, "extra_words", files={"extra_words.py": "WORDS = ['thanks']\n"})


SOLVE_AND_INSTALL = """
import asyncio, os, sys
from pathlib import Path
from rattler import Gateway, VirtualPackage, install, solve

async def main(channel, prefix, caches, *specs):
    virtual = [one.into_generic() for one in VirtualPackage.detect()]
    gateway = Gateway(cache_dir=Path(caches, "repodata"))
    platforms = [next(p.name for p in Path(channel).iterdir() if p.name.startswith("linux")), "noarch"]
    records = await solve(
        sources=[Path(channel).as_uri()], specs=list(specs), gateway=gateway,
        platforms=platforms, virtual_packages=virtual,
    )
    if prefix != "-":
        await install(records, target_prefix=prefix, cache_dir=Path(caches, "pkgs"), show_progress=False)
    print(" ".join(sorted(f"{r.name.normalized}={r.version}" for r in records)), flush=True)
    os._exit(0)  # rattler's threads may crash an interpreter that cleans up

asyncio.run(main(*sys.argv[1:]))
"""


def installed(channel: Path, prefix: Path | None, *specs: str) -> list[str]:
    """Solve and install with py-rattler, in a process of its own; return ``NAME=VERSION`` of all packages.

    Without a prefix nothing is installed.
    """
    with tempfile.TemporaryDirectory() as caches:
        words = [str(channel), str(prefix or "-"), caches, *specs]
        argv = [sys.executable, "-c", SOLVE_AND_INSTALL, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
