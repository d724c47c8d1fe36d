"""'Take it with me': an environment and a folder, as files that run the same notebook on a laptop.

What is written are texts, to be put beside a copy of the folder. They are read by programs (Docker, compose,
pip), so every name in them is one that cannot be misread there: what people may call things freely is
written into texts for people only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from environments.conda_meta import PipPackage, pip_packages, records
from environments.explicit import Listed, written
from environments.exporting import listed_packages, platform_of
from environments.problems import Problem
from environments.shown import printable, shown
from environments.takeaway_texts import IGNORED, compose, dockerfile, readme
from environments.workspace import Inventory, inventory
from slurm.records import Sentence
from texts import mark as _

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["WORK", "Takeaway", "files", "take"]

WORK: Final = "work"
"""The folder beside the Dockerfile that holds the copy of the workspace's folder."""

ARCHITECTURES: Final = {
    "linux-64": "linux/amd64",
    "linux-aarch64": "linux/arm64",
    "linux-ppc64le": "linux/ppc64le",
}
SERVERS: Final = (
    ("jupyterlab", "lab"),
    ("notebook", "notebook"),
    ("nbclassic", "nbclassic"),
    ("jupyter_server", "server"),
)

_CUDA: Final = re.compile(r"cuda.*|cudnn|nccl|libcu[a-z]+|tensorrt.*|.*-gpu", re.IGNORECASE)
_SLUG: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Takeaway:
    """What is taken.

    Attributes
    ----------
    files : dict
        Name and text of each file; they lie in one folder, beside a copy of the workspace's folder.
    notes : tuple of Sentence
        What cannot be taken, and what to know.
    """

    files: dict[str, str]
    notes: tuple[Sentence, ...]


def files(prefix: Path, workspace_folder: Path, site: Site) -> dict[str, str]:
    """Return the files of `take`."""
    return take(prefix, workspace_folder, site).files


def take(prefix: Path, folder: Path, site: Site, *, name: str = "") -> Takeaway:
    """Return the files, and what people should know.

    Parameters
    ----------
    folder : Path
        The user's folder whose files are to be copied; absolute.
    name : str
        The environment's name; the prefix's folder when empty.

    Raises
    ------
    Problem
        When the prefix holds no environment, it is not known where a package came from, or the folder is
        not there.
    """
    if not folder.is_dir():
        raise Problem("missing", _("There is no folder %(folder)s."), folder=shown(str(folder), 200))
    platform = platform_of(prefix)
    packages = listed_packages(prefix, site)
    pip = pip_packages(prefix)
    wanted = [one.requirement for one in pip if _can_be_fetched(one)]
    there = inventory(folder)
    notes = tuple(_notes(prefix, packages, pip, there, site))
    slug = _slug(name or prefix.name)
    lock = f"conda-{platform}.lock"
    taken = {
        "README.md": readme(slug, str(folder), lock, there, notes, WORK),
        "Dockerfile": dockerfile(site.takeaway_image, lock, _command(prefix), WORK, pip=bool(wanted)),
        "compose.yaml": compose(slug, ARCHITECTURES.get(platform, "linux/amd64")),
        ".dockerignore": IGNORED,
        lock: written(packages, platform),
        # rsync takes a line for a comment that begins with a # or a ;
        "files.txt": "".join(f"./{one}\n" for one, _size in there.files),
    }
    if wanted:
        taken["requirements.txt"] = "".join(f"{one}\n" for one in wanted)
    return Takeaway(taken, notes)


def _can_be_fetched(one: PipPackage) -> bool:
    """Return whether it is one line that pip reads as a package, and not as an option or a folder."""
    line = one.requirement
    return bool(re.match(r"[A-Za-z0-9]", line)) and printable(line) and " -" not in line


def _slug(name: str) -> str:
    """Return a name for images and projects (lower case, as compose wants it)."""
    return _SLUG.sub("-", name.lower()).strip("-")[:40] or "notebook"


def _command(prefix: Path) -> list[str]:
    there = {one.name for one in records(prefix)} | {one.name.lower() for one in pip_packages(prefix)}
    for package, word in SERVERS:
        if package in there or package.replace("_", "-") in there:
            return ["jupyter", word, "--ip=0.0.0.0", "--port=8888", "--no-browser"]
    return ["python"]


def _notes(
    prefix: Path, packages: Sequence[Listed], pip: Sequence[PipPackage], there: Inventory, site: Site
) -> Iterator[Sentence]:
    yield from _of_packages(packages, site)
    cuda = [one.name for one in records(prefix) if _CUDA.fullmatch(one.name) or "cuda" in one.build]
    if cuda:
        yield Sentence(
            _(
                "GPU drivers stay here. These packages are built for NVIDIA GPUs, and need one, with its "
                "container toolkit, on the other machine: %(names)s."
            ),
            {"names": _some(cuda)},
        )
    if taken := [one for one in pip if _can_be_fetched(one)]:
        yield Sentence(
            _(
                "pip installed these packages. They are fetched again by name and version, without a check "
                "of their contents: %(names)s."
            ),
            {"names": _some([f"{one.name} {one.version}" for one in taken])},
        )
    if lost := [one for one in pip if not _can_be_fetched(one)]:
        yield Sentence(
            _("These came from a folder, and are to be installed by hand: %(names)s."),
            {"names": _some([f"{one.name} {one.version} ({one.origin})" for one in lost])},
        )
    yield from _of_folder(there)
    if _command(prefix) == ["python"]:
        yield Sentence(_("The environment has no notebook server; the container starts Python."), {})


def _of_packages(packages: Sequence[Listed], site: Site) -> Iterator[Sentence]:
    """Say which packages nobody else can fetch."""
    channels = site.all_channels()
    ours: dict[str, list[str]] = {}
    for one in packages:
        if channels.public(one.channel) is None:
            ours.setdefault(one.channel or one.url, []).append(one.url.rpartition("/")[2])
    for channel, names in ours.items():
        yield Sentence(
            _(
                "A channel of this site alone, %(channel)s, has these packages, and the image can be built "
                "only where that address can be reached: %(names)s."
            ),
            {"channel": shown(channel, 200), "names": _some(names)},
        )


def _of_folder(there: Inventory) -> Iterator[Sentence]:
    if there.secrets:
        yield Sentence(
            _("These files stay here, for their names are those of secrets: %(names)s."),
            {"names": _some(there.secrets)},
        )
    if there.odd:
        yield Sentence(
            _("These stay here, for they are links, cannot be read, or have odd names: %(names)s."),
            {"names": _some(there.odd)},
        )
    if there.more:
        yield Sentence(
            _("The folder has more files than the %(n)d that were looked at; take a smaller one."),
            {"n": len(there.files) + len(there.secrets) + len(there.odd)},
        )


def _some(names: Sequence[str], most: int = 20) -> str:
    words = ", ".join(shown(name, 80) for name in names[:most])
    return f"{words} … (+{len(names) - most})" if len(names) > most else words
