"""`hpchub env lock`: the administrator solves the site's sets, so that users need not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from environments import locking
from environments.command.saying import language, telling, told_problem
from environments.problems import Problem
from environments.site import Set, Site, load_site
from texts import mark as _

__all__ = ["lock"]


def lock(options: argparse.Namespace) -> int:
    """Write a lock file for each set, platform and CUDA version; return 1 when one of them could not be."""
    site = load_site()
    folder = Path(options.out) if options.out else site.locks
    if folder is None:
        raise Problem("site", _("The site's file names no folder for lock files (locks); say --out FOLDER."))
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for chosen, platform, cuda in _planned(site, options):
        out = folder / locking.lock_name(chosen.name, platform, cuda)
        if not (options.stale and out.is_file() and locking.is_fresh(site, chosen, platform, cuda, out)):
            failed += not _locked(site, chosen, platform, cuda, out)
    return 1 if failed else 0


def _planned(site: Site, options: argparse.Namespace) -> list[tuple[Set, str, str]]:
    sets = _sets(site, options.sets)
    planned = locking.plan(site, sets)
    platforms = options.platform or sorted({platform for _set, platform, _cuda in planned})
    versions = options.cuda or sorted({cuda for _set, _platform, cuda in planned})
    return [(one, platform, cuda) for one in sets or site.sets for platform in platforms for cuda in versions]


def _locked(site: Site, chosen: Set, platform: str, cuda: str, out: Path) -> bool:
    lang = language()
    try:
        with telling(sys.stderr, lang) as tell:
            count = locking.lock(site, chosen, platform, cuda, out, tell)
    except Problem as problem:
        sys.stderr.write(f"{out}: ")
        told_problem(problem, sys.stderr, lang)
        return False
    print(f"{out}\t{count}")
    return True


def _sets(site: Site, names: list[str]) -> list[Set]:
    found = [site.set_named(name) for name in names]
    if None in found:
        known = ", ".join(one.name for one in site.sets) or "-"
        missing = names[found.index(None)]
        raise Problem(
            "request", _("This site has no set %(name)s; it has: %(known)s."), name=missing, known=known
        )
    return [one for one in found if one is not None]
