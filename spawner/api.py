"""What our routes for programs have in common: refusals in words, and answers that nobody keeps."""

from __future__ import annotations

import json
from typing import Any, Final

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

__all__ = ["Api"]

MOST_BODY: Final = 10_000  # bytes; the longest that is understood here has less than 500


class Api(APIHandler):
    """One of the hub's API handlers."""

    def set_default_headers(self) -> None:
        super().set_default_headers()  # type: ignore[no-untyped-call]
        self.set_header("Cache-Control", "no-store")

    def body(self) -> Any:
        """Return the request's JSON; what is none is refused without a traceback in the hub's log.

        Raises
        ------
        web.HTTPError
            400 for what is no JSON in UTF-8 (RFC 8259, sections 8.1 and 8.2), 413 for too much of it.
        """
        raw = self.request.body
        if len(raw) > MOST_BODY:
            raise web.HTTPError(413, f"The body has {len(raw)} bytes, and may have {MOST_BODY}")
        try:
            found = json.loads(raw.decode())
            # "\ud800" alone is JSON, and no text: a database would not take it.
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise web.HTTPError(400, "The body must be JSON, in UTF-8") from None
        return found

    def own_spawner(self) -> Any:
        """Return the default server of the user who asks; services have none."""
        spawner = getattr(self.current_user, "spawner", None)
        if spawner is None:
            raise web.HTTPError(403, "Only users can ask this, and a service is none")
        return spawner

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say which methods there are where the one that was used is none of them (RFC 9110, 15.5.6)."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if status_code == 405 and error is not None:
            allowed = ", ".join(name for name in ("GET", "POST") if self._takes(name))
            self.set_header("Allow", allowed)
            error.jupyterhub_message = f"This address takes {allowed}, not {self.request.method}"
        super().write_error(status_code, **kwargs)  # type: ignore[no-untyped-call]

    def _takes(self, method: str) -> bool:
        unknown: object = web.RequestHandler._unimplemented_method
        return getattr(type(self), method.lower()) is not unknown
