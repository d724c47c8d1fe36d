"""What the hub of a demo centre is told: the site's own part of the JupyterHub configuration."""

from __future__ import annotations

from pathlib import Path

from demo.directory import SUFFIX
from demo.entries import Names
from demo.files import render, write
from demo.settings import Instance

QUEUES = Path(__file__).with_name("queues.toml")


def write_site(instance: Instance) -> None:
    """Write the hub's site settings and the queues."""
    text = render("jupyterhub_site.py.j2", instance=instance, names=Names(SUFFIX))
    write(instance.etc / "jupyterhub_site.py", text)
    write(instance.etc / "queues.toml", QUEUES.read_text(encoding="utf-8"))
