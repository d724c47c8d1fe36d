"""The words of `hpchub env` that only look."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from environments import chronicle, found, journal
from environments.command.place import here, there
from environments.command.saying import STEPS, far, language, size
from environments.layout import Layout
from environments.names import check_environment
from environments.problems import Problem
from environments.records import Environment, Event, Progress
from texts import mark as _
from texts import say, translate

__all__ = ["history", "listing", "log", "packages", "where"]

Options = argparse.Namespace


def listing(options: Options) -> int:
    site, layout = here()
    known = found.environments(site, layout)
    if options.json:
        print(json.dumps([asdict(one) for one in known], indent=1))
        return 0
    lang = language()
    if not known:
        print(translate(lang, _("You have no environment yet: hpchub env bootstrap makes one.")))
    rows = [
        (
            one.name,
            str(one.packages),
            one.python or "-",
            one.set or "-",
            one.engine or "-",
            translate(lang, _state(one)),
            one.prefix,
        )
        for one in known
    ]
    _table([translate(lang, word) for word in _LIST], rows)
    return 0


_LIST = (_("name"), _("packages"), _("Python"), _("set"), _("made by"), _("state"), _("folder"))
_HISTORY = (_("state"), _("made"), _("by"), _("packages"), _("label"))


def _state(one: Environment) -> str:
    if one.busy:
        return _("being changed")
    return _("ready") if one.packages and one.python else _("damaged")


def packages(options: Options) -> int:
    prefix = there(options.name)[1]
    about = {"packages": found.packages(prefix), "others": found.others(prefix)}
    if options.json:
        print(json.dumps(about, indent=1))
        return 0
    lang = language()
    rows = [(one["name"], one["version"], one["build"], one["channel"]) for one in about["packages"]]
    rows += [(one["name"], one["version"], "pip", "-") for one in about["others"]]
    heads = (_("name"), _("version"), _("build"), _("channel"))
    _table([translate(lang, word) for word in heads], rows)
    total = sum(one["size"] for one in about["packages"])
    print(translate(lang, _("%(n)d packages, %(size)s to fetch"), n=len(about["packages"]), size=size(total)))
    return 0


def history(options: Options) -> int:
    site, layout = here()
    name = options.name or site.default
    check_environment(name)
    one = found.environment(layout, name)
    done = [row for row in chronicle.history(layout, journal.KEPT) if row["environment"] == name]
    if options.json:
        print(
            json.dumps({"generations": [dict(each) for each in one.generations], "actions": done}, indent=1)
        )
        return 0
    lang = language()
    states = [
        (
            f"{each['id'] or '-'}{' *' if each['current'] else ''}",
            _when(each["made"]),
            str(each["verb"] or "-"),
            str(each["packages"]),
            str(each["label"]),
        )
        for each in one.generations
    ]
    _table([translate(lang, word) for word in _HISTORY], states)
    print()
    rows = [(row["id"], _when(row["began"]), row["verb"], row["result"] or "...") for row in done]
    _table([translate(lang, word) for word in (_("action"), _("began"), _("what"), _("result"))], rows)
    return 0


def log(options: Options) -> int:
    _site, layout = here()
    identity = options.action or _last(layout)
    path = layout.journal(identity)
    if not identity.isalnum() or not path.is_file():
        raise Problem("missing", _("There is no action %(id)s."), id=identity or "-")
    lang, after, before = language(), 0, -1
    while after != before:
        before = after
        events, after = journal.read(path, before)
        for event in events:
            print(json.dumps(asdict(event)) if options.json else _line(event, lang))
    return 0


def where(options: Options) -> int:
    python = found.python_of(there(options.name)[1])
    if python is None:
        raise Problem("broken", _("This environment has no Python that runs; Reset makes it anew."))
    print(python)
    return 0


def _last(layout: Layout) -> str:
    rows = chronicle.history(layout, 1)
    return str(rows[0]["id"]) if rows else ""


def _line(event: Event, lang: str) -> str:
    """Return one event as a line; what the user's own file says is shown, and not believed."""
    about = event.about
    if event.kind == "begin":
        action = about.get("action")
        words = f"{action.get('verb')} {action.get('environment')}" if isinstance(action, dict) else "-"
        text = f"{words}  ({about.get('user')}@{about.get('host')}, job {about.get('job') or '-'})"
    elif event.kind == "progress":
        text = _progress(event, lang)
    elif event.kind == "line":
        text = f"    {about.get('text')}"
    else:
        text = _ended(event, lang)
    shown = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
    return f"{time.strftime('%H:%M:%S', time.localtime(event.at))}  {shown}"


def _progress(event: Event, lang: str) -> str:
    try:
        heard = Progress(**event.about)
        return f"{translate(lang, STEPS[heard.step])} {far(heard)}".rstrip()
    except (TypeError, KeyError, ValueError):
        return "?"


def _ended(event: Event, lang: str) -> str:
    problem = event.about.get("problem")
    text = f"{event.about.get('result')}  ({event.about.get('seconds')} s)"
    if isinstance(problem, dict) and "msgid" in problem:
        told = Problem.from_json({"code": "", **problem})
        text += f"\n{say(lang, told.sentence)}\n{told.details}"
    return text.rstrip()


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "-"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns; as a table on a terminal, with tabs elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
