"""The pages of all services: one frame, with the hub's looks and the entries of its header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from services.settings import Place
from texts import LANGUAGES, ntranslate, translate
from texts.catalogue import plural
from texts.jinja import EXTENSIONS, TEMPLATES, asset_version

__all__ = ["Frame", "Templates"]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame of a page says: whose it is, and where else to go.

    Attributes
    ----------
    here : str
        The page's address, without its query.
    user : str
        Who is logged in; empty for nobody, who is shown no entries.
    admin : bool
        Whether the hub has pages of administrators for the user.
    """

    place: Place
    here: str
    user: str = ""
    admin: bool = False

    @property
    def base_url(self) -> str:
        return self.place.base_url

    @property
    def security(self) -> bool:
        """Whether the hub has its pages about one-time passwords."""
        return "otp" in self.place.header

    @property
    def services(self) -> list[tuple[str, str]]:
        """Our services that have pages, with their addresses; this one always."""
        shown = {
            name: f"{self.base_url}services/{name}/" for name in self.place.header if name not in ("otp", "")
        }
        own = self.place.prefix
        return list(shown.items()) if own in shown.values() else [*shown.items(), (own.split("/")[-2], own)]


class Templates:
    """The templates of one service, in the frame of all.

    Parameters
    ----------
    package : str
        The service's, such as ``services.queues``; its templates are in the folder ``templates`` there.
    """

    def __init__(self, package: str) -> None:
        own = [PackageLoader(name) for name in (package, "services")]
        self._templates = Environment(
            # Of the hub's templates these pages share what makes the header.
            loader=ChoiceLoader([*own, FileSystemLoader(TEMPLATES)]),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=EXTENSIONS,
        )

    def render(self, template: str, lang: str, frame: Frame, **values: Any) -> str:
        """Return a whole page; `template` is its file, without the ending."""

        def gettext(msgid: str, /, **params: Any) -> str:
            return translate(lang, msgid, **params)

        def ngettext(singular: str, plural_form: str, n: int, /, **params: Any) -> str:
            if params:
                return ntranslate(lang, singular, plural_form, n, **params)
            return plural(lang, singular, plural_form, n)

        def asset(name: str) -> str:
            return f"{frame.base_url}hub/hpchub-static/{name}?v={asset_version()}"

        return self._templates.get_template(f"{template}.html").render(
            lang=lang,
            languages=LANGUAGES,
            gettext=gettext,
            ngettext=ngettext,
            asset=asset,
            frame=frame,
            **values,
        )
