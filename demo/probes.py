"""Does it answer? One question for each program of a centre, asked until the answer is yes."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping, Sequence

from demo import internal_ssl
from demo.namespace import Namespace
from demo.settings import CHANNEL_SERVICE, Instance

Probe = Callable[[], bool]

_LIMIT = 10.0


class Probes:
    """The questions, asked from inside the centre's namespace where names and users matter."""

    def __init__(self, instance: Instance, namespace: Namespace, user: str) -> None:
        self._instance = instance
        self._namespace = namespace
        self._user = user

    def by_step(self) -> Mapping[str, Probe]:
        """Return the questions by program; all slurmd together are asked for as ``nodes``."""
        socket = f"{self._instance.run}/mariadb/mariadb.socket"
        mariadb = ["mariadb-admin", "--no-defaults", f"--socket={socket}", "ping"]
        return {
            "munge": self._munge,
            "mariadb": lambda: self._says_yes(mariadb),
            "slapd": self._slapd,
            "nslcd": lambda: self._says_yes(["getent", "passwd", self._user]),
            "slurmdbd": lambda: self._says_yes(["sacctmgr", "-n", "show", "cluster"]),
            "slurmctld": lambda: self._says_yes(["scontrol", "ping"]),
            "nodes": self._nodes,
            "channel": self._channel,
            "proxy": self._proxy,
            "hub": self._hub,
        }

    def _ask(self, argv: Sequence[str], feed: str = "") -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                self._namespace.command(argv),
                input=feed,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None

    def _says_yes(self, argv: Sequence[str]) -> bool:
        done = self._ask(argv)
        return done is not None and done.returncode == 0

    def _munge(self) -> bool:
        socket = str(self._instance.munge_socket)
        made = self._ask(["munge", "--no-input", "--socket", socket])
        if made is None or made.returncode:
            return False
        read = self._ask(["unmunge", "--socket", socket], made.stdout)
        return read is not None and read.returncode == 0

    def _slapd(self) -> bool:
        uri = f"ldaps://localhost:{self._instance.port_of('ldap')}"
        ca = f"LDAPTLS_CACERT={self._instance.etc / 'ca.pem'}"
        search = ["ldapsearch", "-x", "-LLL", "-H", uri, "-s", "base", "-b", "", "vendorName"]
        return self._says_yes(["env", ca, *search])

    def _nodes(self) -> bool:
        done = self._ask(["sinfo", "-h", "-N", "-o", "%T"])
        states = done.stdout.split() if done is not None and done.returncode == 0 else []
        # A star means that slurmctld has not heard of the node. Drained by somebody is fine.
        return bool(states) and not any(state.endswith("*") or state.startswith("unk") for state in states)

    def _channel(self) -> bool:
        # Its own address only; whether a channel lies there, demo/install.sh sees to.
        with socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex(("127.0.0.1", self._instance.service_port(CHANNEL_SERVICE))) == 0

    def _proxy(self) -> bool:
        token = (self._instance.etc / "proxy-token").read_text().strip()
        headers = {"Authorization": f"token {token}"}
        port = self._instance.port_of("proxy-api")
        certificates = internal_ssl.context(self._instance)
        return _http_ok("127.0.0.1", port, "/api/routes", headers, certificates)

    def _hub(self) -> bool:
        return _http_ok(self._instance.address, self._instance.port, "/hub/health", {})


def _http_ok(
    host: str, port: int, path: str, headers: Mapping[str, str], certificates: ssl.SSLContext | None = None
) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    if certificates is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=2, context=certificates)
    try:
        connection.request("GET", path, headers=dict(headers))
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
