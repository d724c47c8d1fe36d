"""`hpchub otp import`: many tokens at once, all of them or none."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from authenticator.store.replacing import replace_token
from authenticator.store.schema import TokenRow
from hpchub.containers import parse_holders, parse_pskc, transport_key
from hpchub.imports import Entry, Parsed, parse_base32, parse_csv, text_of
from hpchub.otp.place import CommandError, Place, confirm, now, read_file, who

__all__ = ["FORMATS", "import_file"]

FORMATS: Final = ("base32", "csv", "pskc")


def import_file(place: Place, options: argparse.Namespace) -> None:
    parsed = _parse(options)
    for problem in parsed.problems:
        sys.stderr.write(f"{parsed.unit} {problem.number}: {problem.reason}\n")
    if parsed.problems and not options.skip_bad:
        bad = _count(parsed.problems, f"{parsed.unit} is", f"{parsed.unit}s are")
        raise CommandError(f"{bad} bad, so nothing is imported: correct the file, or say --skip-bad")
    there = {listed.user for listed in place.store.tokens.listing()}
    old = [entry for entry in parsed.entries if entry.user in there]
    wanted = (
        parsed.entries if options.replace else [each for each in parsed.entries if each.user not in there]
    )
    if old and not options.replace:
        names = ", ".join(entry.user for entry in old)
        sys.stderr.write(f"left as they are, because they have a token (--replace replaces it): {names}\n")
    if options.dry_run:
        print(f"{_count(wanted, 'token', 'tokens')} would be imported; nothing was changed")
        return
    if old and options.replace:
        confirm(f"{_count(old, 'user has', 'users have')} a token already. Replace them?", options)
    _put(place, wanted, replace=options.replace)


def _parse(options: argparse.Namespace) -> Parsed:
    data = read_file(options.file)
    match options.format:
        case "base32":
            return parse_base32(text_of(data))
        case "csv":
            return parse_csv(text_of(data))
    key, password = options.pskc_key_file, options.pskc_password_file
    return parse_pskc(
        data,
        key=transport_key(text_of(read_file(key))) if key else None,
        password=read_file(password).rstrip(b"\r\n") if password else None,
        holders=parse_holders(text_of(read_file(options.holders))) if options.holders else None,
    )


def _put(place: Place, entries: Sequence[Entry], *, replace: bool) -> None:
    """Give all of them their tokens in one transaction, so that half an import is never there."""
    database, moment = place.store.database, now()
    changed: list[tuple[str, bool]] = []
    with database.writing() as session:
        there = set(session.scalars(select(TokenRow.user)))
        for entry in entries:
            user, old = entry.user, entry.user in there
            if old and not replace:  # since we looked
                continue
            if replace_token(session, database, user, entry.seed, now=moment, label=entry.device):
                changed.append((user, old))
    for user, old in changed:
        place.record("import", user, reason="replaced" if old else "")
        if old:
            place.store.notices.add(user, "import", by=who(), now=moment)
    same = len(entries) - len(changed)
    print(f"{_count(changed, 'token', 'tokens')} imported" + (f", {same} there already" if same else ""))


def _count(things: Sequence[object], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"
