"""What an action says while it runs and at its end: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from environments.actions.recorded import CANCELLED, DONE, Outcome
from environments.problems import Problem
from environments.records import Progress, Tell
from texts import mark as _
from texts import say, translate

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

__all__ = ["STEPS", "Plain", "language", "size", "telling", "told", "told_problem"]

STEPS: Final[Mapping[str, str]] = {
    "prepare": _("preparing"),
    "solve": _("choosing packages"),
    "install": _("installing"),
    "carry": _("taking over what pip installed"),
    "check": _("checking that it works"),
    "switch": _("switching"),
    "clean": _("tidying up"),
}

EACH: Final = 5.0  # seconds between two lines about one step
DETAIL_LINES: Final = 15
MEBIBYTE: Final = 1 << 20


def language(environ: Mapping[str, str] = os.environ) -> str:
    """Return the language of the terminal's user, as GNU gettext finds it."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or "C"
    if locale.partition(".")[0] in ("C", "POSIX"):
        return "en"
    wishes = [one for one in environ.get("LANGUAGE", "").split(":") if one]
    for wish in [*wishes, locale]:
        word = wish.replace(".", "_").partition("_")[0]
        if word in ("en", "ko"):
            return word
    return "en"


def size(n: int) -> str:
    """Return a number of bytes for people.

    >>> size(5 << 20)
    '5.0 MiB'
    """
    return f"{n / MEBIBYTE:.1f} MiB"


class Plain:
    """Tells in lines: each step as it begins, and how far it is every few seconds."""

    def __init__(self, out: TextIO, lang: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._lang, self._clock = out, lang, clock
        self._step = ""
        self._next = 0.0

    def __call__(self, heard: Progress | str) -> None:
        """Write a line, if there is something new."""
        now = self._clock()
        if isinstance(heard, str):
            return self._write(f"    {heard}")
        if heard.step == self._step and now < self._next:
            return None
        self._step, self._next = heard.step, now + EACH
        return self._write(f"{translate(self._lang, STEPS[heard.step])} {far(heard)}".rstrip())

    def _write(self, line: str) -> None:
        try:
            print(line, file=self._out, flush=True)
        except OSError:  # nobody reads on; the action goes on all the same
            pass


def far(heard: Progress) -> str:
    """Return how far a step is, in packages and bytes, as far as that is known."""
    parts = []
    if heard.packages_total:
        parts.append(f"{heard.packages_done}/{heard.packages_total}")
    if heard.bytes_total:
        parts.append(f"{size(heard.bytes_done)} / {size(heard.bytes_total)}")
    return "  ".join(parts)


class Bar:
    """Tells with a bar that moves; what a tool says stands above it."""

    def __init__(self, bars: Bars, lang: str) -> None:
        self._bars, self._lang = bars, lang
        self._step = ""
        self._task: TaskID | None = None

    def __call__(self, heard: Progress | str) -> None:
        """Move the bar."""
        if isinstance(heard, str):
            from rich.text import Text

            return self._bars.console.print(Text(heard[:500]), style="dim")
        if heard.step != self._step or self._task is None:
            self._next_step(heard.step)
        assert self._task is not None  # noqa: S101 - just made
        self._bars.update(
            self._task, completed=heard.packages_done, total=heard.packages_total or None, far=far(heard)
        )
        return None

    def _next_step(self, step: str) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._step = step
        self._task = self._bars.add_task(translate(self._lang, STEPS[step]), total=None, far="")


@contextmanager
def telling(out: TextIO, lang: str) -> Iterator[Tell]:
    """Give whoever tells: a bar on a terminal that can show one, else plain lines."""
    if not out.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield Plain(out, lang)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[far]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=out), transient=True) as bars:
        yield Bar(bars, lang)


def told(outcome: Outcome, out: TextIO, lang: str) -> None:
    """Say what became of an action."""
    name = outcome.action.environment
    if outcome.problem is not None:
        told_problem(outcome.problem, out, lang)
    elif outcome.code == CANCELLED:
        words = translate(lang, _("Cancelled; the environment %(name)s is as it was."), name=name)
        print(words, file=out, flush=True)
    elif outcome.code == DONE and outcome.done is not None:
        for note in outcome.done.notes:
            print(say(lang, note), file=out)
        if outcome.done.generation:
            sentence = _("%(name)s: %(packages)d packages, state %(state)s, %(seconds).1f s.")
            about = {"packages": outcome.done.packages, "state": outcome.done.generation}
        else:
            sentence, about = _("%(name)s: done, %(seconds).1f s."), {}
        print(translate(lang, sentence, name=name, seconds=outcome.seconds, **about), file=out, flush=True)


def told_problem(problem: Problem, out: TextIO, lang: str) -> None:
    """Say what is wrong, and the end of what a tool said about it."""
    print(f"hpchub env: {say(lang, problem.sentence)}", file=out)
    for line in problem.details.strip().splitlines()[-DETAIL_LINES:]:
        print(f"    {line[:500]}", file=out)
    out.flush()
