"""Everything that must lie on the disk before a centre's programs start."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

from demo import certificates, directory
from demo.accounts import Accounts
from demo.channel.target import Target
from demo.cluster import NODES, PARTITIONS
from demo.files import ROOT, Owner, make_folder, render, secret, write
from demo.namespace import Bind
from demo.programs import Program, all_programs
from demo.settings import HUB_ACCOUNT, HUB_UID, Instance

HUB = Owner(HUB_UID, HUB_UID)

_INSTALL_LIMIT = 120


class SiteError(Exception):
    """The centre's files cannot be made; the text says why and what to do."""


def prepare(instance: Instance, accounts: Accounts) -> None:
    """Make the folders, secrets and configuration files that are missing or differ."""
    _make_folders(instance)
    _write_namespace_files(instance)
    _write_slurm(instance)
    _write_database(instance)
    _make_devices(instance)
    _write_helper(instance)
    _write_environments(instance)
    _make_user_folders(instance, accounts)
    _write_certificates(instance)


def prepare_stopped(instance: Instance, lock: int) -> None:
    """Make what can be made only while the centre does not run: the database's first files.

    Parameters
    ----------
    lock : int
        Descriptor of the lock that the caller holds. The installation inherits it, so that it stays locked
        out for others until it ends, even when its caller is killed.
    """
    data = instance.data / "mariadb"
    if data.exists():
        return
    # Made aside: an installation that is interrupted leaves nothing that looks finished.
    aside = instance.data / "mariadb.new"
    shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside, Owner.of("mysql"), 0o700)
    # MariaDB removes temporary tables that it finds when it starts: in /tmp they would be another centre's.
    temporary = instance.run / "mariadb"
    argv = ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={aside}", "--skip-test-db"]
    argv.append(f"--tmpdir={temporary}")
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False, pass_fds=(lock,)
    )
    if done.returncode:
        raise SiteError(f"mariadb-install-db failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    aside.rename(data)


def write_programs(instance: Instance, slapd: list[str]) -> tuple[Program, ...]:
    """Write supervisord's configuration; return the programs in it."""
    programs = all_programs(instance, slapd, secret(instance.etc / "proxy-token", HUB))
    text = render("supervisord.conf.j2", instance=instance, programs=programs)
    write(instance.etc / "supervisord.conf", text, mode=0o600)
    return programs


def prepare_directory(instance: Instance, accounts: Accounts) -> list[str]:
    """Make slapd's files while it does not run; return its command line."""
    folder = instance.data / "ldap"
    return directory.prepare(
        folder,
        port=instance.port_of("ldap"),
        certificates=certificates.ensure(instance.etc / "tls", "localhost"),
        accounts=accounts,
        home_pattern=f"{instance.home}/{{username}}",
    )


def binds(instance: Instance) -> list[Bind]:
    """Return what the centre's programs see in other places than the machine does."""
    names = ("hosts", "nsswitch.conf", "nslcd.conf", "sudoers", "passwd", "group")
    inside = [Bind(instance.namespace / name, Path("/etc") / name) for name in names]
    inside.append(Bind(instance.scratch, Path("/scratch")))
    inside.append(Bind(instance.run / "nslcd", Path("/run/nslcd")))
    for bind in inside:
        if not bind.target.exists():
            if not bind.source.is_dir():
                raise SiteError(
                    f"{bind.target} is missing on this machine, and a mount needs it: make it; empty will do"
                )
            # The machine gets an empty folder; what is in it is seen inside only.
            bind.target.mkdir()
    return inside


def _make_folders(instance: Instance) -> None:
    for folder in (
        instance.state,
        *(instance.etc, instance.namespace, instance.slurm_conf.parent, instance.sbin, instance.bin),
        instance.devices,
        *(
            instance.run,
            instance.log,
            instance.data,
            instance.data / "slurmd",
            instance.home,
            instance.scratch,
        ),
    ):
        make_folder(folder)
    slurm, munge, mysql, nslcd = (Owner.of(name) for name in ("slurm", "munge", "mysql", "nslcd"))
    for path, owner, mode in (
        (instance.run / "munge", munge, 0o755),
        (instance.data / "munge", munge, 0o700),
        (instance.log / "slurm", slurm, 0o755),
        (instance.log / "nslcd", nslcd, 0o755),
        (instance.run / "mariadb", mysql, 0o700),
        (instance.run / "nslcd", nslcd, 0o755),
        (instance.run / "slurmctld", slurm, 0o755),
        (instance.run / "slurmdbd", slurm, 0o755),
        (instance.data / "slurmctld", slurm, 0o700),
        (instance.data / "hub", HUB, 0o700),
        (instance.locks, HUB, 0o755),
    ):
        make_folder(path, owner, mode)
    key = instance.data / "munge" / "munge.key"
    secret(key, munge)


def _write_namespace_files(instance: Instance) -> None:
    folder = instance.namespace
    hostname = socket.gethostname()
    write(folder / "hosts", render("hosts.j2", instance=instance, nodes=NODES, hostname=hostname))
    write(folder / "nsswitch.conf", render("nsswitch.conf.j2"))
    write(folder / "sudoers", render("sudoers.j2", instance=instance, hub_account=HUB_ACCOUNT), mode=0o440)
    passwd, group = (Path("/etc") / name for name in ("passwd", "group"))
    # "*" and not "x": there is no entry in the shadow file to look for.
    account = f"{HUB_ACCOUNT}:*:{HUB_UID}:{HUB_UID}:hpchub:{instance.data}/hub:/usr/sbin/nologin\n"
    write(folder / "passwd", _with_hub_account(passwd, account))
    write(folder / "group", _with_hub_account(group, f"{HUB_ACCOUNT}:*:{HUB_UID}:\n"))
    ldap = instance.data / "ldap"
    conf = directory.nslcd_conf(ldap, port=instance.port_of("ldap"), ca=instance.etc / "ca.pem")
    write(folder / "nslcd.conf", f"{conf}log {instance.log}/nslcd/nslcd.log info\n", mode=0o600)


def _with_hub_account(path: Path, account: str) -> str:
    lines = path.read_text().splitlines(keepends=True)
    others = [line for line in lines if not line.startswith(f"{HUB_ACCOUNT}:")]
    for line in others:
        if line.split(":")[2:3] == [str(HUB_UID)]:
            raise SiteError(
                f"{path} gives the number {HUB_UID} to {line.partition(':')[0]}; the demo needs it for"
                f" its {HUB_ACCOUNT} account: change HUB_UID in demo/settings.py"
            )
    return "".join(others) + account


def _write_slurm(instance: Instance) -> None:
    values = {
        "instance": instance,
        "nodes": NODES,
        "partitions": PARTITIONS,
        "gpu_types": sorted({kind for node in NODES for kind, _count in node.gpus_by_type}),
        "hostname": socket.gethostname(),
    }
    folder = instance.slurm_conf.parent
    write(instance.slurm_conf, render("slurm.conf.j2", **values))
    write(folder / "gres.conf", render("gres.conf.j2", **values))
    write(folder / "cgroup.conf", render("cgroup.conf.j2"))
    password = secret(instance.data / "database-password")
    text = render("slurmdbd.conf.j2", instance=instance, database_password=password)
    write(folder / "slurmdbd.conf", text, Owner.of("slurm"), 0o600)


def _write_database(instance: Instance) -> None:
    password = secret(instance.data / "database-password")
    write(instance.etc / "my.cnf", render("my.cnf.j2", instance=instance))
    text = render("mariadb-init.sql.j2", database_password=password)
    write(instance.etc / "mariadb-init.sql", text, Owner.of("mysql"), 0o400)


def _make_devices(instance: Instance) -> None:
    """Make the files that gres.conf calls GPUs; each is another /dev/null, which does no harm."""
    null = os.stat("/dev/null").st_rdev
    for node in NODES:
        make_folder(instance.devices / node.name)
        for number in range(node.gpus):
            path = instance.devices / node.name / f"nvidia{number}"
            if not path.exists():
                os.mknod(path, stat.S_IFCHR | 0o666, null)


def _write_helper(instance: Instance) -> None:
    source = instance.checkout / "spawner" / "as_user.py"
    if source.exists():
        write(instance.sbin / "hpchub-as-user", source.read_text(), ROOT, 0o755)
    write(instance.sbin / "hpchub-as-user.json", render("hpchub-as-user.json.j2", instance=instance))


def _write_environments(instance: Instance) -> None:
    """Write what everybody's environments need: the site's settings, the command, the channel's server."""
    text = render("environments.toml.j2", instance=instance, subdir=Target.here().subdir)
    write(instance.environments_file, text)
    write(instance.bin / "hpchub", render("hpchub.j2", instance=instance), ROOT, 0o755)
    server = instance.checkout / "demo" / "channel" / "serve.py"
    write(instance.sbin / "hpchub-channel", server.read_text(), ROOT, 0o755)


def _make_user_folders(instance: Instance, accounts: Accounts) -> None:
    for user in accounts.users:
        owner = Owner(user.uid, user.gid)
        make_folder(instance.home / user.name, owner, 0o700)
        make_folder(instance.scratch / user.name, owner, 0o700)


def _write_certificates(instance: Instance) -> None:
    made = certificates.ensure(instance.etc / "tls", "localhost")
    write(instance.etc / "ca.pem", made.ca.read_text())
    password = directory.secrets(instance.data / "ldap").hub.read_text()
    write(instance.etc / "ldap-bind-password", password, HUB, 0o400)
