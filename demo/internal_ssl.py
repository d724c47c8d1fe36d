"""TLS between the hub, the proxy, the services and the notebooks (JupyterHub's `internal_ssl`)."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Sequence

from demo.programs import hub_environment
from demo.settings import HUB_ACCOUNT, Instance

__all__ = ["InternalSSLError", "context", "ensure"]

Run = Callable[[Sequence[str], str], "subprocess.CompletedProcess[str]"]


class InternalSSLError(Exception):
    """JupyterHub could not make its certificates; the text has its words."""


def ensure(run: Run, instance: Instance) -> None:
    """Have JupyterHub make what is missing; the proxy, which no hub starts, reads it at its own start."""
    config = instance.src / "jupyterhub_config.py"
    variables = [f"{name}={value}" for name, value in hub_environment(instance).items()]
    python = f"{instance.venv}/bin/python"
    jupyterhub = [python, "-m", "jupyterhub", "--generate-certs", "-f", str(config)]
    done = run(["env", *variables, *jupyterhub], HUB_ACCOUNT)
    if done.returncode or not (instance.internal_certs / "proxy-client").is_dir():
        raise InternalSSLError(f"jupyterhub --generate-certs: {done.stderr.strip()[-2000:]}")


def context(instance: Instance) -> ssl.SSLContext | None:
    """Return what the hub shows to the proxy's API; None where the centre speaks plain HTTP inside."""
    if not instance.internal_ssl:
        return None
    folder = instance.internal_certs
    made = ssl.create_default_context(cafile=str(folder / "hub-ca_trust.crt"))
    pair = folder / "hub-internal"
    made.load_cert_chain(pair / "hub-internal.crt", pair / "hub-internal.key")
    return made
