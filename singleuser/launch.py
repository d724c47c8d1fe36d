"""Starts the notebook server on its node; it is run by path, with the user's own Python.

It only settles where the server listens, and loads the extension that tells the hub the port once the
server has it.
"""

from __future__ import annotations

import os
import random
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

PORT_TRIES = 20


def address(bind: str) -> str:
    """Return the address to listen on: all of the node's, or the one its Slurm name has."""
    if bind != "node":
        return "0.0.0.0"  # noqa: S104 - what the site asked for
    name = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    return socket.gethostbyname(name)


def first_port(port_range: str) -> int:
    """Return the port to try first; 0 lets the operating system choose."""
    if not port_range:
        return 0
    first, last = (int(part) for part in port_range.split("-"))
    # The server looks for another up to twice PORT_TRIES away; all of those must be in the range, too.
    margin = min(2 * PORT_TRIES, (last - first) // 2)
    return random.randint(first + margin, last - margin)


def port_again() -> int:
    """Return the port of the server before this one in the same job (start.sh, RESTARTABLE), else 0.

    The hub knows it and takes no other while the job runs.
    """
    file = os.environ.get("HPCHUB_PORT_FILE", "")
    known = Path(file).read_text() if file else ""
    return int(known) if known.isdecimal() else 0


def main() -> None:
    here = Path(__file__).resolve().parent.parent
    # Not PYTHONPATH, which kernels would inherit.
    sys.path.append(str(here))
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    host = address(os.environ.get("HPCHUB_BIND", "all"))
    again = port_again()
    port = again or first_port(os.environ.get("HPCHUB_PORTS", ""))
    os.environ["JUPYTERHUB_SERVICE_URL"] = urlunsplit(url._replace(netloc=f"{host}:{port or 1024}"))
    sys.argv[1:1] = [
        f"--ServerApp.port={port}",
        f"--ServerApp.port_retries={0 if again else PORT_TRIES}",
        "--ServerApp.jpserver_extensions={'singleuser.report': True,"
        " 'singleuser.leash': True, 'singleuser.timeleft': True}",
        # For Notebook and Lab; a user's own setting of the same name would be the stronger one.
        f"--LabServerApp.extra_labextensions_path={here}/singleuser/labextension",
        # Seconds for which a browser is believed without asking the hub; authenticator/watch.py counts on it.
        "--HubOAuth.cache_max_age=60",
        # Compute nodes seldom reach the internet, and nobody wants to be asked about news there.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    from jupyterhub.singleuser import main as serve

    serve()


if __name__ == "__main__":
    main()
