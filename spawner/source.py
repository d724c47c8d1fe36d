"""What a notebook server is started from: the site's own Python, an environment, or a container image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

import texts
from environments.site import Image, Shared, Site
from queues.policy import Queue
from slurm.records import Sentence
from texts import mark as _

__all__ = ["GRAMMAR", "Source", "Titled", "check_source", "source_of", "titled"]

NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}"  # as environments.site.Name
GRAMMAR: Final = rf"^(site|(own|shared|image):{NAME})$"
_COMPILED: Final = re.compile(rf"(?P<kind>site|own|shared|image)(:(?P<name>{NAME}))?\Z")

_OF_SITE = _("the site's own")
_NONE_HERE = _("This hub has no environments to choose from: leave the environment out.")
_NOT_THE_SITES = _(
    "At this site servers start from an environment of your own. Make one under “My environments”, and"
    " choose it."
)
_NO_SHARED = _("This site has no shared environment “%(name)s”; it has: %(known)s.")
_NO_IMAGE = _("This site has no image “%(name)s”; it has: %(known)s.")
_NOT_HERE = _("The image “%(name)s” can be used on these queues only: %(queues)s.")


class Titled(Protocol):
    """What has a title in each language."""

    def title_in(self, lang: str) -> str:
        """Return it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One of what a server can be started from; its text is `Options.environment`.

    Attributes
    ----------
    name : str
        Empty for the site's own.
    """

    kind: Literal["site", "own", "shared", "image"]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class _Title:
    """The words for one that the site gave no title, or gives one no more."""

    text: str
    translated: bool = False

    def title_in(self, lang: str) -> str:
        return texts.say(lang, Sentence(self.text, {})) if self.translated else self.text


def source_of(text: str) -> Source | None:
    """Read one; None for what is none.

    >>> source_of("own:notebook").name, source_of("site").kind, source_of("own:../x"), source_of("")
    ('notebook', 'site', None, None)
    """
    found = _COMPILED.match(text)
    if found is None or (found["kind"] == "site") != (found["name"] is None):
        return None
    kind = cast(Literal["site", "own", "shared", "image"], found["kind"])
    return Source(kind, found["name"] or "")


def titled(text: str, site: Site | None) -> Titled | None:
    """Return what people call it; None where there is nothing to tell: no environments, or not yet chosen."""
    source = source_of(text)
    if source is None or site is None:
        return None
    if source.kind == "site":
        return _Title(_OF_SITE, translated=True)
    known: tuple[Titled, ...] = site.shared if source.kind == "shared" else site.images
    names = [one.name for one in (site.shared if source.kind == "shared" else site.images)]
    if source.kind == "own" or source.name not in names:
        return _Title(source.name)
    return known[names.index(source.name)]


def check_source(text: str, site: Site | None, queue: Queue) -> Sentence | None:
    """Say why the site does not offer this on that queue; None when it does. Own ones are not looked for.

    Parameters
    ----------
    text : str
        As in `Options.environment`; empty for the default, which `spawner.settling` chooses.
    """
    source = source_of(text)
    if source is None:
        return None
    if site is None:
        return None if source.kind == "site" else Sentence(_NONE_HERE, {})
    if source.kind == "site":
        return Sentence(_NOT_THE_SITES, {}) if site.without == "require" else None
    if source.kind == "shared" and source.name not in [one.name for one in site.shared]:
        return Sentence(_NO_SHARED, _known(source.name, site.shared))
    if source.kind == "image":
        image = next((one for one in site.images if one.name == source.name), None)
        if image is None:
            return Sentence(_NO_IMAGE, _known(source.name, site.images))
        if image.queues and queue.name not in image.queues:
            return Sentence(_NOT_HERE, {"name": image.name, "queues": ", ".join(image.queues)})
    return None


def _known(name: str, offered: tuple[Shared, ...] | tuple[Image, ...]) -> dict[str, object]:
    return {"name": name, "known": ", ".join(one.name for one in offered) or "–"}
