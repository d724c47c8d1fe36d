"""The administrator's command: ``python -m authenticator set-token NAME``.

It runs as the hub's account, because the key and the store are readable to that account only. A secret is
read from a file or from standard input, never from the command line, which everybody on the machine can see.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from traitlets.config.loader import Config, PyFileConfigLoader

from authenticator.credentials import canonical
from authenticator.keys import KeyFileError, load_keys, make_key_file
from authenticator.login import LDAPOTPAuthenticator
from authenticator.passcode import Seed, SeedError, make_secret
from authenticator.store import StoreError, TokenStore

__all__ = ["main"]


class UsageError(ValueError):
    """What was asked cannot be done; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 with a sentence on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (UsageError, StoreError, KeyFileError, SeedError) as error:
        print(f"hpchub: {error}", file=sys.stderr)
    except OSError as error:
        print(f"hpchub: {error.filename}: {error.strerror}", file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"hpchub: the token store does not work: {type(error).__name__}", file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m authenticator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    set_token = commands.add_parser("set-token", help="give a user a token")
    set_token.add_argument("name", metavar="NAME", help="the user's name in the directory")
    set_token.add_argument(
        "--seed-file",
        metavar="FILE",
        help="file with the secret in base32, - for standard input; without it, a new secret is shown once",
    )
    set_token.add_argument("--issuer", default="hpchub", help="what the user's app calls the centre")
    set_token.set_defaults(run=_set_token)

    remove = commands.add_parser("remove-token", help="take a user's token away: no more logins")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove_token)

    listing = commands.add_parser("list", help="who has a token since when; never a secret")
    listing.set_defaults(run=_list)

    init_key = commands.add_parser("init-key", help="make the key file of the token store")
    init_key.set_defaults(run=_init_key)

    for command in (set_token, remove, listing, init_key):
        command.add_argument("--config", metavar="FILE", type=Path, help="JupyterHub's configuration file")
        command.add_argument("--store", metavar="URL", help="SQLAlchemy URL of the token store")
        command.add_argument("--key-file", metavar="FILE", help="the token store's key")
    return parser


def _set_token(options: argparse.Namespace) -> None:
    name = _name(options.name)
    seed = Seed(make_secret()) if options.seed_file is None else _read_seed(options.seed_file)
    with closing(_store(options)) as store:
        changed = store.set_token(name, seed, now=time.time())
    if options.seed_file is None:
        uri = seed.generator().provisioning_uri(name=name, issuer_name=options.issuer)
        print(f"Shown once, keep it from others:\n  secret  {seed.secret}\n  for a QR code  {uri}")
    else:
        print(f"{name}: {'the token is set' if changed else 'has this token already'}")


def _remove_token(options: argparse.Namespace) -> None:
    name = _name(options.name)
    with closing(_store(options)) as store:
        if not store.remove(name):
            raise UsageError(f"{name} has no token")
    print(f"{name}: the token is removed")


def _list(options: argparse.Namespace) -> None:
    with closing(_store(options)) as store:
        for entry in store.listing():
            used = f"{entry.last_used:%Y-%m-%d %H:%M}" if entry.last_used else "never"
            print(f"{entry.user:32} since {entry.created:%Y-%m-%d}  last used {used} UTC")


def _init_key(options: argparse.Namespace) -> None:
    path = _setting(options, "key_file")
    make_key_file(Path(path))
    print(f"{path} is made; keep a copy apart from the copies of the store")


def _name(text: str) -> str:
    name = canonical(text)
    if name is None:
        raise UsageError(f"{text[:32]!r} cannot be a user name")
    return name


def _read_seed(source: str) -> Seed:
    text = sys.stdin.read() if source == "-" else Path(source).read_text("ascii", errors="replace")
    return Seed.from_text(text.strip())


def _store(options: argparse.Namespace) -> TokenStore:
    keys = load_keys(Path(_setting(options, "key_file")))
    return TokenStore(_setting(options, "store_url"), keys)


def _setting(options: argparse.Namespace, name: str) -> str:
    given = options.store if name == "store_url" else options.key_file
    value = given or (getattr(_configured(options.config), name) if options.config else "")
    if not value:
        raise UsageError(f"{name} is not known: give --config, or --store and --key-file")
    return str(value)


def _configured(path: Path) -> LDAPOTPAuthenticator:
    if not path.is_file():
        raise UsageError(f"{path} is not there")
    config: Config = PyFileConfigLoader(path.name, path=str(path.resolve().parent)).load_config()
    return LDAPOTPAuthenticator(config=config)


if __name__ == "__main__":
    sys.exit(main())
