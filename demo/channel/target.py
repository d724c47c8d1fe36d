"""The one Python and platform that the channel is for: Debian's, on this machine."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from packaging.tags import Tag

__all__ = ["INTERPRETER", "SITE_PACKAGES", "VERSION", "Target", "glibc_of", "is_pure"]

VERSION: Final = "3.11"
INTERPRETER: Final = f"/usr/bin/python{VERSION}"
SITE_PACKAGES: Final = f"lib/python{VERSION}/site-packages"

# conda's word for a kind of processor, by the kernel's.
_SUBDIRS: Final = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "ppc64le": "linux-ppc64le"}
# PEP 600, and the three names from before it.
_GLIBC: Final = re.compile(r"manylinux_(\d+)_(\d+)_")
_OLD_GLIBC: Final = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


@dataclass(frozen=True, slots=True)
class Target:
    """What packages are made for.

    Attributes
    ----------
    full_version : str
        Such as ``3.11.2``.
    machine : str
        The kernel's word for the processor, such as ``x86_64``.
    """

    full_version: str
    machine: str = "x86_64"

    @classmethod
    def here(cls) -> Target:
        """Return the target for this machine's interpreter."""
        argv = [INTERPRETER, "-I", "-c", "import platform; print(platform.python_version())"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
        return cls(done.stdout.strip(), platform.machine())

    @property
    def subdir(self) -> str:
        return _SUBDIRS.get(self.machine, f"linux-{self.machine}")

    @property
    def marker_environment(self) -> dict[str, str]:
        """The variables of dependency markers (PyPA's "Dependency specifiers")."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full_version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            # Of the kernel; differs from node to node, and nobody should depend on it.
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.full_version,
            "python_version": VERSION,
            "sys_platform": "linux",
        }


def is_pure(tags: Iterable[Tag]) -> bool:
    """Whether a wheel fits every platform and Python, as its name says."""
    return any(
        tag.abi == "none" and tag.platform == "any" and re.fullmatch(r"py[23]\d*", tag.interpreter)
        for tag in tags
    )


def glibc_of(tags: Iterable[Tag]) -> str:
    """Return the oldest glibc that a wheel works with, such as ``2.28``; empty when its name does not say."""
    known = [version for tag in tags if (version := _glibc_of(tag.platform))]
    return ".".join(map(str, min(known))) if known else ""


def _glibc_of(platform_tag: str) -> tuple[int, int] | None:
    if match := _GLIBC.match(platform_tag):
        return int(match[1]), int(match[2])
    return _OLD_GLIBC.get(platform_tag.partition("_")[0])
