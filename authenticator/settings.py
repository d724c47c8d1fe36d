"""What a site can set about its login, and the rules between the settings."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from traitlets import Int, Set, TraitError, Type, Unicode, default, validate

from authenticator.factors import SecondFactor
from authenticator.factors.tokens import TokenFactor
from authenticator.keys import private_file_problem
from authenticator.settings_directory import DirectoryLoginSettings
from authenticator.settings_watch import WatchSettings

__all__ = ["LoginSettings"]


class LoginSettings(DirectoryLoginSettings, WatchSettings):
    """The settings of `LDAPOTPAuthenticator`."""

    allowed_groups = Set(Unicode(), help="Members of any of these groups of the directory may log in.").tag(
        config=True
    )
    blocked_groups = Set(
        Unicode(), help="Members of any of these groups may not log in, whatever else they are."
    ).tag(config=True)
    admin_groups = Set(
        Unicode(),
        help="""Members of any of these groups are administrators of the hub, others are not. Empty: the
        directory does not decide about administrators.""",
    ).tag(config=True)

    login_timeout = Int(
        15, help="Seconds after which a login is told that the directory does not answer."
    ).tag(config=True)
    threads = Int(16, help="How many logins are checked at once.").tag(config=True)
    waiting = Int(64, help="How many more logins may wait; further ones are turned away.").tag(config=True)

    refusal_milliseconds = Int(
        500,
        help="""Milliseconds after which a refusal is answered at the earliest, so that the time taken does
        not tell its cause. Longer than a bind takes; nobody else waits for it. 0: at once.""",
    ).tag(config=True)
    password_url = Unicode(
        help="""The centre's own page for changing a password, for those whose password has expired or is
        about to. Empty: they are told, without a link.""",
    ).tag(config=True)

    second_factor = Type(
        TokenFactor,
        klass=SecondFactor,
        help="""Who checks the one-time passwords: "authenticator.factors.tokens.TokenFactor" (our own store),
        "authenticator.factors.appended.AppendedFactor" (the directory, password and code in one bind),
        "authenticator.factors.radius.RadiusFactor", "authenticator.factors.privacyidea.PrivacyIDEAFactor", or
        a class of your own.""",
    ).tag(config=True)
    otp_window = Int(
        1,
        help="""How many intervals before and after the present one a code is good for: 0, 1 or 2. With 1 (RFC
        6238) clocks may differ by half a minute; each step more makes guessing easier.""",
    ).tag(config=True)
    otp_issuer = Unicode(
        "hpchub", help="What the users' authenticator apps call the centre; set it before anybody enrols."
    ).tag(config=True)
    otp_help_url = Unicode(
        help="The centre's own page about one-time passwords, linked where people have trouble with theirs.",
    ).tag(config=True)
    store_url = Unicode(
        help="SQLAlchemy URL of the token store, such as sqlite:////srv/hpchub/data/tokens.sqlite.",
    ).tag(config=True)
    key_file = Unicode(
        help="""File (mode 0600 or 0400, owned by the hub's account) with the key of the token store, made by
        `hpchub otp init-key`. A second line may hold the previous key.""",
    ).tag(config=True)

    @default("request_otp")
    def _request_otp_default(self) -> bool:
        return True

    @default("manage_groups")
    def _manage_groups_default(self) -> bool:
        return True

    @validate("otp_window")
    def _valid_window(self, proposal: Any) -> int:
        window = int(proposal["value"])
        if not 0 <= window <= 2:
            raise TraitError(f"otp_window is {window}; write 0, 1 or 2: a wider one makes codes guessable")
        return window

    @validate("second_factor")
    def _valid_factor(self, proposal: Any) -> type[SecondFactor]:
        kind: type[SecondFactor] = proposal["value"]
        if inspect.isabstract(kind):
            missing = ", ".join(sorted(kind.__abstractmethods__))
            raise TraitError(
                f"second_factor is {kind.__name__}, which cannot check a code: take one of those of "
                f"authenticator.factors, or write what it lacks ({missing})"
            )
        return kind

    @validate("password_url", "otp_help_url")
    def _valid_url(self, proposal: Any) -> str:
        url = str(proposal["value"])
        if url and urlsplit(url).scheme not in {"http", "https"}:
            raise TraitError(
                f"{proposal['trait'].name} is {url!r}; write an address that begins with https://"
            )
        return url

    @validate("refusal_milliseconds")
    def _valid_milliseconds(self, proposal: Any) -> int:
        milliseconds = int(proposal["value"])
        if not 0 <= milliseconds <= 5000:
            raise TraitError(f"refusal_milliseconds is {milliseconds}; write 0 to 5000")
        return milliseconds

    @validate("login_timeout", "threads", "connect_timeout", "receive_timeout")
    def _valid_amount(self, proposal: Any) -> int:
        amount = int(proposal["value"])
        if amount < 1:
            raise TraitError(f"{proposal['trait'].name} is {amount}; write 1 or more")
        return amount

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that makes these settings unsafe or useless."""
        yield from self.directory_problems()
        if self.allowed_groups | self.blocked_groups | self.admin_groups and not self.group_search_base:
            yield (
                "allowed_groups, blocked_groups or admin_groups is set, and group_search_base is not: "
                "there are no groups"
            )
        if not self.store_url:
            yield "store_url is not set: it says where the users' tokens are"
        if not self.key_file:
            yield "key_file is not set"
        elif problem := private_file_problem(Path(self.key_file)):
            yield f"key_file: {problem}"
        if not self.any_allow_config:
            yield "nobody may log in: set allowed_groups, or allow_all if all of the directory are welcome"
        if self.username_map:
            yield "username_map is set: the name in the directory must be the name in the hub"
        if self.login_timeout <= self.connect_timeout:
            yield f"login_timeout ({self.login_timeout}) must be longer than connect_timeout"
