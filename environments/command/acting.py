"""The words of `hpchub env` that change something."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from contextlib import suppress
from typing import Any

from environments import found, names
from environments.actions.recorded import CANCELLED, recorded
from environments.command import shell
from environments.command.place import here
from environments.command.saying import language, telling, told
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Action, Verb
from environments.streams import silence
from environments.supervising import cancellable
from texts import mark as _
from texts import translate

__all__ = [
    "bootstrap",
    "carried_out",
    "clone",
    "delete",
    "install",
    "plugins",
    "remove",
    "reset",
    "rollback",
    "snapshot",
]

Options = argparse.Namespace


def bootstrap(options: Options) -> int:
    site, layout = here()
    name = options.name or site.default
    if options.shell_init and layout.address(name).is_dir():
        words = _("There is an environment %(name)s already.")
        print(translate(language(), words, name=name), file=sys.stderr)
        return _afterwards(options, 0)
    if options.remove_shell_init:
        return _afterwards(options, 0)
    return _afterwards(options, carried_out(options, "bootstrap", set=options.set, cuda=options.cuda))


def plugins(options: Options) -> int:
    if options.remove_shell_init:
        return _afterwards(options, 0)
    return _afterwards(options, carried_out(options, "plugins", cuda=options.cuda))


def reset(options: Options) -> int:
    if options.remove_shell_init:
        return _afterwards(options, 0)
    site, layout = here()
    name = options.name or site.default
    if not options.yes and not _confirmed_reset(layout, name):
        return CANCELLED
    return _afterwards(options, carried_out(options, "reset", set=options.set, cuda=options.cuda))


def _afterwards(options: Options, code: int) -> int:
    """Change ~/.bashrc if that was asked for; of the scripts, say what may be added to it."""
    if code == 0 and (options.shell_init or options.remove_shell_init):
        shell.change(options.name, remove=options.remove_shell_init)
    elif code == 0 and options.hint:
        shell.hint(options.name)
    return code


def install(options: Options) -> int:
    return carried_out(options, "install", specs=tuple(options.specs), cuda=options.cuda)


def remove(options: Options) -> int:
    return carried_out(options, "remove", specs=tuple(options.specs), cuda=options.cuda)


def snapshot(options: Options) -> int:
    return carried_out(options, "snapshot", label=options.label)


def rollback(options: Options) -> int:
    return carried_out(options, "rollback", source=options.state)


def clone(options: Options) -> int:
    return carried_out(options, "clone", source=options.source)


def delete(options: Options) -> int:
    question = _("Delete the environment %(name)s with all its states and snapshots?")
    if not options.yes and not _confirmed(question, name=options.name):
        return CANCELLED
    return carried_out(options, "delete")


def carried_out(options: Options, verb: Verb, **about: Any) -> int:
    """Do it in this process, told on standard error; what came of it is on standard output."""
    site, layout = here()
    name = options.name or site.default
    if verb in ("bootstrap", "import") and not about.get("cuda"):
        about["cuda"] = site.cuda.get(site.queue, "")
    action = Action(id=secrets.token_hex(8), verb=verb, environment=name, **about)
    names.check(action, site)  # before there is a journal: what was mistyped is no history
    lang = language()
    if os.geteuid() == 0:
        _warn_root(layout, lang)
    # Ctrl-C after the action has ended must not make a failure of it.
    with cancellable():
        with telling(sys.stderr, lang) as tell:
            outcome = recorded(action, site, layout, tell)
        if options.json:
            print(json.dumps({"id": action.id, "environment": name, **outcome.about}, indent=1))
        out = sys.stderr if outcome.code or options.json else sys.stdout
        try:
            told(outcome, out, lang)
        except OSError:  # nobody hears it, but what is done is done
            silence(out)
    return outcome.code


def _warn_root(layout: Layout, lang: str) -> None:
    """Say whose environments these are: it is right for shared ones, and a slip after sudo."""
    words = _("You are root, so this is about root's environments, in %(root)s.")
    with suppress(OSError):
        print(translate(lang, words, root=str(layout.root)), file=sys.stderr, flush=True)


def _confirmed_reset(layout: Layout, name: str) -> bool:
    left = [f"{one['name']} {one['version']}" for one in found.others(layout.address(name))]
    if left:
        more = _("Reset leaves these behind, which pip had installed: %(names)s")
        print(translate(language(), more, names=", ".join(left)), file=sys.stderr)
    return _confirmed(_("Make the environment %(name)s anew? Your files outside of it stay."), name=name)


def _confirmed(question: str, **params: object) -> bool:
    """Ask, on a terminal; where nobody can answer, `--yes` must have been said.

    Raises
    ------
    Problem
        When there is no terminal.
    """
    if not sys.stdin.isatty():
        raise Problem("request", _("There is no terminal to ask on; say --yes if you mean it."))
    lang = language()
    sys.stderr.write(f"{translate(lang, question, **params)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "네", "예")
