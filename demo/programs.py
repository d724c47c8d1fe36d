"""The programs of a centre: how each is run, as whom, and what it must not start before."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.cluster import NODES
from demo.settings import (
    CHANNEL_SERVICE,
    ENVIRONMENTS_SERVICE,
    HUB_ACCOUNT,
    QUEUES_SERVICE,
    Instance,
)


@dataclass(frozen=True, slots=True)
class Program:
    """One program that supervisord keeps running.

    Parameters
    ----------
    needs : tuple of str
        Programs that must answer before this one is started.
    reads : tuple of Path
        Its configuration. When one of these files changes, the next ``up`` restarts the program.
    start_seconds : int
        A program that ends sooner did not start; after a few times it is given up.
    """

    name: str
    argv: tuple[str, ...]
    needs: tuple[str, ...] = ()
    reads: tuple[Path, ...] = ()
    user: str = ""
    folder: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=dict)
    start_seconds: int = 1
    stop_seconds: int = 10

    @property
    def command_line(self) -> str:
        """The arguments as supervisord's configuration wants them."""
        return shlex.join(self.argv)

    @property
    def environment_line(self) -> str:
        """The environment for supervisord, with a mark that changes when a file in `reads` does."""
        marked = {**self.environment, "HPCHUB_CONFIGURATION": digest(self.reads)}
        return ",".join(f'{name}="{value}"' for name, value in marked.items())


def digest(paths: Sequence[Path]) -> str:
    """Return a text that changes when one of the files does."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes() if path.exists() else b"")
    return total.hexdigest()[:16]


def slurmd_name(node: str) -> str:
    return f"slurmd-{node}"


def all_programs(instance: Instance, slapd: Sequence[str], proxy_token: str) -> tuple[Program, ...]:
    """Return the centre's programs in the order in which they are shown."""
    return (
        _munge(instance),
        _mariadb(instance),
        Program("slapd", tuple(slapd), reads=(instance.etc / "ca.pem",)),
        _nslcd(instance),
        *_slurm(instance),
        _channel(instance),
        _proxy(instance, proxy_token),
        *_hub(instance),
    )


def _munge(instance: Instance) -> Program:
    run = instance.run / "munge"
    data = instance.data / "munge"
    options = {
        "socket": instance.munge_socket,
        "key-file": data / "munge.key",
        "seed-file": data / "munge.seed",
        "pid-file": run / "munged.pid",
    }
    # --force takes over the socket of a munged that was killed.
    flags = ("--foreground", "--force", "--num-threads=4")
    argv = ("/usr/sbin/munged", *flags, *(f"--{name}={path}" for name, path in options.items()))
    return Program("munge", argv, user="munge", reads=(data / "munge.key",))


def _mariadb(instance: Instance) -> Program:
    conf = instance.etc / "my.cnf"
    argv = ("/usr/sbin/mariadbd", f"--defaults-file={conf}")
    return Program("mariadb", argv, reads=(conf,), user="mysql", stop_seconds=30)


def _nslcd(instance: Instance) -> Program:
    reads = (instance.namespace / "nslcd.conf",)
    return Program("nslcd", ("/usr/sbin/nslcd", "--nofork"), needs=("slapd",), reads=reads)


def _slurm(instance: Instance) -> tuple[Program, ...]:
    folder = instance.slurm_conf.parent
    reads = (instance.slurm_conf, folder / "gres.conf", folder / "cgroup.conf")
    slurmdbd = Program(
        "slurmdbd",
        ("/usr/sbin/slurmdbd", "-D"),
        needs=("munge", "mariadb"),
        reads=(folder / "slurmdbd.conf",),
        user="slurm",
        stop_seconds=20,
    )
    slurmctld = Program(
        "slurmctld",
        ("/usr/sbin/slurmctld", "-D"),
        needs=("slurmdbd", "nslcd", "accounts"),
        reads=reads,
        user="slurm",
        stop_seconds=20,
    )
    slurmds = (
        Program(
            slurmd_name(node.name),
            ("/usr/sbin/slurmd", "-D", "-N", node.name),
            # nslcd too: a job that is left over belongs to a user whom slurmd looks up.
            needs=("munge", "nslcd"),
            reads=reads,
        )
        for node in NODES
    )
    return (slurmdbd, slurmctld, *slurmds)


def _channel(instance: Instance) -> Program:
    program = instance.sbin / "hpchub-channel"
    port = str(instance.service_port(CHANNEL_SERVICE))
    return Program("channel", (str(program), port, str(instance.channel)), user="nobody", reads=(program,))


def _proxy(instance: Instance, token: str) -> Program:
    argv = (
        str(instance.proxy_program),
        f"--ip={instance.address}",
        f"--port={instance.port}",
        "--api-ip=127.0.0.1",
        f"--api-port={instance.port_of('proxy-api')}",
        f"--error-target={instance.inside}://127.0.0.1:{instance.port_of('hub')}/hub/error",
        *(_proxy_certificates(instance) if instance.internal_ssl else ()),
    )
    away = instance.src / "services" / "proxy"
    return Program(
        "proxy",
        argv,
        needs=("certificates",),
        reads=tuple(away / name for name in ("away.mjs", "away.html", "sent.html", "away.json")),
        user=HUB_ACCOUNT,
        environment={"CONFIGPROXY_AUTH_TOKEN": token, "NODE_OPTIONS": f"--import={away}/away.mjs"},
    )


def _proxy_certificates(instance: Instance) -> list[str]:
    """Return what JupyterHub would tell a proxy that it starts itself, see its `_get_ssl_options`."""
    folder = instance.internal_certs
    words = []
    for option in ("api", "client"):
        pair = folder / f"proxy-{option}" / f"proxy-{option}"
        words += [
            f"--{option}-ssl-key={pair}.key",
            f"--{option}-ssl-cert={pair}.crt",
            f"--{option}-ssl-ca={folder}/proxy-{option}-ca_trust.crt",
            f"--{option}-ssl-request-cert",
            f"--{option}-ssl-reject-unauthorized",
        ]
    return words


def _hub(instance: Instance) -> tuple[Program, ...]:
    if not instance.with_hub:
        return ()
    config = instance.src / "jupyterhub_config.py"
    site = instance.etc / "jupyterhub_site.py"
    hub = Program(
        "hub",
        (f"{instance.venv}/bin/python", "-m", "jupyterhub", "-f", str(config)),
        needs=("slurmctld", "slapd", "proxy", "tokens"),
        reads=(
            site,
            instance.etc / "queues.toml",
            instance.environments_file,
            instance.etc / "source-digest",
        ),
        user=HUB_ACCOUNT,
        folder=instance.data / "hub",
        environment=hub_environment(instance),
        start_seconds=5,
        stop_seconds=20,
    )
    return (hub,)


def hub_environment(instance: Instance) -> dict[str, str]:
    """Return what the hub, and the administrator's command, are told by their environment."""
    return {
        "HOME": str(instance.data / "hub"),
        "HPCHUB_SITE_CONFIG": str(instance.etc / "jupyterhub_site.py"),
        "HPCHUB_QUEUES": str(instance.etc / "queues.toml"),
        "HPCHUB_ENVIRONMENTS": str(instance.environments_file),
        "HPCHUB_ACTS_AS_USER": f"sudo -nHu {{username}} {instance.sbin}/hpchub-as-user",
        "HPCHUB_QUEUES_SERVICE_URL": _service_url(instance, QUEUES_SERVICE),
        "HPCHUB_ENVIRONMENTS_SERVICE_URL": _service_url(instance, ENVIRONMENTS_SERVICE),
        "PYTHONPATH": str(instance.src),
    }


def _service_url(instance: Instance, index: int) -> str:
    return f"{instance.inside}://127.0.0.1:{instance.service_port(index)}"
