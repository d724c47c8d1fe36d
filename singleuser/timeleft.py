"""A Jupyter Server extension that tells Notebook and Lab how long the job still runs.

The hub knows it, extensions included. It is asked while somebody looks, once a minute at most; while it is
silent, the last end that it named counts. What is shown, with the warning, is in `labextension`.

``HPCHUB_TIME_SECONDS`` in the server's environment is how long an answer of the hub counts; 0 switches all of
this off.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from singleuser import hub

INTERVAL = 60.0  # seconds
PATIENCE = 5.0  # seconds that a window waits for the hub; the request itself may take longer
LANGUAGE_COOKIE = "hpchub-lang"  # texts.COOKIE; the hub's packages are not there for the user's Python
PAUSED = "paused"  # spawner/running.py: suspended by Slurm, which stops the job's clock, too
PAGE_OPTION = "hpchubTimeLeft"  # what labextension/hpchub-time-left/remoteEntry.js looks for
ABSENT: dict[str, Any] = {"seconds_left": None}
"""What a window is told when nothing is known: it shows nothing."""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "singleuser.timeleft"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add the handler, and tell the pages that it is there; Jupyter calls this by its name."""
    interval = seconds(os.environ.get("HPCHUB_TIME_SECONDS", ""))
    if not interval or "JUPYTERHUB_API_URL" not in os.environ:
        return
    settings = server.web_app.settings
    url = url_path_join(settings["base_url"], "hpchub/time")
    settings.setdefault("page_config_data", {})[PAGE_OPTION] = str(interval)
    known = Known(interval)
    server.web_app.add_handlers(".*", [(url, TimeHandler, {"known": known})])


def seconds(text: str) -> float:
    """Return what the site has set; what cannot be understood counts as not set.

    >>> seconds(""), seconds("5"), seconds("0"), seconds("soon")
    (60.0, 5.0, 0.0, 60.0)
    """
    try:
        value = float(text)
    except ValueError:
        return INTERVAL
    return value if math.isfinite(value) and value >= 0 else INTERVAL


class Known:
    """What the hub last said about this server's job.

    Parameters
    ----------
    interval : float
        Seconds between two questions to the hub, however many windows are open.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._facts: dict[str, Any] = {}
        self._heard = 0.0
        self._asked = -math.inf
        self._question: asyncio.Task[None] | None = None

    async def now(self) -> dict[str, Any]:
        """Return the facts with the seconds that are left now, or `ABSENT`."""
        if self._question is None and time.monotonic() - self._asked >= self.interval:
            self._asked = time.monotonic()
            self._question = asyncio.create_task(self._ask())
        if self._question is not None:
            # It goes on when this one gives up waiting: the next window has the answer.
            await asyncio.wait({self._question}, timeout=PATIENCE)
        if not self._facts:
            return ABSENT
        left = self._facts.get("seconds_left")
        if left is None:  # paused: the clock stands still
            return self._facts
        return {**self._facts, "seconds_left": max(0, round(left - (time.monotonic() - self._heard)))}

    async def _ask(self) -> None:
        try:
            answer = await asyncio.to_thread(hub.ask, "hpchub/server")
        except (OSError, ValueError):
            return  # away, restarting, or older than this extension: what it said last still holds
        else:
            self._facts, self._heard = understood(answer), time.monotonic()
        finally:
            self._question = None


def understood(answer: Any) -> dict[str, Any]:
    """Return the hub's answer if there is a clock to show, else an empty dictionary.

    >>> understood({"seconds_left": 60}), understood({"seconds_left": None, "state": "running"})
    ({'seconds_left': 60}, {})
    """
    if not isinstance(answer, dict):
        return {}
    left = answer.get("seconds_left")
    known = isinstance(left, (int, float)) and math.isfinite(left)
    return answer if known or (left is None and answer.get("state") == PAUSED) else {}


def home() -> str:
    """Return the address of the hub's home page, where a job can be extended."""
    base = os.environ.get("JUPYTERHUB_BASE_URL", "/")
    return os.environ.get("JUPYTERHUB_HOST", "") + url_path_join(base, "hub/home")


class TimeHandler(APIHandler):
    """Answers windows of Notebook and Lab."""

    # An open window is not work: whoever stops idle servers must not be kept from it.
    _track_activity = False

    def initialize(self, known: Known) -> None:
        self.known = known

    @web.authenticated
    async def get(self) -> None:
        facts = await self.known.now()
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({**facts, "lang": self.get_cookie(LANGUAGE_COOKIE), "home": home()}))

    def _log(self) -> None:
        # Every open window asks once a minute, and the log is the user's to read.
        if self.get_status() >= 400:
            super()._log()
