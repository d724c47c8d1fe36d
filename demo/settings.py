"""Where a demo centre lives: its folders, ports and addresses, all derived from a few settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.cluster import Node

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_STATE = Path("/srv/hpchub")
DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_PORT_BASE = 18000
DEFAULT_MIN_JOB_AGE = 300
DEFAULT_LOOK_SECONDS = 30

HUB_ACCOUNT = "hpchub"
# Below 1000, so that nothing may act *as* this account, and outside the ranges that adduser (from 100
# upwards) and systemd-sysusers (from 999 downwards) hand out.
HUB_UID = 611

_OFFSETS = {
    "hub": 1,
    "proxy-api": 2,
    "ldap": 3,
    "mariadb": 4,
    "slurmdbd": 5,
    "slurmctld": 6,
    "slurmd": 10,  # the first node's; the others follow
    "services": 40,  # the first of the hub's services; see Instance.service_port
}


# What has which of the services' ports.
QUEUES_SERVICE = 0
ENVIRONMENTS_SERVICE = 1
CHANNEL_SERVICE = 2


class SettingError(Exception):
    """A setting does not make sense; the text says which and what to write."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One centre on this machine.

    Parameters
    ----------
    state : Path
        The folder below which everything of this centre lies (``HPCHUB_STATE``).
    venv : Path
        The virtual environment that the centre's programs run from (``HPCHUB_VENV``).
    address : str
        The address on which users reach the hub (``HPCHUB_ADDRESS``). The demo's passwords are known
        to everybody, so nobody outside this machine is let in unless somebody says so.
    port : int
        The port on which users reach the hub (``HPCHUB_PORT``).
    port_base : int
        The ports of everything else follow this number (``HPCHUB_PORT_BASE``).
    min_job_age : int
        Seconds that slurmctld remembers a job which has ended (``HPCHUB_MIN_JOB_AGE``).
    look_seconds : int
        Seconds between two looks of the hub at jobs that run (``HPCHUB_LOOK_SECONDS``).
    with_hub : bool
        Whether the hub belongs to the centre (no, when ``HPCHUB_WITHOUT_HUB`` is set): Slurm and the
        directory alone are enough to try many things.
    internal_ssl : bool
        Whether hub, proxy, services and notebooks speak TLS with each other (``HPCHUB_INTERNAL_SSL=1``). It
        may be changed while the centre runs: hub and proxy are started again.
    checkout : Path
        The checkout whose files are copied to ``state/src``.
    """

    state: Path
    venv: Path
    address: str = DEFAULT_ADDRESS
    port: int = DEFAULT_PORT
    port_base: int = DEFAULT_PORT_BASE
    min_job_age: int = DEFAULT_MIN_JOB_AGE
    look_seconds: int = DEFAULT_LOOK_SECONDS
    with_hub: bool = True
    internal_ssl: bool = False
    checkout: Path = CHECKOUT

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Instance:
        """Read the settings of the default centre from environment variables."""
        state = Path(environ.get("HPCHUB_STATE") or DEFAULT_STATE)
        if not state.is_absolute():
            raise SettingError(f"HPCHUB_STATE={state}: write an absolute path, such as {DEFAULT_STATE}")
        return cls(
            state=state,
            venv=Path(environ.get("HPCHUB_VENV") or state / "venv"),
            address=environ.get("HPCHUB_ADDRESS") or DEFAULT_ADDRESS,
            port=_number(environ, "HPCHUB_PORT", DEFAULT_PORT, 1, 65535),
            port_base=_number(environ, "HPCHUB_PORT_BASE", DEFAULT_PORT_BASE, 1024, 65000),
            with_hub=not environ.get("HPCHUB_WITHOUT_HUB"),
            internal_ssl=bool(environ.get("HPCHUB_INTERNAL_SSL")),
            min_job_age=_number(environ, "HPCHUB_MIN_JOB_AGE", DEFAULT_MIN_JOB_AGE, 2, 86400),
            look_seconds=_number(environ, "HPCHUB_LOOK_SECONDS", DEFAULT_LOOK_SECONDS, 2, 600),
        )

    # -- folders -----------------------------------------------------------------------------------

    @property
    def etc(self) -> Path:
        """What the programs are told."""
        return self.state / "etc"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.state / "run"

    @property
    def log(self) -> Path:
        """One log a program."""
        return self.state / "log"

    @property
    def data(self) -> Path:
        """What must survive a restart."""
        return self.state / "data"

    @property
    def locks(self) -> Path:
        """What the administrator solved for all users' environments."""
        return self.data / "locks"

    @property
    def src(self) -> Path:
        """The copy of the checkout that the hub and the jobs run from."""
        return self.state / "src"

    @property
    def sbin(self) -> Path:
        """The helper that acts as users; owned by root."""
        return self.state / "sbin"

    @property
    def bin(self) -> Path:
        """The commands that the centre's people have."""
        return self.state / "bin"

    @property
    def environments_file(self) -> Path:
        """What the site says of users' environments."""
        return self.etc / "environments.toml"

    @property
    def scratch(self) -> Path:
        """What the centre's programs see as ``/scratch``."""
        return self.state / "scratch"

    @property
    def home(self) -> Path:
        """The homes of the directory's users."""
        return self.state / "home"

    def home_of(self, user: str) -> Path:
        """Return a user's home; the hub's own account lives among its data."""
        return self.data / "hub" if user == HUB_ACCOUNT else self.home / user

    @property
    def devices(self) -> Path:
        """The device files that stand for GPUs."""
        return self.state / "dev"

    @property
    def namespace(self) -> Path:
        """The files that the centre's programs see in ``/etc`` in place of the machine's."""
        return self.etc / "namespace"

    @property
    def slurm_conf(self) -> Path:
        return self.etc / "slurm" / "slurm.conf"

    def slurm_log(self, program: str) -> Path:
        """Return the log that one of Slurm's daemons writes itself, with the time of each line."""
        return self.log / "slurm" / f"{program}.log"

    def log_of(self, program: str) -> Path:
        """Return the log worth reading: the program's own if it writes one, else what supervisord caught."""
        own = (self.slurm_log(program), self.log / program / f"{program}.log")
        return next((path for path in own if path.exists()), self.log / f"{program}.log")

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge" / "munge.socket"

    @property
    def token_key(self) -> Path:
        """The key of the hub's store of one-time-password tokens."""
        return self.data / "hub" / "token-key"

    @property
    def token_store_url(self) -> str:
        return f"sqlite:///{self.data}/hub/tokens.sqlite"

    @property
    def internal_certs(self) -> Path:
        """Where the hub keeps the certificates with which the centre's own programs prove themselves."""
        return self.data / "hub" / "internal-ssl"

    @property
    def inside(self) -> str:
        """The scheme of the addresses that only the centre's own programs use."""
        return "https" if self.internal_ssl else "http"

    @property
    def image(self) -> Path:
        """The demo's container image, which demo/install.sh puts beside the virtual environment."""
        return self.venv.parent / "image"

    @property
    def proxy_program(self) -> Path:
        """configurable-http-proxy, which demo/install.sh puts beside the virtual environment."""
        return self.venv.parent / "node" / "node_modules" / ".bin" / "configurable-http-proxy"

    @property
    def channel(self) -> Path:
        """The demo's conda channel, which demo/install.sh makes beside the virtual environment."""
        return self.venv.parent / "channel"

    @property
    def shared(self) -> Path:
        """The demo's shared environment, which demo/install.sh makes beside the virtual environment."""
        return self.venv.parent / "shared" / "root" / "envs" / "teaching"

    # -- ports and addresses -----------------------------------------------------------------------

    def port_of(self, name: str) -> int:
        """Return the port of a program other than the public proxy."""
        return self.port_base + _OFFSETS[name]

    def service_port(self, index: int) -> int:
        """Return the port of the hub's service number `index`."""
        return self.port_of("services") + index

    @property
    def channel_url(self) -> str:
        """Where the centre's nodes find the conda channel."""
        return f"http://127.0.0.1:{self.service_port(CHANNEL_SERVICE)}"

    @property
    def network(self) -> str:
        """First three numbers of this centre's loopback addresses, different for each port base."""
        return f"127.64.{self.port_base // 100 % 256}"

    def node_address(self, node: Node) -> str:
        """Return the address that notebooks on a node listen on; the hub finds it by the node's name."""
        return f"{self.network}.{node.number}"

    def node_port(self, node: Node) -> int:
        return self.port_of("slurmd") + node.number - 1

    @property
    def url(self) -> str:
        """What a user types into the browser."""
        host = "localhost" if self.address in {"127.0.0.1", "0.0.0.0"} else self.address  # noqa: S104
        return f"http://{host}:{self.port}/"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every program of the centre: nothing of the caller's leaks in."""
        return {
            "PATH": f"{self.venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "SLURM_CONF": str(self.slurm_conf),
        }

    @property
    def login_environment(self) -> dict[str, str]:
        """What somebody who logs in to the centre has: its commands, and where the site's settings are."""
        return {
            **self.environment,
            "PATH": f"{self.bin}:{self.src}/scripts:{self.environment['PATH']}",
            "HPCHUB_ENVIRONMENTS": str(self.environments_file),
            "HPCHUB_PYTHON": f"{self.venv}/bin/python",
        }


def default_venv() -> Path:
    """Return the virtual environment of the running interpreter, for centres that share it."""
    return Path(sys.prefix)


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SettingError(f"{name}={text}: write a number from {low} to {high}, such as {default}")
    return int(text)
