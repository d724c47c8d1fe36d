"""Debian's Python as a conda package.

Debian changes where Python looks for packages; in an environment it must look where everybody else's does:

- ``site`` is frozen into the interpreter, so that editing it does nothing; it looks into ``dist-packages``,
  which becomes a link to ``site-packages``.
- ``sysconfig`` would have pip install into ``PREFIX/local``; its own patch is taken out.
- ``EXTERNALLY-MANAGED`` forbids pip, and stays behind.

The libraries that it uses (libssl, libsqlite3, libffi) are the machine's: such a package is good for nodes
with the same system only.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from demo.channel.package import Entry, Package
from demo.channel.target import INTERPRETER, SITE_PACKAGES, VERSION, Target

__all__ = ["InterpreterError", "interpreter", "patched_sysconfig"]

_DEBIAN: Final = tuple(
    name.format(VERSION)
    for name in ("python{}", "python{}-minimal", "libpython{}-stdlib", "libpython{}-minimal", "python{}-venv")
)
_LIBRARY: Final = f"/usr/lib/python{VERSION}/"
_LEFT_OUT: Final = {"EXTERNALLY-MANAGED", "sitecustomize.py"}
_LEFT_OUT_FOLDERS: Final = ("test", "dist-packages", f"config-{VERSION}")

_SCHEMES: Final = re.compile(r"^def _get_preferred_schemes\(\):\n.*?(?=^def )", re.DOTALL | re.MULTILINE)
_OWN_SCHEMES: Final = """def _get_preferred_schemes():
    return {
        'prefix': 'posix_prefix',
        'home': 'posix_home',
        'user': 'posix_user',
    }


"""


class InterpreterError(Exception):
    """The interpreter cannot be packed; the text says why."""


def interpreter(target: Target, converter: str) -> Package:
    """Return the machine's interpreter as the package ``python``, with its files.

    Raises
    ------
    InterpreterError
        When Debian's packages are not there or not as they are known.
    """
    entries = (*_links(), *_files())
    total = hashlib.sha256(converter.encode())
    for entry in entries:
        total.update(f"{entry.path}\0{entry.link}\0".encode() + entry.content)
    return Package(
        name="python",
        version=target.full_version,
        build=f"deb{total.hexdigest()[:8]}_0_cpython",
        subdir=target.subdir,
        depends=(f"__glibc >={_glibc()}",),
        entries=entries,
        license="Python-2.0",
        summary="Debian's Python, which uses libraries of the system",
        home="https://www.python.org/",
        extra={"python_site_packages_path": SITE_PACKAGES},
    )


def patched_sysconfig(text: str) -> str:
    """Return Debian's ``sysconfig.py`` with the places where everybody else installs."""
    patched, count = _SCHEMES.subn(_OWN_SCHEMES, text)
    if count != 1:
        raise InterpreterError(
            f"sysconfig.py of Python {VERSION} is not as it is known: no preferred schemes"
        )
    return patched


def _links() -> Iterator[Entry]:
    for name in ("python3", "python"):
        yield Entry(f"bin/{name}", link=f"python{VERSION}")
    yield Entry(f"lib/python{VERSION}/dist-packages", link="site-packages")
    # A link needs something to lead to before the first package is there.
    yield Entry(f"{SITE_PACKAGES}/README.txt", b"Packages of this environment.\n")


def _files() -> Iterator[Entry]:
    for path in _paths():
        content = path.read_bytes()
        if path == Path(_LIBRARY, "sysconfig.py"):
            content = patched_sysconfig(content.decode()).encode()
        status = path.stat()
        inside = path.relative_to("/usr").as_posix()
        yield Entry(inside, content, bool(status.st_mode & 0o111), int(status.st_mtime))


def _paths() -> list[Path]:
    """Return the files of Debian's packages that belong into an environment."""
    listed = _words("dpkg-query", "-L", *_DEBIAN)
    wanted = {INTERPRETER, *(path for path in listed.splitlines() if _wanted(path))}
    return sorted(path for path in map(Path, wanted) if path.is_file())


def _wanted(path: str) -> bool:
    if not path.startswith(_LIBRARY):
        return False
    inside = PurePosixPath(path.removeprefix(_LIBRARY))
    if inside.suffix in {".pyc", ".a"} or inside.name in _LEFT_OUT:
        return False
    top = inside.parts[0] if len(inside.parts) > 1 else ""
    return not top.startswith(_LEFT_OUT_FOLDERS) and "__pycache__" not in inside.parts


def _glibc() -> str:
    return _words("getconf", "GNU_LIBC_VERSION").split()[-1]


def _words(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise InterpreterError(f"{argv[0]}: {done.stderr.strip()}; is Debian's python{VERSION} installed?")
    return done.stdout
