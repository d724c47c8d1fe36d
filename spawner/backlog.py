"""Room for connections that the hub has not taken up yet.

The proxy opens a connection for each request that it has no idle one for, so a lecture that presses Refresh
makes hundreds at once. Tornado has the kernel keep 128 of them while the hub is busy, and JupyterHub has no
setting for it. What comes on top is dropped, and the proxy's side tries again after a second: the answer is
ready in no time, and is a second late. Here the same socket is told to keep more, which Linux allows at any
time (listen(2)); it keeps no more than net.core.somaxconn says, by default 4096.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["MOST", "make_room"]

MOST: Final = 4096


def make_room(server: Any) -> bool:
    """Let more connections wait for tornado's `server`; False when it does not listen yet."""
    # Tornado gives its sockets to nobody, and JupyterHub only its port.
    sockets = list(getattr(server, "_sockets", {}).values())
    for one in sockets:
        one.listen(MOST)
    return bool(sockets)
