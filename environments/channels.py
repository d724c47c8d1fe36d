"""Which of a site's channels is meant when a file or a spec names one, and which address a package has here.

People bring files from elsewhere, which say ``conda-forge`` or a public address that ends so. A site without
the internet has a mirror of it, and says so in `Site.public_channels`; or it has something that may stand for
it, and says that in `Site.channel_aliases`. No public address is written down here: the site names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

__all__ = ["SUBDIR", "Channels", "fault_of"]

SUBDIR: Final = r"(?:noarch|linux-[a-z0-9]{2,12})"

# NAME-VERSION-BUILD; the ! of an epoch and the + of a local version may be written in percent.
_CHAR: Final = r"(?:[A-Za-z0-9_.!+]|%21|%2[Bb])"
_PACKAGE: Final = re.compile(
    rf"(?P<channel>.+)/(?P<rest>{SUBDIR}/[A-Za-z0-9_][A-Za-z0-9_.-]*-{_CHAR}+-{_CHAR}+\.(?:conda|tar\.bz2))"
)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_PATH: Final = re.compile(r"[A-Za-z0-9_.~+/-]*")


@dataclass(frozen=True, slots=True)
class Channels:
    """A site's channels.

    Attributes
    ----------
    addresses : tuple of str
        URLs without a slash at the end.
    aliases : Mapping
        What people call a channel, a name or a URL, and its address here.
    mirrors : Mapping
        Addresses here, and the public address whose very packages are there.
    foreign : bool
        Whether packages may come from other addresses as well.
    """

    addresses: tuple[str, ...]
    aliases: Mapping[str, str]
    mirrors: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False

    def address(self, called: str) -> str | None:
        """Return the address of the channel that is called so; None when there is none.

        >>> mirrors = {"http://mirror/cf": "https://channels.example/conda-forge"}
        >>> here = Channels(("http://mirror/own",), {}, mirrors)
        >>> here.address("https://channels.example/conda-forge/"), here.address("own")
        ('http://mirror/cf', 'http://mirror/own')
        """
        called = called.strip().rstrip("/")
        for name, address in (*self._known(), *self._by_last_word()):
            if called == name:
                return address
        if self.foreign and not fault_of(called):
            return called
        root = next(iter(self._roots()), "")
        return f"{root}{called}" if root and self.foreign and _NAME.fullmatch(called) else None

    def package(self, url: str) -> str | None:
        """Return the address here of a package of that URL; None when it is of no channel that is known."""
        found = _PACKAGE.fullmatch(url)
        if not found or fault_of(found["channel"]):
            return None
        known = dict(self._known())
        # Its platform may be part of how the channel is called, but no deeper folder is.
        channel = known.get(found["channel"]) or (found["channel"] if self.foreign else None)
        return f"{channel}/{found['rest']}" if channel else None

    def public(self, address: str) -> str | None:
        """Return where everybody finds what is at that address; None when only this site has it."""
        address = address.rstrip("/")
        return address if address.startswith(self._roots()) else self.mirrors.get(address)

    def called(self, address: str) -> str:
        """Return what a file for elsewhere calls the channel of that address."""
        return self._short(self.public(address) or address)

    def names(self) -> tuple[str, ...]:
        """Return what people may call the channels, each once."""
        public = (self._short(url) for url in self.mirrors.values())
        ours = (name or url for name, url in self._last_words())
        return tuple(dict.fromkeys([*self.aliases, *public, *ours]))

    def _known(self) -> Iterator[tuple[str, str]]:
        public = {self._short(url): ours for ours, url in self.mirrors.items()}
        for name, address in {**public, **self.aliases}.items():
            ours = address.rstrip("/")
            yield name.rstrip("/"), ours
            yield ours, ours
            if "://" not in name:
                yield from ((f"{root}{name}", ours) for root in self._roots())
        for address in self.addresses:
            yield address.rstrip("/"), address.rstrip("/")

    def _roots(self) -> tuple[str, ...]:
        """Return where, for conda and all tools like it, a channel lies that has a name only."""
        return tuple(dict.fromkeys(url.rpartition("/")[0] + "/" for url in self.mirrors.values()))

    def _short(self, url: str) -> str:
        root = next((root for root in self._roots() if url.startswith(root)), "")
        return url.removeprefix(root)

    def _last_words(self) -> Iterator[tuple[str, str]]:
        for address in self.addresses:
            yield urlsplit(address).path.rstrip("/").rpartition("/")[2], address.rstrip("/")

    def _by_last_word(self) -> Iterator[tuple[str, str]]:
        words = [word for word, _address in self._last_words()]
        return (pair for pair in self._last_words() if pair[0] and words.count(pair[0]) == 1)


def fault_of(url: str) -> str:
    """Return what is wrong with a channel's address; empty for nothing.

    >>> fault_of("https://me:secret@mirror/conda-forge")
    'it holds a name or password, and this file is read by all'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is not an address"
    if parts.scheme not in ("http", "https", "file"):
        return "it begins neither with https:// nor http:// nor file://"
    if "@" in parts.netloc:
        return "it holds a name or password, and this file is read by all"
    if (parts.scheme == "file") is bool(parts.netloc):
        return "it names no host" if parts.scheme != "file" else "file:// is followed by an absolute path"
    if port == 0 or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]*", parts.netloc):
        return "its host is no host's name"
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return "it has a question mark or a #"
    if not _PATH.fullmatch(parts.path) or {"..", "."} & set(parts.path.split("/")):
        return "its path has dots or characters that a channel's path has not"
    return ""
