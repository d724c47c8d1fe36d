"""The words of `hpchub env`, and what each of them runs."""

from __future__ import annotations

import argparse
from typing import Final

from environments.command import acting, files, locks, shell, showing

__all__ = ["add"]

Commands = argparse._SubParsersAction  # the class has no public name
Parser = argparse.ArgumentParser
FORMATS: Final = ("yml", "explicit", "lock")

EXITS: Final = (
    "exit codes: 0 done (also when there was nothing to do), 1 failed (the environment is as it was), "
    "2 not understood, 3 cancelled (the environment is as it was), 4 busy (another action works on it)"
)


def add(parser: Parser) -> None:
    """Add all words to a parser."""
    parser.description = (
        "Makes and changes your environments. What is there works until the new one was checked."
    )
    parser.epilog = EXITS
    parser.add_argument("--site", metavar="FILE", help="the site's file (default: $HPCHUB_ENVIRONMENTS)")
    words = parser.add_subparsers(required=True, metavar="WORD")
    for adding in (_making, _changing, _states, _files, _showing, _others):
        adding(words)


def _making(words: Commands[Parser]) -> None:
    bootstrap = _word(words, "bootstrap", "make an environment from one of the site's sets")
    reset = _word(words, "reset", "make it anew as its set says; files outside of it stay")
    for parser in (bootstrap, reset):
        parser.add_argument(
            "--set", metavar="SET", default="", help="which set (default: its own, or the first)"
        )
    for parser in (bootstrap, reset, _word(words, "plugins", "add the site's plugins")):
        _shell(parser)
        _name(parser)
        _cuda(parser)
        _json(parser)
    _yes(reset)
    bootstrap.set_defaults(word=acting.bootstrap)
    reset.set_defaults(word=acting.reset)
    words.choices["plugins"].set_defaults(word=acting.plugins)


def _changing(words: Commands[Parser]) -> None:
    for word, about in (
        ("install", "add packages, or change their versions"),
        ("remove", "take packages away, with what needs them"),
    ):
        parser = _word(words, word, about)
        parser.add_argument("specs", metavar="PACKAGE", nargs="+", help="such as numpy, or 'numpy>=2,<3'")
        _name(parser)
        _cuda(parser)
        _json(parser)
        parser.set_defaults(word=getattr(acting, word))


def _states(words: Commands[Parser]) -> None:
    snapshot = _word(words, "snapshot", "keep what is there now, under a label")
    snapshot.add_argument("label", metavar="LABEL")
    snapshot.set_defaults(word=acting.snapshot)
    rollback = _word(words, "rollback", "return to a state that is kept")
    rollback.add_argument(
        "state", metavar="STATE", nargs="?", default="", help="see history (default: the one before)"
    )
    rollback.set_defaults(word=acting.rollback)
    clone = _word(words, "clone", "make another environment with the same packages")
    clone.add_argument("source", metavar="SOURCE")
    clone.add_argument("name", metavar="NEW")
    clone.set_defaults(word=acting.clone)
    delete = _word(words, "delete", "remove an environment with all its states")
    delete.add_argument("name", metavar="NAME")
    _yes(delete)
    delete.set_defaults(word=acting.delete)
    for parser in (snapshot, rollback):
        _name(parser)
    for parser in (snapshot, rollback, clone, delete):
        _json(parser)


def _files(words: Commands[Parser]) -> None:
    export = _word(words, "export", "write what an environment has as a file for elsewhere")
    export.add_argument(
        "--format",
        choices=(*FORMATS, "requested"),
        default="yml",
        help="yml: all packages with their versions (default); requested: what was asked for",
    )
    export.add_argument("--output", "-o", metavar="FILE", default="-", help="default: standard output")
    _name(export)
    export.set_defaults(word=files.export)
    importing = _word(words, "import", "make an environment as a file says")
    importing.add_argument(
        "file", metavar="FILE", help="environment.yml, @EXPLICIT list or lock file; - for standard input"
    )
    importing.add_argument("--format", choices=FORMATS, help="default: as the file looks")
    importing.add_argument("--name", "-n", metavar="NAME", required=True, help="what it shall be called")
    _cuda(importing)
    _json(importing)
    importing.set_defaults(word=files.import_file)
    takeaway = _word(
        words, "takeaway", "write a Dockerfile and compose file that run the same notebook elsewhere"
    )
    takeaway.add_argument("folder", metavar="FOLDER", help="a folder of your workspace that is taken along")
    takeaway.add_argument(
        "--output", "-o", metavar="FOLDER", required=True, help="made here; must not be there yet"
    )
    _name(takeaway)
    takeaway.set_defaults(word=files.takeaway)


def _showing(words: Commands[Parser]) -> None:
    listing = _word(words, "list", "which environments there are")
    listing.set_defaults(word=showing.listing)
    packages = _word(words, "packages", "what is in an environment")
    packages.set_defaults(word=showing.packages)
    history = _word(words, "history", "its states, and what was done")
    history.set_defaults(word=showing.history)
    log = _word(words, "log", "what happened in one action")
    log.add_argument(
        "action", metavar="ID", nargs="?", default="", help="see history (default: the last one)"
    )
    log.set_defaults(word=showing.log)
    where = _word(words, "where", "print the path of its interpreter")
    where.set_defaults(word=showing.where)
    for parser in (packages, history, where):
        _name(parser)
    for parser in (listing, packages, history, log):
        _json(parser)


def _others(words: Commands[Parser]) -> None:
    init = _word(words, "shell-init", "print what ~/.bashrc may have, or put it there")
    how = init.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true", help="add one marked block to ~/.bashrc")
    how.add_argument("--remove", action="store_true", help="take exactly that block away")
    _name(init)
    init.set_defaults(word=shell.init)
    lock = _word(words, "lock", "administrator: solve the site's sets into lock files")
    lock.add_argument("sets", metavar="SET", nargs="*", help="default: all of the site's")
    lock.add_argument(
        "--platform", metavar="SUBDIR", action="append", help="default: the site's; may be repeated"
    )
    lock.add_argument(
        "--cuda", metavar="VERSION", action="append", help="default: none and all of the site's queues"
    )
    lock.add_argument("--out", metavar="FOLDER", help="default: the site's folder of lock files")
    lock.add_argument(
        "--stale", action="store_true", help="only those whose definition or channels have changed"
    )
    lock.set_defaults(word=locks.lock)


def _word(words: Commands[Parser], word: str, about: str) -> Parser:
    return words.add_parser(word, help=about, description=about[0].upper() + about[1:] + ".", epilog=EXITS)


def _name(parser: Parser) -> None:
    parser.add_argument(
        "--name", "-n", metavar="NAME", default="", help="which environment (default: the site's)"
    )


def _cuda(parser: Parser) -> None:
    parser.add_argument(
        "--cuda", metavar="VERSION", default="", help="choose packages for this CUDA, such as 12.8"
    )


def _json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on standard output")


def _shell(parser: Parser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--shell-init", action="store_true", help="then add one marked block to ~/.bashrc")
    how.add_argument("--remove-shell-init", action="store_true", help="only take exactly that block away")
    parser.add_argument("--hint", action="store_true", help=argparse.SUPPRESS)  # as the scripts do


def _yes(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
