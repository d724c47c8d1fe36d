"""Who may go without a code, if anybody. Off unless a site says so, and said aloud each time."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from traitlets import List, Set, TraitError, Unicode, validate
from traitlets.config import Configurable

from authenticator.directory import Directory
from authenticator.errors import Refused
from authenticator.factors.interface import Attempt, How, Proof
from authenticator.workers import Deadline

__all__ = ["Exemptions"]


class Exemptions(Configurable):
    """The rule about logins with the code left empty.

    Whoever types a code has it checked, exempt or not.
    """

    groups = Set(
        Unicode(),
        help="""Members of these groups of the directory may leave the code empty, from anywhere. Their
        password alone then guards their files and the centre's money.""",
    ).tag(config=True)
    networks = List(
        Unicode(),
        help="""Networks (such as 192.0.2.0/24) from which everybody may leave the code empty. As good as what
        keeps strangers out of them; a proxy that hides addresses makes everybody one of them.""",
    ).tag(config=True)

    @validate("networks")
    def _valid_networks(self, proposal: Any) -> list[str]:
        try:
            return [str(ipaddress.ip_network(each)) for each in proposal["value"]]
        except ValueError as error:
            raise TraitError(f"Exemptions.networks: {error}") from None

    def __bool__(self) -> bool:
        return bool(self.groups or self.networks)

    def problems(self) -> Iterator[str]:
        """Yield a sentence for what no site can mean."""
        for network in self.networks:
            if ipaddress.ip_network(network).prefixlen == 0:
                yield f"Exemptions.networks has {network}: that is everybody; name the networks you mean"

    def warnings(self) -> Iterator[str]:
        """Yield what has to be said at each start."""
        if self.groups:
            yield f"members of {', '.join(sorted(self.groups))} log in without a one-time password"
        if self.networks:
            yield f"everybody from {', '.join(self.networks)} logs in without a one-time password"

    def check(self, attempt: Attempt, directory: Directory, deadline: Deadline) -> Proof:
        """Return the proof of who may go without a code.

        Raises
        ------
        Refused
            The rule does not name this person or network.
        Unavailable
            The directory does not tell the groups.
        """
        if self._near(attempt.address) or self._member(attempt.name, directory, deadline):
            return Proof(How.EXEMPT, attempt.password)
        raise Refused("otp_syntax")

    def _near(self, address: str) -> bool:
        try:
            place = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(place, ipaddress.IPv6Address) and place.ipv4_mapped:
            place = place.ipv4_mapped
        return any(place in ipaddress.ip_network(network) for network in self.networks)

    def _member(self, name: str, directory: Directory, deadline: Deadline) -> bool:
        if not self.groups:
            return False
        account = directory.look_up(name, deadline)
        return account is not None and not account.disabled and bool(self.groups & account.groups)
