"""What is done to one user: issue, set, reset, disable, enable, unlock."""

import argparse
import datetime
import ipaddress
from typing import Final

from authenticator.errors import Unavailable
from authenticator.factors import SecondFactor
from authenticator.passcode import Seed, make_secret
from authenticator.store import RECOVERED
from authenticator.workers import Deadline
from hpchub.otp.place import CommandError, Place, confirm, name_of, now, read_file, who

__all__ = ["disable", "enable", "issue", "reset", "set_token", "unlock"]

MOST_HOURS: Final = 168
LONGEST_REASON: Final = 200
DIRECTORY_SECONDS: Final = 15
ISSUED: Final = """\
Enrolment code for {name}, shown once, good once until {until:%Y-%m-%d %H:%M} UTC:

    {code}

Give it to the user in person or by telephone, not by mail. On the login page the user types the account,
this code in place of the one-time password, and the password, and is shown what comes next."""


def issue(place: Place, options: argparse.Namespace) -> None:
    name = name_of(options.name)
    if not 1 <= options.hours <= MOST_HOURS:
        raise CommandError(f"--hours is {options.hours}; write 1 to {MOST_HOURS}")
    _enrols_here(place)
    if not options.unchecked:
        _in_directory(place, name)
    _not_shut_out(place, name)
    moment = now()
    code = place.store.enrolments.issue(name, by=who(), now=moment, hours=options.hours)
    place.store.notices.add(name, "enrolment_code", by=who(), now=moment)
    place.record("enrolment_code", name)
    until = datetime.datetime.fromtimestamp(moment + options.hours * 3600, datetime.UTC)
    print(ISSUED.format(name=name, code=code, until=until))
    if place.store.tokens.has(name):
        print(f"{name} has a token already; it works until the new one is confirmed.")


def set_token(place: Place, options: argparse.Namespace) -> None:
    name = name_of(options.name)
    seed = Seed(make_secret()) if options.seed_file is None else _read_seed(options.seed_file)
    if place.store.tokens.has(name):
        confirm(f"{name} has a token already. Replace it?", options)
    changed = place.store.tokens.put(name, seed, now=now())
    if not changed:
        print(f"{name}: has this token already")
        return
    place.store.notices.add(name, "import", by=who(), now=now())
    place.record("import", name, reason="set")
    if options.seed_file is not None:
        print(f"{name}: the token is set")
        return
    issuer = options.issuer or (place.authenticator.otp_issuer if place.authenticator else "hpchub")
    uri = seed.generator().provisioning_uri(name=name, issuer_name=issuer)
    print(f"Shown once, keep it from others:\n  secret  {seed.secret}\n  for a QR code  {uri}")


def reset(place: Place, options: argparse.Namespace) -> None:
    """Put the user back to the time before any enrolment (ASVS 5.0 6.4.6, 7.4.3)."""
    name = name_of(options.name)
    confirm(f"Take {name}'s token, recovery and enrolment codes away, and end all sessions?", options)
    store, by, moment = place.store, who(), now()
    store.enrolments.withdraw(name)  # first: nobody must begin an enrolment meanwhile
    removed = store.tokens.remove(name)
    store.recovery.remove(name)
    store.revocations.request(name, reason="reset", by=by, now=moment)
    store.notices.add(name, "reset", by=by, now=moment)
    place.record("reset", name)
    print(
        f"{name}: {'the token is removed' if removed else 'there was no token'}, all codes are void, and the "
        f"hub ends the sessions within a minute.\nA new beginning: hpchub otp issue {name}"
    )


def disable(place: Place, options: argparse.Namespace) -> None:
    name = name_of(options.name)
    why = " ".join(options.why.split())
    if not why or len(why) > LONGEST_REASON or not why.isprintable():
        raise CommandError(f"--why is empty or has more than {LONGEST_REASON} signs")
    store, by, moment = place.store, who(), now()
    # Whether there is a token or not: who has none must not get one, and is out as well.
    store.enrolments.withdraw(name)
    store.revocations.request(name, reason="disabled", by=by, now=moment)
    disabled = store.tokens.disable(name, why=why)
    store.notices.add(name, "disabled", by=by, now=moment)
    place.record("disabled", name)
    if not disabled:
        raise CommandError(
            f"{name} has no token to disable; sessions end all the same. Lock the account in the directory"
        )
    print(
        f"{name}: no more logins, and the hub ends the sessions within a minute.\n"
        f"Undo: hpchub otp enable {name}"
    )


def enable(place: Place, options: argparse.Namespace) -> None:
    name = name_of(options.name)
    if not place.store.tokens.enable(name):
        raise CommandError(f"{name} has no token that is disabled")
    place.throttle.unlock(name)
    place.store.notices.add(name, "enabled", by=who(), now=now())
    place.record("enabled", name)
    print(f"{name}: may log in again")


def unlock(place: Place, options: argparse.Namespace) -> None:
    if options.address is None:
        what = name_of(options.name)
        done = place.throttle.unlock(what)
        if done:
            place.store.notices.add(what, "unlocked", by=who(), now=now())
            place.record("unlocked", what)
    else:
        what = _address(options.address)
        done = place.throttle.unlock_address(what)
        if done:
            place.record("unlocked", "", address=what)
    print(f"{what}: {'failed attempts are forgotten' if done else 'there were no failed attempts'}")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise CommandError(f"{text[:64]!r} is not an address") from None


def _enrols_here(place: Place) -> None:
    if place.authenticator is None:
        return
    kind: type[SecondFactor] = place.authenticator.second_factor  # type: ignore[assignment]
    if not kind.enrols:
        raise CommandError(f"second_factor is {kind.__name__}: nobody enrols with the hub")


def _in_directory(place: Place, name: str) -> None:
    """Find out a typing error before the code goes to the wrong person."""
    if place.directory is None:
        return
    try:
        account = place.directory.look_up(name, Deadline(DIRECTORY_SECONDS))
    except Unavailable as error:
        raise CommandError(f"the directory does not tell who {name} is ({error}); say --unchecked") from None
    if account is None:
        raise CommandError(f"the directory has no {name}; if that is meant, say --unchecked")
    if account.disabled:
        raise CommandError(
            f"{name} is disabled in the directory ({account.disabled}); say --unchecked if meant"
        )


def _not_shut_out(place: Place, name: str) -> None:
    why = place.store.tokens.disabled_why(name)
    if why is not None and why != RECOVERED:
        raise CommandError(f"{name} is disabled ({why}), so no code would help: hpchub otp enable {name}")


def _read_seed(source: str) -> Seed:
    return Seed.from_text(read_file(source).decode("ascii", errors="replace").strip())
