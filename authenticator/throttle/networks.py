"""Which addresses count as one, and which networks many people share."""

import ipaddress
from collections.abc import Mapping
from typing import Final

__all__ = ["SharedNetworks", "bucket", "is_nowhere"]

IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that its holder cannot choose: a customer gets a /64 at least (RFC 6177)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def bucket(address: str) -> str:
    """Return what is counted as one: an IPv4 address, or the /64 of an IPv6 address.

    >>> bucket("192.0.2.7"), bucket("::ffff:192.0.2.7"), bucket("2001:db8:1:2:3::4")
    ('192.0.2.7', '192.0.2.7', '2001:db8:1:2::/64')
    """
    found = _parsed(address)
    if found is None:
        return "unknown"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((int(found), IPV6_PREFIX), strict=False))


def is_nowhere(address: str) -> bool:
    """Tell whether no user on another machine can have this address: loopback, or none at all."""
    found = _parsed(address)
    return found is None or found.is_loopback or found.is_unspecified


class SharedNetworks:
    """Limits by network; where several hold an address, the smallest network decides.

    Parameters
    ----------
    limits
        Failures by network, such as ``{"192.0.2.0/24": 600}``.

    Raises
    ------
    ValueError
        With a sentence, when a network or a limit is none.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        found = [(_network(text), limit) for text, limit in limits.items()]
        for network, limit in found:
            if limit < 1:
                raise ValueError(f"{network} has the limit {limit}; write 1 or more")
        self._limits = sorted(found, key=lambda each: -each[0].prefixlen)

    def limit(self, address: str, otherwise: int) -> int:
        """Return the limit of an address."""
        found = _parsed(address)
        return next((limit for network, limit in self._limits if found and found in network), otherwise)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 192.0.2.0/24 or 2001:db8::/32") from None


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
