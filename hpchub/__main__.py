"""The administrator's command: `hpchub otp` for one-time passwords, `hpchub doctor` for everything.

It runs as the hub's account, because keys, passwords and store are readable to that account only.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from hpchub import doctor, otp

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when it succeeded, 1 when not, 2 when it was not understood."""
    parser = argparse.ArgumentParser(prog="hpchub", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    otp.add_parser(commands)
    doctor.add_parser(commands)
    try:
        options = parser.parse_args(arguments)
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except SystemExit as end:  # argparse's own
        return int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("hpchub: interrupted\n")
        return 130
    except BrokenPipeError:
        # Whoever read our output has read enough, as `head` does; say nothing while Python closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
