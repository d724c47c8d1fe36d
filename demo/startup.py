"""Starting many things at once, each as soon as what it needs answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

_PAUSE = 0.1


class StartupError(Exception):
    """Something did not come up; the text names it and has the last lines of its log."""


def nothing() -> None:
    """Begin a step that only waits for what others began."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to start.

    Parameters
    ----------
    begin : callable
        Starts it, without waiting.
    answers : callable
        Says whether it is up.
    given_up : callable
        Says whether it will never be up.
    last_words : callable
        The end of its log, for the error.
    """

    name: str
    needs: tuple[str, ...]
    begin: Callable[[], None]
    answers: Callable[[], bool]
    given_up: Callable[[], bool] = lambda: False
    last_words: Callable[[], str] = lambda: ""
    limit_s: float = 60.0


def start_all(steps: Sequence[Step], tell: Callable[[str], None]) -> None:
    """Start all steps in the order that their needs allow; wait until each answers.

    Raises
    ------
    StartupError
        When a step gives up or does not answer within its limit.
    """
    waiting = {step.name: step for step in steps}
    begun: dict[str, float] = {}
    began = time.monotonic()
    # Questions are asked side by side: one that nobody answers yet can take seconds.
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked: dict[str, Future[bool]] = {}
        while waiting:
            for step in [step for step in waiting.values() if step.name not in begun]:
                # A need that is not among the steps is not part of this centre.
                if not any(need in waiting for need in step.needs):
                    step.begin()
                    begun[step.name] = time.monotonic()
            for name in [name for name in begun if name in waiting and name not in asked]:
                asked[name] = pool.submit(waiting[name].answers)
            wait(asked.values(), timeout=_PAUSE, return_when=FIRST_COMPLETED)
            for name in [name for name, answer in asked.items() if answer.done()]:
                if asked.pop(name).result():
                    del waiting[name]
                    tell(f"{time.monotonic() - began:5.1f} s  {name}")
                else:
                    _check(waiting[name], time.monotonic() - begun[name])


def _check(step: Step, waited: float) -> None:
    if step.given_up():
        raise StartupError(f"{step.name} does not stay up. Its last words:\n{step.last_words()}")
    if waited > step.limit_s:
        raise StartupError(
            f"{step.name} did not answer within {step.limit_s:.0f} s. Its last words:\n{step.last_words()}"
        )
    time.sleep(_PAUSE / 4)
