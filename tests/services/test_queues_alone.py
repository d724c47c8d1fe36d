"""The queue service when something that it needs is missing: Slurm, the accounting, the hub, its settings."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from queues.policy import load_policy
from services.queues.desk import Desk
from services.queues.page import render_page
from services.queues.settings import Settings, SettingsError
from services.queues.view import format_table
from services.rendering import Frame
from services.settings import Place
from slurm.accounts import Accounts
from slurm.client import SlurmClient
from slurm.monitor import Monitor
from tests.ports import free_ports
from tests.services.realhub import ROOT, FakeSlurm

FRAME = Frame(Place("127.0.0.1", 1, "/services/queues/", "/"), "/services/queues/", "a1113a01")
DEMO = ROOT / "demo" / "queues.toml"
ENVIRONMENT = {
    "HPCHUB_QUEUES": str(DEMO),
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:18040",
    "JUPYTERHUB_SERVICE_PREFIX": "/services/queues/",
    "JUPYTERHUB_BASE_URL": "/",
}


def client_of(slurm: FakeSlurm) -> SlurmClient:
    return SlurmClient(
        squeue_command=str(slurm.bin / "squeue"),
        scontrol_command=str(slurm.bin / "scontrol"),
        sacctmgr_command=str(slurm.bin / "sacctmgr"),
    )


async def test_before_slurm_ever_answered_the_queues_come_without_numbers(own_slurm: FakeSlurm) -> None:
    own_slurm.becomes("down")
    desk = Desk(load_policy(DEMO), Monitor(client=client_of(own_slurm)))
    table = await desk.table_for("a1113a01", frozenset())
    await desk.close()
    found = format_table(table, "en")
    assert (found["as_of"], found["age_seconds"], found["totals"], found["note"]) == (None, None, None, None)
    assert "Unable to contact slurm controller" in found["problem"]
    jupyter = found["queues"][0]
    assert jupyter["nodes"] == {"alloc": None, "idle": None, "down": None, "total": None}
    assert jupyter["slots"] == {"free": None, "total": None}
    assert (jupyter["waiting"], jupyter["max_hours"], jupyter["allowed"]) == (None, 24, True)
    page = render_page(table, "en", FRAME)
    assert "Slurm does not answer at the moment, so there are no figures yet." in page
    assert "4,600 KRW" in page
    assert "None" not in page


async def test_the_accounts_of_all_users_cost_one_question(own_slurm: FakeSlurm) -> None:
    accounts = Accounts(client_of(own_slurm), logging.getLogger("test"))
    assert await accounts.names("a1113a01") == frozenset({"proj01"})
    assert await accounts.names("a1113a02") == frozenset({"proj01", "proj02"})
    assert await accounts.names("nouse01") == frozenset()
    assert [call.split()[0] for call in own_slurm.calls] == ["scontrol", "sacctmgr"]


async def test_nobody_is_shut_out_while_the_accounting_is_out(own_slurm: FakeSlurm) -> None:
    own_slurm.becomes("down")
    accounts = Accounts(client_of(own_slurm), logging.getLogger("test"))
    assert await accounts.names("a1113a01") is None
    before = len(own_slurm.calls)
    assert await accounts.names("a1113a02") is None
    # Left alone for a while, too.
    assert len(own_slurm.calls) == before


@contextmanager
def run_service(folder: Path, **changed: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service without a hub; gives the process and the service's address."""
    ports = free_ports(2)
    url = f"http://127.0.0.1:{ports[0]}"
    own = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "JUPYTERHUB_SERVICE_URL": url,
        "JUPYTERHUB_SERVICE_NAME": "queues",
        "JUPYTERHUB_CLIENT_ID": "service-queues",
        "JUPYTERHUB_API_TOKEN": "secret",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{ports[1]}/hub/api",
    }
    env = {name: value for name, value in {**own, **changed}.items() if value}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.queues"],
        cwd=folder,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, f"{url}/services/queues/"
    finally:
        process.kill()
        process.wait()


def test_while_the_hub_is_away_a_script_is_told_to_try_again(tmp_path: Path) -> None:
    with run_service(tmp_path) as (process, url):
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = httpx.get(f"{url}api/v1/queues", headers={"Authorization": "token abc"}, timeout=60)
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert answer.status_code == 503
        assert answer.json()["message"] == "JupyterHub does not answer at the moment. Please try again."
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "abc" not in errors


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HPCHUB_QUEUES", "", "HPCHUB_QUEUES is not set: write the path of the site's queues.toml"),
        ("HPCHUB_QUEUES", "/nowhere/queues.toml", "/nowhere/queues.toml: cannot be read: No such file"),
        ("JUPYTERHUB_SERVICE_PREFIX", "", "JUPYTERHUB_SERVICE_PREFIX is not set: run this as a service"),
    ],
)
def test_administrator_reads_what_is_missing(tmp_path: Path, name: str, value: str, said: str) -> None:
    with run_service(tmp_path, **{name: value}) as (process, _url):
        _out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith(f"services.queues: {said}")
    assert "Traceback" not in errors


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://127.0.0.1", "http://a:99999", "queues"])
def test_an_address_that_cannot_be_listened_on_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match=r"JUPYTERHUB_SERVICE_URL=.*write http://ADDRESS:PORT"):
        Settings.from_environment({**ENVIRONMENT, "JUPYTERHUB_SERVICE_URL": url})


def test_with_internal_ssl_the_address_must_say_so() -> None:
    secure = {**ENVIRONMENT, "JUPYTERHUB_SSL_CERTFILE": "/x", "JUPYTERHUB_SERVICE_URL": "https://127.0.0.1:7"}
    assert Settings.from_environment(secure).place.port == 7
    with pytest.raises(SettingsError, match="write https://ADDRESS:PORT"):
        Settings.from_environment({**secure, "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:7"})


def test_the_service_listens_where_the_hub_says() -> None:
    found = Settings.from_environment({**ENVIRONMENT, "JUPYTERHUB_BASE_URL": "/jupyter"}).place
    assert (found.host, found.port, found.prefix, found.base_url) == (
        "127.0.0.1",
        18040,
        "/services/queues/",
        "/jupyter/",
    )
