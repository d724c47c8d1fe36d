"""`hpchub env`: the users' own environments; `environments.command` does it."""

import argparse

from environments.command import add_words

__all__ = ["add_parser"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add_words(commands.add_parser("env", help="environments: make, change, reset, list, export ..."))
