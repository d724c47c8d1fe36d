"""The container image of the demo: Debian's own files of this machine, and a notebook server.

Nothing is fetched but `nbclassic`: the image is put together from the packages that are installed here and
from the virtual environment, which takes seconds. It is an unpacked image for `ch-run`, lies beside the
virtual environment, and is shared by all centres of the machine. ``python -m demo.image`` makes it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from demo.settings import Instance

__all__ = ["PREFIX", "build", "make_places"]

DEBIAN = (
    *("base-files", "bash", "coreutils", "findutils", "grep", "hostname", "libstdc++6", "netbase"),
    *("python3-minimal", "python3.11", "sed"),
)
PYTHON = ("ipykernel", "jupyterhub", "jupyterlab", "notebook", "pip")
# The virtual environment has no use for these.
FETCHED = ("nbclassic>=1.1,<2", "ipython_genutils>=0.2,<1", "nest_asyncio>=1.5,<2")
PREFIX = Path("opt/notebook")
"""Where Python's packages are, below the image's root."""

_LEFT_OUT = re.compile(r"/usr/share/(doc|man|info|locale|lintian|bug|python3/debpython)(/|$)")
_NEW_NAMES = ("bin", "lib", "lib64", "sbin")  # links into /usr
_FOLDERS = (
    "dev",
    "etc",
    "home",
    "mnt",
    "proc",
    "root",
    "run",
    "scratch",
    "sys",
    "tmp",
    "var/tmp",
    "usr/local/bin",
)
_FILES = {
    # ch-run puts its own over these, which takes a file to put them over.
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/group": "root:x:0:\n",
    "etc/hosts": "",
    "etc/resolv.conf": "",
    "etc/machine-id": "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "usr/lib/os-release": 'ID=hpchub-demo\nID_LIKE=debian\nPRETTY_NAME="Demo image of hpchub"\n',
    "usr/local/bin/before-notebook.d/10-demo.sh": "export DEMO_HOOK=ran\n",
}
_LIMIT = 120  # seconds for one program


class ImageError(Exception):
    """The image cannot be made; the text says why and what to do."""


def build(target: Path, venv: Path, debian: Iterable[str] = DEBIAN) -> bool:
    """Make the image if it is not there or out of date; say whether it was made.

    Parameters
    ----------
    target : Path
        The image's root. What is there is replaced as a whole, once the new one is complete.
    venv : Path
        The virtual environment of the running interpreter, from which the notebook server is taken.
    debian : iterable of str
        The packages that are wanted; what they need comes with them.

    Raises
    ------
    ImageError
        A package is missing, or a program failed.
    """
    packages, distributions = _debian_closure(debian), _python_closure(PYTHON)
    mark = _mark(packages.values(), [f"{one.name}=={one.version}" for one in distributions])
    stamp = target / "etc" / "hpchub-image"
    if stamp.is_file() and stamp.read_text() == mark:
        return False
    aside = target.with_name(f"{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    _make_root(aside)
    for path in _debian_files(packages):
        _take(path, aside / path.relative_to("/"))
    for name, text in _FILES.items():
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        (aside / name).unlink(missing_ok=True)
        (aside / name).write_text(text)
    _run("ldconfig", "-r", str(aside))
    shutil.rmtree(aside / "var" / "cache" / "ldconfig")  # only for the next ldconfig, and only root's
    _make_prefix(aside / PREFIX, venv, distributions)
    (aside / stamp.relative_to(target)).write_text(mark)
    _replace(target, aside)
    return True


def make_places(instance: Instance) -> None:
    """Give the centre's folders a place in the image, which is read-only when somebody starts from it."""
    if instance.image.is_dir():
        for folder in (instance.home, instance.src):
            (instance.image / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)


def _replace(target: Path, aside: Path) -> None:
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        # Centres that run have their folders in it.
        for place in (target / "srv").glob("*"):
            for folder in place.glob("*"):
                (aside / folder.relative_to(target)).mkdir(parents=True, exist_ok=True)
        target.rename(old)
    aside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _mark(*lines: Iterable[str]) -> str:
    total = hashlib.sha256(Path(__file__).read_bytes())
    for line in sorted(one for group in lines for one in group):
        total.update(f"{line}\n".encode())
    return total.hexdigest()


# -- Debian's files ----------------------------------------------------------------------------------


def _debian_closure(roots: Iterable[str]) -> dict[str, str]:
    """Return the packages that these need, each with its version, as they are installed here."""
    form = "${Package}\t${db:Status-Status}\t${Version}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    rows = [line.split("\t") for line in _run("dpkg-query", "-W", "-f", form).splitlines()]
    known = {row[0]: row for row in rows if row[1] == "installed"}
    providers = {name: row[0] for row in known.values() for name in _names(row[4])}
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        row = known.get(name) or known.get(providers.get(name, ""))
        if row is None:
            raise ImageError(f"the Debian package {name} is missing here; demo/install.sh installs it")
        if row[0] not in found:
            found[row[0]] = row[2]
            waiting += [
                next((one for one in _names(group) if one in known or one in providers), _names(group)[0])
                for group in row[3].split(",")
                if group.strip()
            ]
    return found


def _names(group: str) -> list[str]:
    """Return the names in ``a (>= 1) | b:any``.

    >>> _names("libc6 (>= 2.36) | libc6.1:any")
    ['libc6', 'libc6.1']
    """
    return [one.split()[0].split(":")[0] for one in re.split(r"[|,]", group) if one.strip()]


def _debian_files(packages: Iterable[str]) -> Iterator[Path]:
    for line in _run("dpkg-query", "-L", *packages).splitlines():
        if line.startswith("/") and line != "/." and not _LEFT_OUT.match(line):
            yield Path(line)


def _make_root(root: Path) -> None:
    for name in (*_FOLDERS, *(f"usr/{name}" for name in _NEW_NAMES)):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in _NEW_NAMES:
        (root / name).symlink_to(f"usr/{name}")


def _take(source: Path, target: Path) -> None:
    """Copy one file, link or folder; what was taken before stays."""
    if os.path.lexists(target) or not os.path.lexists(source):
        return
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        # Readable by all, and nothing that runs as somebody else.
        target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)


# -- Python's packages -------------------------------------------------------------------------------


def _python_closure(roots: Iterable[str]) -> list[importlib.metadata.Distribution]:
    """Return what these need; a distribution is looked at once for each of its extras, too."""
    found: dict[tuple[str, str], importlib.metadata.Distribution] = {}
    waiting = [(name, "") for name in roots]
    while waiting:
        name, extra = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower(), extra
        if key in found:
            continue
        found[key] = importlib.metadata.distribution(name)
        for requirement in map(Requirement, found[key].requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(requirement.name, one) for one in ("", *requirement.extras)]
    return list({name: one for (name, _), one in found.items()}.values())


def _make_prefix(prefix: Path, venv: Path, distributions: Iterable[importlib.metadata.Distribution]) -> None:
    """Make a Python of its own with these packages.

    Not a virtual environment: there, what a user has in ``~/.local`` would not count, as it does in the
    images that people bring.
    """
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library, root = prefix / "lib" / name, prefix.parent.parent
    (library / "site-packages").mkdir(parents=True)
    (library / "dist-packages").symlink_to("site-packages")  # where Debian's looks
    for part in (root / "usr" / "lib" / name).iterdir():
        if part.name not in ("EXTERNALLY-MANAGED", "dist-packages"):
            (library / part.name).symlink_to(f"/usr/lib/{name}/{part.name}")
    _take(root / "usr" / "bin" / name, prefix / "bin" / name)
    for link in ("python", "python3"):
        (prefix / "bin" / link).symlink_to(name)
    for one in distributions:
        for file in one.files or ():
            source = Path(os.path.normpath(str(one.locate_file(file))))
            if source.is_relative_to(venv):
                _take(source, prefix / source.relative_to(venv))
    # Beside the others, and with commands that are rewritten with theirs.
    words = (
        "install",
        "--quiet",
        "--no-deps",
        "--no-warn-script-location",
        "--prefix",
        str(prefix),
        *FETCHED,
    )
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words)
    for command in (prefix / "bin").iterdir():
        if not command.is_symlink():
            _rewrite(
                command, lambda line: re.sub(rb"^#!\S+/python[0-9.]*", b"#!/opt/notebook/bin/python", line)
            )


def _rewrite(command: Path, change: Callable[[bytes], bytes]) -> None:
    first, newline, rest = command.read_bytes().partition(b"\n")
    command.write_bytes(change(first) + newline + rest)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT, check=False, umask=0o022)
    if done.returncode:
        raise ImageError(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout


if __name__ == "__main__":
    os.umask(0o022)
    try:
        build(Instance.from_environment().image, Path(sys.prefix))
    except ImageError as error:
        sys.exit(f"the container image: {error}")
