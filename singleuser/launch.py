"""Starts the notebook server on its node; it is run by path, with the user's own Python.

It settles where the server listens, and which of the user's settings count, and loads the extension that
tells the hub the port once the server has it.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

PORT_TRIES = 20
PORT_FILE = "HPCHUB_PORT_FILE"  # start.sh names one where a server that ends is started again
CANNOT_SERVE = 66  # sysexits.h: EX_NOINPUT; as enter.sh, and the hub knows it (spawner/endings.py)
EXTENSIONS = ("singleuser.report", "singleuser.leash", "singleuser.timeleft")


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
    file = os.environ.get(PORT_FILE, "")
    known = Path(file).read_text() if file else ""
    return int(known) if known.isdecimal() else 0


def arguments(here: Path, port: int, retries: int, loaded: dict[str, bool]) -> list[str]:
    """Return what the server is told on its command line."""
    extensions = {**dict.fromkeys(EXTENSIONS, True), **loaded}
    return [
        f"--ServerApp.port={port}",
        f"--ServerApp.port_retries={retries}",
        f"--ServerApp.jpserver_extensions={extensions}",
        "--ServerApp.kernel_spec_manager_class=singleuser.kernels.EnvironmentKernels",
        # For Notebook and Lab; a user's own setting of the same name would be the stronger one.
        f"--LabServerApp.extra_labextensions_path={here}/singleuser/labextension",
        # Seconds for which a browser is believed without asking the hub; authenticator/watch.py counts on it.
        "--HubOAuth.cache_max_age=60",
    ]


def without_news(words: list[str]) -> list[str]:
    """Return what keeps Lab from asking the internet, which compute nodes seldom reach, unless the site does.

    The question itself, whether somebody wants news, is taken away by the front-end extension
    (``disabledExtensions`` in its package.json): Lab asks it whatever is said here.
    """
    usual = ("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
    said = {word.split("=")[0] for word in words}
    return [one for one in usual if one.split("=")[0] not in said]


def prepare(here: Path, words: list[str]) -> list[str]:
    """Settle address, port and first page; return the server's arguments, the hub's own among them."""
    from singleuser.notebook_settings import chosen_interface, kept

    again = port_again()
    host = address(os.environ.get("HPCHUB_BIND", "all"))
    port = again or first_port(os.environ.get("HPCHUB_PORTS", ""))
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    os.environ["JUPYTERHUB_SERVICE_URL"] = urlunsplit(url._replace(netloc=f"{host}:{port or 1024}"))
    page, extensions = chosen_interface(os.environ)
    if page:
        os.environ["JUPYTERHUB_DEFAULT_URL"] = page
    ours = [*arguments(here, port, 0 if again else PORT_TRIES, extensions), *without_news(words)]
    return [*kept(os.environ.get("NOTEBOOK_ARGS", ""), [*words, *ours]), *words, *ours]


def server() -> Callable[[], object]:
    """Return what serves; where an environment lacks it, end with a number that the hub can explain."""
    try:
        import jupyter_server.serverapp  # noqa: F401 - jupyterhub takes another server where it is broken
        from jupyterhub.singleuser import main
    except Exception:
        if not os.environ.get("HPCHUB_ENVIRONMENT", "").startswith(("own:", "shared:")):
            raise
        traceback.print_exc()
        print("hpchub: the notebook server of this environment is broken; reset it", file=sys.stderr)
        sys.exit(CANNOT_SERVE)
    return main


def main() -> None:
    here = Path(__file__).resolve().parent.parent
    # Not PYTHONPATH, which kernels would inherit.
    sys.path.append(str(here))
    from singleuser.notebook_settings import apply_settings

    apply_settings()
    if os.environ.get("RESTARTABLE") == "yes" and PORT_FILE not in os.environ:
        # The user's file says so, which start.sh has not read.
        os.environ["HPCHUB_HOOKS_DONE"] = "yes"
        start = str(here / "singleuser" / "start.sh")
        os.execv("/bin/bash", ["/bin/bash", start, sys.executable, *sys.argv])  # noqa: S606 - no shell wanted
    sys.argv[1:] = prepare(here, sys.argv[1:])
    server()()


if __name__ == "__main__":
    main()
