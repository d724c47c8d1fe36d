"""Files that people bring: ``environment.yml``, an explicit list, a lock file.

Whatever they say, packages come from this site's channels: a channel is translated into the site's own
address for it, and one that the site does not have is refused by its name.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from environments.careful_yaml import read
from environments.environment_yml import MOST_PACKAGES, read_yml
from environments.explicit import Listed, listed, written
from environments.lock_files import packages_of
from environments.names import check_environment, check_text
from environments.problems import Problem
from environments.shown import shown
from environments.specs import check_spec, resolved
from slurm.records import Sentence
from texts import mark as _

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["Imported", "parse"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file asks for, with everything in it as this site has it. Either `specs` or `lock` is there.

    Attributes
    ----------
    name : str
        What the file calls the environment; empty when it does not, or cannot be called so.
    channels : tuple of str
        URLs of this site's channels, in the file's order; the site's where the file names none.
    specs : tuple of str
        conda match specs, to be solved; channels in them are URLs.
    lock : str
        An ``@EXPLICIT`` list of this site's URLs with hashes, to be written to a file and installed as it is.
    pip : tuple of str
        What the file asks pip for; it is told to people, and not installed.
    variables : Mapping
        Environment variables that the file sets; they are told to people, and not set.
    notes : tuple of Sentence
        What people should know of it.
    """

    name: str = ""
    channels: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    lock: str = ""
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Sentence, ...] = ()


def parse(text: str, kind: str, site: Site, platform: str = "linux-64") -> Imported:
    """Read a file that somebody brought.

    Parameters
    ----------
    kind : str
        ``yml``, ``explicit`` or ``lock`` (pixi.lock of version 4 to 7, or conda-lock.yml of version 1).
    platform : str
        conda's subdir of which a lock file's packages are taken, and which an explicit list must be for.

    Raises
    ------
    Problem
        Saying what is wrong with it, where, and what to write.
    """
    check_text(text, kind)
    text = text.removeprefix("\ufeff")
    readers: Mapping[str, Callable[[str, Site, str], Imported]] = {
        "yml": _yml,
        "explicit": _explicit,
        "lock": _lock,
    }
    return readers[kind](text, site, platform)


def _explicit(text: str, site: Site, platform: str) -> Imported:
    return _from_list(listed(text, platform), site, platform)


def _lock(text: str, site: Site, platform: str) -> Imported:
    packages, pip = packages_of(read(text), platform)
    imported = _from_list(packages, site, platform)
    return _with_pip(imported, pip)


def _from_list(packages: Iterable[Listed], site: Site, platform: str) -> Imported:
    """Give each package the address that it has here."""
    channels = site.all_channels()
    here: list[Listed] = []
    foreign: list[str] = []
    for package in packages:
        if url := channels.package(package.url):
            here.append(package.at(url))
        else:
            foreign.append(package.url)
    if foreign:
        raise Problem(
            "channel",
            _(
                "The file has packages from elsewhere than this site's channels (%(known)s), such as "
                "%(url)s. Take an environment.yml instead, or ask for that channel."
            ),
            url=shown(foreign[0], 120),
            known=", ".join(site.known_channels()) or "-",
        )
    if not 0 < len(here) <= MOST_PACKAGES:
        raise Problem(
            "import",
            _("The file lists %(n)d packages for %(platform)s; 1 to %(most)d are read."),
            n=len(here),
            platform=platform,
            most=MOST_PACKAGES,
        )
    return Imported(
        channels=tuple(dict.fromkeys(package.channel for package in here)),
        lock=written(here, platform),
    )


def _yml(text: str, site: Site, _platform: str) -> Imported:
    yml = read_yml(text)
    if not yml.specs:
        raise Problem("import", _("The file names no packages of conda; there is nothing to install."))
    for spec in yml.specs:
        check_spec(spec, site)
    notes: list[Sentence] = []
    imported = Imported(
        name=_usable(yml.name),
        channels=_channels(yml.channels, site, notes),
        specs=resolved(yml.specs, site),
        variables=yml.variables,
    )
    if yml.prefix:
        notes.append(
            Sentence(_("The file's prefix was left out: an environment has its own place here."), {})
        )
    if yml.variables:
        names = ", ".join(shown(name) for name in yml.variables)
        notes.append(
            Sentence(
                _("The file sets variables, which are not set here; set them in your notebook: %(names)s."),
                {"names": names},
            )
        )
    if yml.others:
        names = ", ".join(shown(name) for name in yml.others[:20])
        notes.append(Sentence(_("These parts of the file mean nothing here: %(names)s."), {"names": names}))
    return _with_pip(_with_notes(imported, notes), yml.pip)


def _usable(name: str) -> str:
    """Return the file's name for the environment, when it can be one; it is no more than a suggestion."""
    try:
        check_environment(name)
    except Problem:
        return ""
    return name


def _channels(called: Iterable[str], site: Site, notes: list[Sentence]) -> tuple[str, ...]:
    urls: dict[str, None] = {}
    # conda's word for "no others than these", which is always so here.
    for name in (name for name in called if name != "nodefaults"):
        url = site.channel_of(name)
        if url is None:
            raise Problem(
                "channel",
                _(
                    "The file asks for the channel %(channel)s, which is not here; there are: %(known)s. "
                    "Take its line out, or ask for that channel."
                ),
                channel=shown(name),
                known=", ".join(site.known_channels()) or "-",
            )
        if url != name.rstrip("/"):
            notes.append(
                Sentence(_("Channel %(channel)s is %(url)s here."), {"channel": shown(name), "url": url})
            )
        urls[url] = None
    return tuple(urls) or site.channels


def _with_notes(imported: Imported, notes: Iterable[Sentence]) -> Imported:
    return replace(imported, notes=(*imported.notes, *notes))


def _with_pip(imported: Imported, pip: Iterable[str]) -> Imported:
    wanted = tuple(one for one in pip if not one.startswith("-"))
    options = tuple(one for one in pip if one.startswith("-"))
    notes: list[Sentence] = []
    if wanted:
        notes.append(
            Sentence(
                _(
                    "The file has packages of the Python index as well, which are not installed by this. "
                    "Start a server with the environment and run there: %(command)s"
                ),
                {"command": shlex.join(["pip", "install", *wanted])},
            )
        )
    if options:
        words = ", ".join(shown(option) for option in options[:20])
        notes.append(
            Sentence(_("Options for pip in the file were left out: %(options)s."), {"options": words})
        )
    return replace(imported, pip=wanted, notes=(*imported.notes, *notes))
