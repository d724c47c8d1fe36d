"""What the form asks while somebody chooses: ``GET /hub/api/hpchub/expected?queue=...&hours=...``.

It takes the options of a server, as a start does, and answers for the user who is logged in and nobody else:
for each queue when such a server would start or why it would not, and what is used of the user's limits in
the chosen one.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.scopes import needs_scope
from tornado import web

import texts
from spawner.allowances import limits_met, tell_limit
from spawner.api import Api
from spawner.forecast import Forecast, ask_forecasts
from spawner.options import Options

__all__ = ["ExpectedHandler"]


class ExpectedHandler(Api):
    """Expected starts and limits for the present choices."""

    async def get(self) -> None:
        user = self.current_user
        spawner = self._spawner(user_name=getattr(user, "name", ""))
        raw = self._options()
        resolve = await spawner.resolver()
        told = await ask_forecasts(spawner, resolve, raw)
        lang = texts.language_of(self)
        limits = await limits_met(spawner, resolve, raw)
        answer = {
            "queues": {name: _describe(forecast, lang) for name, forecast in told.items()},
            "limits": [tell_limit(limit, lang) for limit in limits],
        }
        self.finish(answer)  # type: ignore[no-untyped-call]

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    def _spawner(self, user_name: str) -> Any:
        return self.own_spawner()

    def _options(self) -> dict[str, str]:
        options = {}
        for name, values in self.request.query_arguments.items():
            if name not in Options.model_fields or len(values) != 1:
                known = ", ".join(Options.model_fields)
                raise web.HTTPError(400, f"Ask with each of these options at most once: {known}")
            if values[0]:
                options[name] = values[0].decode("utf-8", "replace")
        return options


def _describe(forecast: Forecast, lang: str) -> dict[str, Any]:
    return {
        "asked": forecast.asked,
        "start": forecast.start.isoformat() if forecast.start else None,
        "now": forecast.now,
        "refusal": texts.say(lang, forecast.refusal) if forecast.refusal else "",
        "closed": forecast.closed,
    }
