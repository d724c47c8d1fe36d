"""The command `hpchub`: `env` for everybody's own environments, `otp` and `doctor` for administrators.

`otp` and `doctor` run as the hub's account, because keys, passwords and store are readable to that account
only. `env` runs as whoever's environments they are.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from environments.streams import make_usable, settle, silence

__all__ = ["main"]

COMMANDS: Final = ("otp", "doctor", "env")
"""Modules of this package with a function ``add_parser``; only the one that is named is imported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when it succeeded, 1 when not, 2 when it was not understood.

    `env` has two codes more: 3 cancelled, 4 busy.
    """
    make_usable()
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="hpchub", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"hpchub.{name}").add_parser(commands)
    try:
        options = parser.parse_args(words)
        return settle(int(options.run(options)))
    except SystemExit as end:  # argparse's own
        return int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("hpchub: interrupted\n")
        return 130
    except BrokenPipeError:
        # Whoever read our output has read enough, as `head` does; say nothing while Python closes it.
        silence(sys.stdout)
        return 0


if __name__ == "__main__":
    sys.exit(main())
