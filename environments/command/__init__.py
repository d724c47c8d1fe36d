"""`hpchub env`: environments in a terminal, with the same code that the pages' jobs run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from environments.problems import Cancelled, Problem
from texts import mark as _

__all__ = ["add_words", "main", "run"]

FAILED = 1
NOT_UNDERSTOOD = 2
CANCELLED = 3


def main(arguments: Sequence[str]) -> int:
    """Run one word of `hpchub env`; return its exit code."""
    parser = argparse.ArgumentParser(prog="hpchub env")
    add_words(parser)
    try:
        return run(parser.parse_args(arguments))
    except SystemExit as end:  # argparse's own
        return int(end.code or 0)


def add_words(parser: argparse.ArgumentParser) -> None:
    """Give a parser all the words."""
    from environments.command import words

    words.add(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the word that was given; return 0 done, 1 failed, 2 not understood, 3 cancelled, 4 busy."""
    from environments.command.saying import language, told_problem
    from environments.site import SiteError

    if options.site:
        os.environ["HPCHUB_ENVIRONMENTS"] = options.site
    try:
        return int(options.word(options))
    except SiteError as error:
        sys.stderr.write(f"hpchub env: {error}\n")
        return FAILED
    except Problem as problem:
        told_problem(problem, sys.stderr, language())
        return NOT_UNDERSTOOD if problem.code in ("request", "name", "specs") else FAILED
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("\n")
        return CANCELLED
    except BrokenPipeError:
        raise  # nobody reads on: no fault
    except OSError as error:
        path, reason = error.filename or "-", error.strerror or type(error).__name__
        told_problem(
            Problem("disk", _("%(path)s: %(reason)s"), path=path, reason=reason), sys.stderr, language()
        )
        return FAILED
