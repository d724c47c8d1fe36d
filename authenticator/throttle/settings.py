"""What a site can set about waiting, and the rules between the settings."""

from functools import cached_property
from typing import Any, Final

from traitlets import Dict, Int, TraitError, Unicode, validate
from traitlets.config import LoggingConfigurable

from authenticator.throttle.networks import SharedNetworks
from authenticator.throttle.policy import AccountRule, AddressRule

__all__ = ["ThrottleSettings"]

LOCK_AT_LATEST: Final = 100


class ThrottleSettings(LoggingConfigurable):
    """The settings of `Throttle`, checked together when it is made."""

    account_failures = Int(
        5, help="Failures of one account that cost nothing within account_window; then each doubles the wait."
    ).tag(config=True)
    account_window = Int(300, help="Seconds without a failure after which the free ones are free again.").tag(
        config=True
    )
    first_wait = Int(30, help="Seconds that an account waits after account_failures failures.").tag(
        config=True
    )
    longest_wait = Int(
        3600,
        help="""Seconds that an account waits at most, and the quiet time after a wait that takes one doubling
        back.""",
    ).tag(config=True)
    lock_after = Int(
        100,
        help="""Failures in a row after which an account is locked until an administrator unlocks it: 100 at
        most (NIST SP 800-63B).""",
    ).tag(config=True)
    address_failures = Int(
        30,
        help="""Failures of one address (IPv6: of one /64), of any accounts, within address_window. So many at
        once are let through, then one more in each address_window / address_failures seconds.""",
    ).tag(config=True)
    address_window = Int(300, help="Seconds in which address_failures are let through.").tag(config=True)
    shared_networks = Dict(
        key_trait=Unicode(),
        value_trait=Int(),
        help="""Failures within address_window for each address of a network that many people share, such as
        {"192.0.2.0/24": 600} for a class room or a gateway; the smallest network that fits decides.""",
    ).tag(config=True)
    remembered_days = Int(
        30, help="Days without an attempt after which failures are forgotten; a lock never is."
    ).tag(config=True)
    table_limit = Int(
        100_000,
        help="""Rows that the store keeps, of accounts and of addresses each. Beyond that those with the
        fewest failures are given up first, locked accounts last.""",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Not while each is set: which of two is set first is nobody's affair.
        if self.longest_wait < self.first_wait:
            raise TraitError(
                f"longest_wait is {self.longest_wait}; write first_wait ({self.first_wait}) or more"
            )
        if not self.account_failures <= self.lock_after <= LOCK_AT_LATEST:
            raise TraitError(
                f"lock_after is {self.lock_after}; "
                f"write account_failures ({self.account_failures}) to {LOCK_AT_LATEST}"
            )

    @validate(
        "account_failures",
        "account_window",
        "first_wait",
        "longest_wait",
        "lock_after",
        "address_failures",
        "address_window",
        "remembered_days",
        "table_limit",
    )
    def _valid_amount(self, proposal: Any) -> int:
        amount = int(proposal["value"])
        if amount < 1:
            raise TraitError(f"{proposal['trait'].name} is {amount}; write 1 or more")
        return amount

    @validate("shared_networks")
    def _valid_networks(self, proposal: Any) -> dict[str, int]:
        networks: dict[str, int] = proposal["value"]
        try:
            SharedNetworks(networks)
        except ValueError as error:
            raise TraitError(f"shared_networks: {error}") from None
        return networks

    @cached_property
    def account_rule(self) -> AccountRule:
        return AccountRule(
            self.account_failures, self.account_window, self.first_wait, self.longest_wait, self.lock_after
        )

    def address_rule(self, address: str) -> AddressRule:
        """Return the rule for an address, which may be in a shared network."""
        return AddressRule(self._shared.limit(address, self.address_failures), self.address_window)

    @cached_property
    def _shared(self) -> SharedNetworks:
        return SharedNetworks(self.shared_networks)
