"""A real hub that serves our pages, with invented queues and no Slurm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hubs import run_hub
from tests.ports import free_port

__all__ = ["PageHub", "run_page_hub"]

# No proxy: the tests talk to the hub itself, and no server of theirs is ever opened.
CONFIG = """
import asyncio, json, os
from pathlib import Path
import texts, texts.handler, texts.jinja
from jupyterhub.apihandlers import default_handlers as api
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from tests.templates.contexts import OFFERS, queue_form, table

SCRIPT = Path("script.json")

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{}}

class Invented(Spawner):
    looks = 0
    async def options_form(self, spawner):
        Invented.looks += 1
        name = self.handler.request.path
        context = queue_form(table=table(idle=Invented.looks), refresh_url=name)
        return await self.handler.render_template("queue_form.html", **context)
    def options_from_form(self, form):
        return {{name: values[0] for name, values in form.items() if name != "_xsrf"}}
    def _step(self):
        return json.loads(SCRIPT.read_text())
    async def start(self):
        while not self._step().get("fails"):
            await asyncio.sleep(0.1)
        raise RuntimeError("ended")
    async def stop(self, now=False): Path("stopped").touch()
    async def poll(self): return None if self.looks else 0
    async def progress(self):
        last = None
        while True:
            step = self._step()
            if step != last:
                yield dict(step)
            last = step
            await asyncio.sleep(0.1)

class Figures(APIHandler):
    async def get(self):
        if self.current_user is None:
            self.set_status(403)
            return
        Invented.looks += 1
        looked = table(idle=Invented.looks)
        html = await self.render_template("queue_figures.html", table=looked, currency="KRW")
        own = {{
            row.queue.name: {{
                "why": str(row.why_not or ""),
                "offers": OFFERS[row.queue.name].as_data(),
            }}
            for row in looked.rows
        }}
        self.finish({{"figures": {{"html": html}}, "own": own}})

class NothingExpected(APIHandler):
    def get(self):
        self.finish({{"queues": {{}}, "limits": []}})

texts.handler.register()
api[:0] = [("/api/hpchub/queues", Figures), ("/api/hpchub/expected", NothingExpected)]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Invented
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.Authenticator.allow_all = True
c.JupyterHub.template_paths = [str(texts.jinja.TEMPLATES)]
c.JupyterHub.template_vars = texts.jinja.TEMPLATE_VARS
c.JupyterHub.jinja_environment_options = {{"extensions": texts.jinja.EXTENSIONS}}
"""


@dataclass
class PageHub:
    """A running hub: its address, and the folder in which its spawner reads what to say."""

    url: str
    folder: Path

    def says(self, **event: object) -> None:
        """Let the progress of a starting server say this from now on."""

        new = self.folder / "script.new"
        new.write_text(json.dumps(event))
        new.replace(self.folder / "script.json")


@contextmanager
def run_page_hub(folder: Path) -> Iterator[PageHub]:
    """Run the hub until the block ends."""
    port = free_port()
    config = folder / "config.py"
    config.write_text(CONFIG.format(port=port))
    with run_hub(folder, port, config, "login") as url:
        yield PageHub(url, folder)
