"""`hpchub otp`: the words of the command line, and what each of them runs."""

import argparse
import sys
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from authenticator.errors import Unavailable
from authenticator.keys import KeyFileError
from authenticator.passcode import SeedError
from authenticator.store import StoreError
from hpchub.configuration import ConfigurationError
from hpchub.imports import ImportFileError
from hpchub.otp import importing, keys, people, showing
from hpchub.otp.place import CommandError, Place

__all__ = ["add_parser"]

Commands = argparse._SubParsersAction  # the class has no public name

REFUSALS: Final = (
    CommandError,
    ConfigurationError,
    ImportFileError,
    KeyFileError,
    SeedError,
    StoreError,
    Unavailable,
)


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "otp",
        help="one-time passwords: issue, reset, disable, list, import ...",
        description="Works on the token store directly, as the hub's account. No secret is read from the "
        "command line, which everybody on the machine can see.",
    )
    words = parser.add_subparsers(required=True, metavar="WORD")
    for add in (_issue, _set, _reset, _disable, _enable, _unlock, _list, _import, _audit, _init_key, _rotate):
        _where(add(words))


def run(options: argparse.Namespace) -> int:
    """Run one word; return 0, or 1 with a sentence on standard error."""
    place = Place(options)
    try:
        return int(options.word(place, options) or 0)
    except REFUSALS as error:
        sys.stderr.write(f"hpchub: {error}\n")
    except BrokenPipeError:
        raise  # nobody reads on: no fault
    except OSError as error:
        sys.stderr.write(f"hpchub: {error.filename or 'input'}: {error.strerror}\n")
    except SQLAlchemyError as error:
        # Its text would quote the statement with its values.
        sys.stderr.write(f"hpchub: the token store does not work: {type(error).__name__}\n")
    finally:
        place.close()
    return 1


def _where(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    place = parser.add_argument_group("where the tokens are")
    place.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="JupyterHub's configuration (default: $HPCHUB_CONFIG, or jupyterhub_config.py here)",
    )
    place.add_argument(
        "--store", metavar="URL", help="SQLAlchemy URL of the token store, instead of --config"
    )
    place.add_argument("--key-file", metavar="FILE", help="the token store's key, instead of --config")


def _parser(words: "Commands[argparse.ArgumentParser]", word: str, about: str) -> argparse.ArgumentParser:
    return words.add_parser(word, help=about, description=about)


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the user's name in the directory")


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _issue(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "issue", "make a code with which a user enrols; it is shown once")
    _name(parser)
    parser.add_argument(
        "--hours", type=int, default=24, help="how long it is good (default: 24, at most 168)"
    )
    parser.add_argument("--unchecked", action="store_true", help="do not look the name up in the directory")
    parser.set_defaults(word=people.issue)
    return parser


def _set(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "set", "give a user a token, without enrolment")
    _name(parser)
    parser.add_argument(
        "--seed-file",
        metavar="FILE",
        help="file with the secret in base32, - for standard input; without it, a new secret is shown once",
    )
    parser.add_argument(
        "--issuer", metavar="TEXT", help="what the user's app calls the centre (default: otp_issuer)"
    )
    _yes(parser)
    parser.set_defaults(word=people.set_token)
    return parser


def _reset(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "reset", "take token, recovery and enrolment codes away, and end all sessions")
    _name(parser)
    _yes(parser)
    parser.set_defaults(word=people.reset)
    return parser


def _disable(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "disable", "shut a user out until enabled again, and end all sessions")
    _name(parser)
    parser.add_argument(
        "--why", required=True, metavar="TEXT", help="for the list, where administrators read it"
    )
    parser.set_defaults(word=people.disable)
    return parser


def _enable(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "enable", "let a disabled user in again")
    _name(parser)
    parser.set_defaults(word=people.enable)
    return parser


def _unlock(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "unlock", "forget failed logins, so that nobody has to wait")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("name", metavar="NAME", nargs="?", help="of this user")
    which.add_argument("--address", metavar="ADDRESS", help="from this address")
    parser.set_defaults(word=people.unlock)
    return parser


def _list(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "list", "who has a token, since when, and in which state; never a secret")
    parser.add_argument("--json", action="store_true", help="one JSON array, times in UTC")
    parser.set_defaults(word=showing.listing)
    return parser


def _audit(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "audit", "what happened at the door, oldest first")
    parser.add_argument("--since", metavar="TIME", help="30m, 2h, 7d, or a date such as 2026-11-21 (UTC)")
    parser.add_argument("--user", metavar="NAME", help="only what is about this user")
    parser.add_argument("--json", action="store_true", help="one JSON object per line, as in the file")
    parser.set_defaults(word=showing.audit)
    return parser


def _import(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(
        words, "import", "give many users the tokens that they have; all of them, or none if a line is bad"
    )
    parser.add_argument("file", metavar="FILE", help="what holds them, - for standard input")
    parser.add_argument(
        "--format",
        required=True,
        choices=importing.FORMATS,
        help="base32: lines of NAME SECRET; csv: with a header of user,secret,algorithm,digits,interval,"
        "device, of which the first two must be there; pskc: RFC 6030",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--skip-bad", action="store_true", help="take the good lines though others are bad")
    parser.add_argument("--replace", action="store_true", help="replace tokens that users have already")
    _yes(parser)
    pskc = parser.add_argument_group("for --format pskc")
    opens = pskc.add_mutually_exclusive_group()
    opens.add_argument("--pskc-key-file", metavar="FILE", help="its key, in hexadecimal or base64")
    opens.add_argument("--pskc-password-file", metavar="FILE", help="its password")
    pskc.add_argument("--holders", metavar="FILE", help="CSV of serial,user, where it does not name users")
    parser.set_defaults(word=importing.import_file)
    return parser


def _init_key(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(words, "init-key", "make the key file of the token store")
    parser.set_defaults(word=keys.init_key)
    return parser


def _rotate(words: "Commands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = _parser(
        words, "rotate-key", "change the key of the token store: run it, restart the hub, run it again"
    )
    parser.add_argument("--at-once", action="store_true", help="both steps in one, while the hub is stopped")
    _yes(parser)
    parser.set_defaults(word=keys.rotate_key)
    return parser
