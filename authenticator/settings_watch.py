"""What a site can set about people who are logged in already."""

from typing import Any, Final

from jupyterhub.auth import Authenticator
from traitlets import Enum, Int, TraitError, default, validate

__all__ = ["LONGEST_GRACE", "WatchSettings"]

LONGEST_GRACE: Final = 3600


class WatchSettings(Authenticator):  # type: ignore[misc, unused-ignore]
    """The settings of `authenticator.watch`, and JupyterHub's own that go with it."""

    watch_interval = Int(
        120,
        help="""Seconds between two looks at the directory for everybody who is logged in, has a token or a
        server. Whoever is disabled there is out after this time, the look itself, and two minutes more for
        what servers remember. At most 150: the whole then stays within five minutes.""",
    ).tag(config=True)
    directory_grace = Int(
        LONGEST_GRACE,
        help="""Seconds for which people stay logged in although the directory does not answer. Servers and
        jobs go on in any case. At most 3600.""",
    ).tag(config=True)
    servers_of_removed = Enum(
        ["keep", "stop"],
        "keep",
        help="""What becomes of the servers of somebody who is disabled or removed in the directory: they
        "keep" running (nobody can open them), or they "stop", those as well that wait in a queue.""",
    ).tag(config=True)

    @default("auth_refresh_age")
    def _auth_refresh_age_default(self) -> int:
        # Our answer comes from memory, so it can be asked for at every request; 0 would mean never.
        return 1

    @default("auth_refresh_strict")
    def _auth_refresh_strict_default(self) -> bool:
        return True

    @default("refresh_pre_spawn")
    def _refresh_pre_spawn_default(self) -> bool:
        return True

    @validate("watch_interval", "directory_grace")
    def _valid_time(self, proposal: Any) -> int:
        seconds, name = int(proposal["value"]), proposal["trait"].name
        most = 150 if name == "watch_interval" else LONGEST_GRACE
        if not 1 <= seconds <= most:
            raise TraitError(f"{name} is {seconds}; write 1 to {most} seconds")
        return seconds
