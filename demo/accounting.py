"""Projects and users in Slurm's accounting, added where they are missing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from demo.accounts import Accounts
from demo.cluster import QOS
from demo.settings import HUB_ACCOUNT

CLUSTER = "hpchub"

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]


class AccountingError(Exception):
    """sacctmgr refused something; the text has the command and its words."""


def ensure(run: Run, accounts: Accounts) -> None:
    """Add the cluster, projects, users and administrators that the accounting database lacks.

    Nothing is removed or changed: an administrator may have set limits in the meantime.
    """
    if not _ask(run, "show", "cluster", f"name={CLUSTER}", "format=cluster"):
        _tell(run, "add", "cluster", CLUSTER)
    known = set(_ask(run, "show", "assoc", f"cluster={CLUSTER}", "format=account,user"))
    for project in accounts.projects:
        if f"{project.name}|" not in known:
            text = f"Description={project.description}"
            _tell(run, "add", "account", project.name, f"Cluster={CLUSTER}", text, "Organization=demo")
    for user in accounts.users:
        for project_name in user.projects:
            if f"{project_name}|{user.name}" not in known:
                _tell(run, "add", "user", user.name, f"Account={project_name}", f"Cluster={CLUSTER}")
    _ensure_administrators(run, accounts)
    _ensure_hub(run)


def ensure_limits(run: Run) -> None:
    """Add the QoS that the database lacks, and give them to their projects; the others stay as they are.

    Only once slurmctld has told the database which GPUs there are can it take a limit on GPUs.
    """
    known = _ask(run, "show", "qos", "format=name")
    for qos in QOS:
        if qos.name not in known:
            _tell(run, "add", "qos", qos.name, *qos.limits)
            names = ",".join(qos.projects)
            _tell(run, "modify", "account", f"name={names}", f"cluster={CLUSTER}", "set", f"qos+={qos.name}")


def _ensure_administrators(run: Run, accounts: Accounts) -> None:
    known = set(_ask(run, "show", "user", "format=user,adminlevel"))
    for user in accounts.users:
        if user.admin and f"{user.name}|None" in known:
            _tell(run, "modify", "user", f"name={user.name}", "set", "AdminLevel=Operator")


def _ensure_hub(run: Run) -> None:
    """Make the hub's account an operator, which may change the time limit of everybody's jobs."""
    if f"{HUB_ACCOUNT}|Operator" not in _ask(run, "show", "user", "format=user,adminlevel"):
        _tell(run, "add", "user", HUB_ACCOUNT, "Account=root", f"Cluster={CLUSTER}", "AdminLevel=Operator")


def _ask(run: Run, *words: str) -> list[str]:
    done = _tell(run, "-nP", *words)
    return done.stdout.splitlines()


def _tell(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["sacctmgr", "--immediate", *words]
    done = run(argv)
    # sacctmgr answers 1 to "nothing to do" as well, which another `up` may have brought about.
    if done.returncode and "Nothing" not in done.stdout + done.stderr:
        raise AccountingError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done
