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
    # Side by side: some things take seconds to begin, or to say that they do not answer yet.
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked: dict[Future[bool], Step] = {}
        while waiting:
            for step in [step for step in waiting.values() if step.name not in begun]:
                # A need that is not among the steps is not part of this centre.
                if not any(need in waiting for need in step.needs):
                    begun[step.name] = time.monotonic()
                    asked[pool.submit(_begin, step)] = step
            for answer in wait(asked, return_when=FIRST_COMPLETED).done:
                step = asked.pop(answer)
                if answer.result():
                    del waiting[step.name]
                    tell(f"{time.monotonic() - began:5.1f} s  {step.name}")
                else:
                    _check(step, time.monotonic() - begun[step.name])
                    asked[pool.submit(_ask_again, step)] = step


def _begin(step: Step) -> bool:
    step.begin()
    return step.answers()


def _ask_again(step: Step) -> bool:
    time.sleep(_PAUSE)
    return step.answers()


def _check(step: Step, waited: float) -> None:
    if step.given_up():
        raise StartupError(f"{step.name} does not stay up. Its last words:\n{step.last_words()}")
    if waited > step.limit_s:
        raise StartupError(
            f"{step.name} did not answer within {step.limit_s:.0f} s. Its last words:\n{step.last_words()}"
        )
