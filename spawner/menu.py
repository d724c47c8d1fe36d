"""What the form offers to start from, and what it says to somebody who has no environment yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import texts
from environments.site import Image, Site
from slurm.records import Sentence
from spawner.own_environments import MOST, Own
from spawner.source import Source, source_of
from texts import mark as _

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["PAGE", "Entry", "Group", "Menu", "ask_own", "menu_of"]

PAGE: Final = "/services/environments"  # “My environments”, without the hub's prefix
PATIENCE: Final = 3.0  # seconds, as the page waits for Slurm

_GROUPS: Final = {
    "own": _("Your own"),
    "shared": _("Of this site"),
    "image": _("Container images"),
}
_USUAL = _("your usual one")
_SITE = _("the site's own")
_CHANGING = _("%(title)s (being changed)")
_MAKING = _("%(title)s (being made)")
_MAKING_FIRST = _("Your environment “%(name)s” is being made; you can start from it as soon as that is done.")
_LOST = _("The environment “%(name)s” cannot be had, so another one is chosen.")
_SILENT = _("Your own environments could not be looked up just now. Your usual one is taken if it is there.")
_NONE_YET = _("You have no environment of your own yet. Bootstrap makes one: it takes a moment, once.")
_NEEDED = _("At this site servers start from an environment of your own, and you have none yet.")
_NEEDED_OR = _(
    "At this site servers start from an environment of your own, and you have none yet. You may also choose"
    " one of those below."
)
_CHOOSE = _("choose one")
_MANY = _("Of your environments %(n)d are shown here at the most.")
_NONE_SERVES = _("No notebook server can be started from your environment “%(name)s”. Reset makes it anew.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu.

    Attributes
    ----------
    value : str
        As in `Options.environment`.
    about : str
        The site's description.
    queues : tuple of str
        Only on these; empty for all.
    closed : bool
        Whether it is shown, but cannot be chosen now.
    """

    value: str
    title: str
    about: str = ""
    queues: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading; an empty title for none."""

    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """The field “Environment”.

    Attributes
    ----------
    chosen : str
        The value that is chosen first.
    notices : tuple of Sentence
        What to say above the field.
    first : bool
        Whether Bootstrap is offered: the user has none of his own.
    required : bool
        Whether one must be chosen, for nothing is chosen first.
    """

    groups: tuple[Group, ...]
    chosen: str
    notices: tuple[Sentence, ...] = ()
    first: bool = False
    required: bool = False

    @property
    def described(self) -> tuple[Entry, ...]:
        """The entries with a description."""
        return tuple(entry for group in self.groups for entry in group.entries if entry.about)


def ask_own(spawner: TakesOptions, handler: Any) -> Awaitable[tuple[Own, ...] | None]:
    """Begin to ask for the user's environments, beside all that the page waits for anyway."""
    office = spawner.shared()
    user = spawner.user.name
    if office.site is None:
        return asyncio.ensure_future(_nothing())
    if _comes_from_environments(handler):
        office.environments.forget(user)
    return asyncio.ensure_future(office.environments.of(spawner.acts, user, PATIENCE))


async def _nothing() -> tuple[Own, ...]:
    return ()


def _comes_from_environments(handler: Any) -> bool:
    """Whether the reader has just left the page where environments are made and changed."""
    referer = handler.request.headers.get("Referer", "") if handler is not None else ""
    return f"{PAGE}/" in f"{urlsplit(referer).path}/"


def menu_of(site: Site | None, own: Sequence[Own] | None, wanted: str | None, lang: str) -> Menu | None:
    """Build the menu; None where there is no choice.

    Parameters
    ----------
    own : sequence of Own, or None
        The user's; None when the helper did not answer.
    wanted : str or None
        What was typed or used last.
    """
    if site is None:
        return None
    groups = _groups(site, own, wanted, lang)
    required = bool(groups) and _must_choose(site, own)
    if required:
        groups = (Group("", (Entry("", _say(lang, _CHOOSE)),)), *groups)
    open_values = [one.value for group in groups for one in group.entries if not one.closed]
    chosen = wanted if wanted in open_values else _default(site, own, open_values)
    notices = _notices(site, own, wanted if wanted != chosen else None)
    return Menu(groups, chosen, notices, first=own is not None and not own, required=required)


def _groups(site: Site, own: Sequence[Own] | None, wanted: str | None, lang: str) -> tuple[Group, ...]:
    shared = [Entry(f"shared:{one.name}", one.title_in(lang), one.about_in(lang)) for one in site.shared]
    if site.without == "offer":
        shared.append(Entry("site", _say(lang, _SITE)))
    entries = {
        "own": _own_entries(own, wanted, lang),
        "shared": shared,
        "image": [_image(one, lang) for one in site.images],
    }
    return tuple(Group(_say(lang, _GROUPS[kind]), tuple(those)) for kind, those in entries.items() if those)


def _own_entries(own: Sequence[Own] | None, wanted: str | None, lang: str) -> list[Entry]:
    if own is None:
        source = source_of(wanted or "")
        last = [Entry(str(source), source.name)] if source and source.kind == "own" else []
        return [Entry("", _say(lang, _USUAL)), *last]
    return [_entry(one, lang) for one in own if one.server or one.making]


def _entry(own: Own, lang: str) -> Entry:
    title = f"{own.name} (Python {own.python})" if own.python else own.name
    if own.busy:
        title = texts.say(lang, Sentence(_MAKING if own.making else _CHANGING, {"title": own.name}))
    return Entry(str(Source("own", own.name)), title, closed=own.busy)


def _image(image: Image, lang: str) -> Entry:
    return Entry(f"image:{image.name}", image.title_in(lang), image.about_in(lang), image.queues)


def _must_choose(site: Site, own: Sequence[Own] | None) -> bool:
    """Whether nothing is chosen for somebody who has not chosen, as `spawner.settling` refuses it."""
    if own is None or site.without == "offer":
        return False
    return not any(one.name == site.default and one.server and not one.busy for one in own)


def _default(site: Site, own: Sequence[Own] | None, values: Sequence[str]) -> str:
    """Choose as `spawner.settling` does for somebody who has not chosen."""
    if own is None:
        return ""
    first = (f"own:{site.default}", "site")
    return next((value for value in first if value in values), "")


def _notices(site: Site, own: Sequence[Own] | None, lost: str | None) -> tuple[Sentence, ...]:
    told = []
    source = source_of(lost or "")
    if source is not None:
        told.append(Sentence(_LOST, {"name": source.name or str(source)}))
    if own is None:
        told.append(Sentence(_SILENT, {}))
    elif not own:
        needed = _NEEDED_OR if site.shared or site.images else _NEEDED
        first = needed if site.without == "require" else _NONE_YET
        told.append(Sentence(first, {}))
    else:
        told += [Sentence(_MAKING_FIRST, {"name": one.name}) for one in own if one.making]
        if len(own) >= MOST:
            told.append(Sentence(_MANY, {"n": MOST}))
        usual = next((one for one in own if one.name == site.default), None)
        if usual is not None and not usual.server and not usual.busy:
            told.append(Sentence(_NONE_SERVES, {"name": usual.name}))
    return tuple(told)


def _say(lang: str, msgid: str) -> str:
    return texts.say(lang, Sentence(msgid, {}))
