"""What the hub of a demo centre is told: the site's own part of the JupyterHub configuration."""

from __future__ import annotations

import shutil

from demo.files import TEMPLATES, render, write
from demo.settings import Instance


def write_site(instance: Instance) -> None:
    """Write the hub's site settings and the queues."""
    write(instance.etc / "jupyterhub_site.py", render("jupyterhub_site.py.j2", instance=instance))
    write(instance.etc / "queues.toml", (TEMPLATES / "queues.toml").read_text(encoding="utf-8"))
    for name in ("jupyterhub_site.py", "queues.toml"):
        shutil.chown(instance.etc / name, "root", "root")
