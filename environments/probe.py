"""Asks an environment, from inside, whether it works; it is run by path with that environment's Python.

It knows nothing but the standard library until it tries what it is to try, and speaks as
`environments.supervising` expects.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

KERNEL_SECONDS = 60
PRODUCT = "6*7"


def main() -> None:
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=live_with_parent, daemon=True).start()
    print(json.dumps({"result": answer(request["needs"])}), flush=True)
    os._exit(0)


def answer(needs: str) -> dict[str, object]:
    server = begin_server() if needs == "server" else None
    try:
        if needs == "server" or has_kernel():
            ask_kernel()
    except Exception as error:  # whatever is wrong in there
        return {"failed": "kernel", "text": f"{type(error).__name__}: {error}"}
    if server is not None:
        said = server.communicate()[0]
        if server.returncode:
            return {"failed": "server", "text": said[-4000:]}
    return {"python": ".".join(map(str, sys.version_info[:3]))}


def begin_server() -> subprocess.Popen[str]:
    script = os.path.join(sys.prefix, "bin", "jupyterhub-singleuser")
    program = [script] if os.path.exists(script) else [sys.executable, "-I", "-m", "jupyterhub.singleuser"]
    return subprocess.Popen(
        [*program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )


def has_kernel() -> bool:
    from importlib.util import find_spec

    return find_spec("ipykernel") is not None


def ask_kernel() -> None:
    """Start a kernel and have it calculate."""
    from jupyter_client.manager import start_new_kernel

    said: list[str] = []
    manager, client = start_new_kernel(startup_timeout=KERNEL_SECONDS)
    try:
        client.execute_interactive(
            f"print({PRODUCT})",
            allow_stdin=False,
            timeout=KERNEL_SECONDS,
            output_hook=lambda message: said.append(str(message["content"])),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if not any("42" in one for one in said):
        raise RuntimeError(f"the kernel did not calculate {PRODUCT}: {said}")


def live_with_parent() -> None:
    """End, with all children, as soon as whoever started us is gone."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
