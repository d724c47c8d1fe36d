"""Somebody with a browser, without the browser: logs in, fills in forms, follows the progress stream."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

__all__ = ["Login", "Person"]


class Person:
    """One user of a hub, with the cookies of one browser.

    Parameters
    ----------
    url : str
        The hub's public address, with a slash at its end.
    """

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=90)

    def close(self) -> None:
        self.http.close()

    @property
    def xsrf(self) -> str:
        """The token that the hub's pages put into their forms."""
        cookies = [cookie for cookie in self.http.cookies.jar if cookie.name == "_xsrf"]
        own = [cookie for cookie in cookies if cookie.path == "/hub/"]
        return str((own or cookies)[0].value)

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.get(path, **kwargs)

    def post(self, path: str, data: dict[str, Any], **kwargs: Any) -> httpx.Response:
        return self.http.post(path, data={"_xsrf": self.xsrf, **data}, **kwargs)

    def try_login(self, otp: str, password: str, **more: Any) -> httpx.Response:
        self.get("hub/login")
        form = {"username": self.name, "otp": otp, "password": password, **more}
        return self.post("hub/login?next=%2Fhub%2Fhome", form)

    def api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"X-XSRFToken": self.xsrf, "Referer": f"{self.url}hub/home", **kwargs.pop("headers", {})}
        return self.http.request(method, f"hub/api/{path}", headers=headers, **kwargs)

    def server(self, name: str = "") -> str:
        return f"users/{self.name}/servers/{name}" if name else f"users/{self.name}/server"

    def submit(self, **options: Any) -> httpx.Response:
        """Fill in the spawn form and press Submit."""
        self.get("hub/spawn")
        return self.post("hub/spawn", {"interface": "notebook", **options})

    def start(self, name: str = "", **options: Any) -> httpx.Response:
        """Start a server through the REST API."""
        return self.api("POST", self.server(name), json={"user_options": options, "display_name": name})

    def model(self, name: str = "") -> dict[str, Any]:
        """Describe a server as the API does; an empty dictionary when there is none."""
        answer = self.api("GET", f"users/{self.name}?include_stopped_servers=1")
        if answer.status_code >= 500:
            return {"pending": "unknown while the hub is away"}
        servers: dict[str, Any] = answer.json().get("servers") or {}
        return dict(servers.get(name, {}))

    def state(self, name: str = "") -> str:
        model = self.model(name)
        return "ready" if model.get("ready") else str(model.get("pending") or "stopped")

    def until(self, wanted: str, name: str = "", seconds: float = 120) -> dict[str, Any]:
        """Wait until a server is ``ready``, ``stopped``, or pending in a certain way."""
        deadline = time.monotonic() + seconds
        while (state := self.state(name)) != wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}/{name} is {state} after {seconds} s, not {wanted}")
            time.sleep(0.2)
        return self.model(name)

    def progress(self, name: str = "") -> Iterator[dict[str, Any]]:
        """Yield the events of a start, as the waiting page hears them."""
        path = f"hub/api/{self.server(name)}/progress"
        headers = {"X-XSRFToken": self.xsrf, "Referer": f"{self.url}hub/home"}
        with self.http.stream("GET", path, headers=headers) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def job_id(self, name: str = "") -> str:
        """Return the id of the job behind a server that starts, as the waiting page shows it."""
        return str(next(event["job_id"] for event in self.progress(name) if event.get("job_id")))

    def event_with(self, field: str, value: object, seconds: float = 90) -> dict[str, Any]:
        """Follow a start until an event says something; show the last one when none does."""
        deadline = time.monotonic() + seconds
        event: dict[str, Any] = {}
        for event in self.progress():
            if event.get(field) == value:
                return event
            if time.monotonic() > deadline:
                break
        raise AssertionError(f"no event with {field}={value!r}; the last was {event}")

    def stop(self, name: str = "", *, wait: bool = True) -> httpx.Response:
        answer = self.api("DELETE", self.server(name))
        if wait:
            self.until("stopped", name)
        return answer

    def alert(self, page: httpx.Response) -> str:
        """Return what a page says in its alerts, without the markup."""
        found = re.findall(r'role="alert"[^>]*>(.*?)</', page.text, re.DOTALL)
        return " ".join(re.sub(r"<[^>]+>|\s+", " ", text).strip() for text in found)


Login = Callable[[str], Person]
"""Gives somebody who is logged in, by name."""
