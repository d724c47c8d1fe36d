"""What the doctor looks at in the login: settings, files, store, directory, second factor, audit.

Every check asks and changes nothing: neither a store nor a file is made by it.
"""

from collections.abc import Iterator
from functools import partial

from authenticator.audit import Audit
from authenticator.checks.account import NO_START, settings
from authenticator.checks.store import last_user, store
from authenticator.directory.probe import probe
from authenticator.factors import SecondFactor
from authenticator.factors.exempt import Exemptions
from authenticator.factors.tokens import TokenFactor
from authenticator.login import LDAPOTPAuthenticator
from hpchub.configuration import Configuration, ConfigurationError
from hpchub.findings import Finding, Level, guarded

__all__ = ["checks"]


def checks(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is found of the login; what cannot be asked without a thing that is wrong is left out."""
    try:
        login = configuration.make("authenticator_class", LDAPOTPAuthenticator)
    except ConfigurationError as error:
        yield Finding("login", "settings", Level.FAULT, str(error), NO_START)
        return
    for area, check in (
        ("login", settings),
        ("token store", store),
        ("directory", _directory),
        ("second factor", _factor),
        ("second factor", _exemptions),
        ("audit", _audit),
    ):
        yield from guarded(area, partial(check, login))


def _directory(login: LDAPOTPAuthenticator) -> Iterator[Finding]:
    if any(login.directory_problems()):
        return  # they stand among the login's settings
    try:
        found = login.directory_settings()
    except OSError as error:  # an ssl.SSLError is one: a file that is no certificate
        seen = f"ca_file {login.ca_file} or bind_password_file cannot be used: {error.strerror or error}"
        yield Finding("directory", "settings", Level.FAULT, seen, NO_START)
        return
    named = sorted(login.admin_users | login.allowed_users)
    sample = str(named[0]) if named else last_user(login)
    for endpoint in found.servers:
        yield from probe(endpoint, found, sample=sample)


def _factor(login: LDAPOTPAuthenticator) -> Iterator[Finding]:
    kind: type[SecondFactor] = login.second_factor  # type: ignore[assignment]
    seen = f"{kind.__name__}: {kind.title}"
    # Our own has no settings but those above, and cannot be made without the store.
    problems = [] if issubclass(kind, TokenFactor) else list(kind(parent=login).problems())
    for problem in problems:
        yield Finding("second factor", kind.__name__, Level.FAULT, problem, NO_START)
    if not problems:
        yield Finding("second factor", "back-end", Level.OK, seen)


def _exemptions(login: LDAPOTPAuthenticator) -> Iterator[Finding]:
    exemptions, check = Exemptions(parent=login), "exemptions"
    for problem in exemptions.problems():
        yield Finding("second factor", check, Level.FAULT, problem, NO_START)
    for warning in exemptions.warnings():
        do = "empty Exemptions.groups and Exemptions.networks, unless this is meant"
        yield Finding("second factor", check, Level.WARNING, warning, do)
    if not exemptions:
        yield Finding("second factor", check, Level.OK, "nobody logs in without a one-time password")


def _audit(login: LDAPOTPAuthenticator) -> Iterator[Finding]:
    audit = Audit(parent=login)
    if not audit.audit_file:
        do = "set Audit.audit_file to have a file of its own, which `hpchub otp audit` reads"
        yield Finding("audit", "file", Level.WARNING, "events are in the hub's log only", do)
        return
    problems = list(audit.problems())
    for problem in problems:
        yield Finding(
            "audit", "file", Level.FAULT, problem, "what happens at the door is not kept until then"
        )
    if not problems:
        yield Finding("audit", "file", Level.OK, audit.audit_file)
