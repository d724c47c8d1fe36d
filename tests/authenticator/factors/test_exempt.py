"""Who may leave the code empty, and that nobody else may."""

import pytest
from traitlets import TraitError

from authenticator.directory import Account
from authenticator.errors import Refused, Unavailable
from authenticator.factors import Attempt, How
from authenticator.factors.exempt import Exemptions
from authenticator.workers import Deadline


class Groups:
    """A directory that knows of one person, or of nothing."""

    def __init__(self, account: Account | None, *, down: bool = False) -> None:
        self.account = account
        self.down = down
        self.asked = 0

    def look_up(self, name: str, _deadline: Deadline) -> Account | None:
        self.asked += 1
        if self.down:
            raise Unavailable("directory", "no server answers")
        return self.account if self.account is not None and self.account.name == name else None


def person(*groups: str, disabled: str = "") -> Account:
    return Account("a1113a01", "uid=a1113a01", frozenset(groups), disabled)


def ask(rule: Exemptions, directory: Groups, address: str = "192.0.2.7") -> How:
    attempt = Attempt("a1113a01", "", b"spring-river-41", address)
    return rule.check(attempt, directory, Deadline(5)).how  # type: ignore[arg-type]


def test_nobody_is_exempt_unless_a_site_says_so() -> None:
    assert not Exemptions()


def test_members_of_an_exempt_group_may_leave_the_code_empty() -> None:
    rule = Exemptions(groups={"robots"})
    assert rule
    assert ask(rule, Groups(person("robots", "hub-users"))) is How.EXEMPT


@pytest.mark.parametrize("account", [None, person("hub-users"), person("robots", disabled="locked")])
def test_others_may_not(account: Account | None) -> None:
    with pytest.raises(Refused, match="otp_syntax"):
        ask(Exemptions(groups={"robots"}), Groups(account))


def test_an_outage_of_the_directory_exempts_nobody() -> None:
    with pytest.raises(Unavailable):
        ask(Exemptions(groups={"robots"}), Groups(None, down=True))


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
def test_an_exempt_network_is_enough_and_the_directory_is_not_asked(address: str) -> None:
    directory = Groups(None)
    rule = Exemptions(networks=["192.0.2.0/24", "2001:db8::/32"])
    assert ask(rule, directory, address) is How.EXEMPT
    assert directory.asked == 0


@pytest.mark.parametrize("address", ["198.51.100.1", "", "unknown", "2001:db9::1"])
def test_other_networks_are_not_exempt(address: str) -> None:
    with pytest.raises(Refused):
        ask(Exemptions(networks=["192.0.2.0/24", "2001:db8::/32"]), Groups(None), address)


def test_a_network_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(TraitError, match="networks"):
        Exemptions(networks=["192.0.2.7/24"])


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_exempting_the_whole_world_is_a_problem(everybody: str) -> None:
    assert list(Exemptions(networks=[everybody]).problems())


def test_a_site_that_exempts_is_warned_at_each_start() -> None:
    rule = Exemptions(groups={"robots"}, networks=["192.0.2.0/24"])
    assert len(list(rule.warnings())) == 2
