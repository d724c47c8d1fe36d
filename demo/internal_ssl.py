"""TLS between the hub, the proxy, the services and the notebooks (JupyterHub's `internal_ssl`)."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.programs import hub_environment
from demo.settings import HUB_ACCOUNT, Instance

__all__ = ["InternalSSLError", "context", "ensure"]

_PAIRS = ("hub-internal", "proxy-api", "proxy-client")
_BUNDLES = ("hub-ca", "notebooks-ca", "proxy-api-ca", "proxy-client-ca", "services-ca")
_PARTS = (
    *(f"{name}/{name}.{kind}" for name in _PAIRS for kind in ("crt", "key")),
    *(f"{name}_trust.crt" for name in _BUNDLES),
)
"""What JupyterHub's ``init_internal_ssl`` makes, below the folder of its certificates."""

Run = Callable[[Sequence[str], str], "subprocess.CompletedProcess[str]"]


class InternalSSLError(Exception):
    """JupyterHub could not make its certificates; the text has its words."""


def ensure(run: Run, instance: Instance) -> None:
    """Have JupyterHub make what is missing; the proxy, which no hub starts, reads it at its own start.

    Nothing is run where all is there: JupyterHub writes the bundles of authorities over each time, and a
    hub that starts in the same moment finds them empty and ends.
    """
    if _complete(instance.internal_certs):
        return
    config = instance.src / "jupyterhub_config.py"
    variables = [f"{name}={value}" for name, value in hub_environment(instance).items()]
    python = f"{instance.venv}/bin/python"
    jupyterhub = [python, "-m", "jupyterhub", "--generate-certs", "-f", str(config)]
    done = run(["env", *variables, *jupyterhub], HUB_ACCOUNT)
    if done.returncode or not _complete(instance.internal_certs):
        raise InternalSSLError(f"jupyterhub --generate-certs: {done.stderr.strip()[-2000:]}")


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() and (folder / name).stat().st_size for name in _PARTS)


def context(instance: Instance) -> ssl.SSLContext | None:
    """Return what the hub shows to the proxy's API; None where the centre speaks plain HTTP inside."""
    if not instance.internal_ssl:
        return None
    folder = instance.internal_certs
    made = ssl.create_default_context(cafile=str(folder / "hub-ca_trust.crt"))
    pair = folder / "hub-internal"
    made.load_cert_chain(pair / "hub-internal.crt", pair / "hub-internal.key")
    return made
