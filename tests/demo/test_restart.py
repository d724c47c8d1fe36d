"""What happens to a centre that is started twice, killed, or stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from demo.centre import CentreError
from demo.ports import check_free
from demo.settings import CHECKOUT
from tests.centre import RunningCentre

pytestmark = pytest.mark.centre


def command(centre: RunningCentre, *words: str) -> subprocess.Popen[str]:
    instance = centre.instance
    environment = {
        "PATH": os.environ["PATH"],
        "HPCHUB_STATE": str(instance.state),
        "HPCHUB_VENV": str(instance.venv),
        "HPCHUB_PORT": str(instance.port),
        "HPCHUB_PORT_BASE": str(instance.port_base),
        "HPCHUB_MIN_JOB_AGE": str(instance.min_job_age),
        "HPCHUB_LOOK_SECONDS": str(instance.look_seconds),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *words],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pids(centre: RunningCentre) -> dict[str, int]:
    """Return the process ids of programs that do not change with the checkout (the hub does)."""
    return {name: centre.pid(name) for name in ("munge", "mariadb", "slurmctld", "slurmd-gpu07", "slapd")}


def processes_of(centre: RunningCentre) -> list[str]:
    """Return the command lines of this machine's processes that speak of the centre's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{centre.instance.state}/" in line:
            found.append(line)
    return found


def accounting(centre: RunningCentre, job: str) -> str:
    return centre.run(["sacct", "-X", "-n", "-P", "-j", job, "-o", "state,user"]).stdout.strip()


def ended_job(centre: RunningCentre) -> str:
    job = centre.submit("a1113a01", "--gres=shard:1", script="true")
    centre.wait_for_job(job, "COMPLETED", "")
    return job


def test_up_a_second_time_is_quick_and_restarts_nothing(centre: RunningCentre) -> None:
    before, began = pids(centre), time.monotonic()
    centre.up()
    # About a second; more on a busy machine, or when the checkout changed and the hub starts again.
    assert time.monotonic() - began < 60
    assert pids(centre) == before


def test_up_twice_at_once_brings_up_one_centre(centre: RunningCentre) -> None:
    before = pids(centre)
    both = [command(centre, "up"), command(centre, "up")]
    words = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], words
    assert pids(centre) == before
    assert all(centre.url in out and "spring-river-41" in out for out, _ in words)


def test_a_killed_daemon_comes_back_by_itself(centre: RunningCentre) -> None:
    old = centre.pid("slurmctld")
    centre.kill("slurmctld")
    centre.up()
    assert centre.pid("slurmctld") != old
    assert "idle" in centre.run(["sinfo", "-h"]).stdout


def test_after_a_crash_nothing_is_left_and_everything_comes_back(centre: RunningCentre) -> None:
    ended = ended_job(centre)
    running = centre.submit("a1113a01", "--gres=shard:1")
    centre.wait_for_job(running, "RUNNING")
    first = int(centre.command(["true"])[2])
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (left := processes_of(centre)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []

    began = time.monotonic()
    centre.up()
    assert time.monotonic() - began < 120
    assert accounting(centre, ended) == "COMPLETED|a1113a01"
    # Its node has lost it; nobody may be billed for it for ever.
    centre.wait_for_job(running, "NODE_FAIL", "FAILED", "CANCELLED", "", limit=60)
    assert "RUNNING" not in accounting(centre, running)


def test_stop_leaves_nothing_behind_but_the_data_and_does_not_start_on_a_taken_port(
    centre: RunningCentre,
) -> None:
    ended = ended_job(centre)
    running = centre.submit("a1113a01", "--gres=shard:1")
    centre.wait_for_job(running, "RUNNING")
    out, err = command(centre, "down").communicate(timeout=120)
    assert "its data stay" in err, out + err
    assert processes_of(centre) == []
    check_free(centre.instance)

    status = command(centre, "status")
    out, _ = status.communicate(timeout=120)
    assert status.returncode == 3
    assert "`make demo` starts it" in out

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", centre.instance.port_of("mariadb")))
        listener.listen()
        up = command(centre, "up")
        _, err = up.communicate(timeout=120)
        assert up.returncode == 1
        assert "which mariadb needs, is taken by" in err
        assert "Traceback" not in err
        assert processes_of(centre) == []

    centre.up()
    assert accounting(centre, ended) == "COMPLETED|a1113a01"
    assert accounting(centre, running).startswith("CANCELLED")


def test_ports_of_a_centre_that_runs_are_not_changed_under_it(centre: RunningCentre) -> None:
    other = RunningCentre(replace(centre.instance, port=centre.instance.port + 1))
    with pytest.raises(
        CentreError, match=r"the centre runs with port=\d+, and now it is port=\d+: `make stop`"
    ):
        other.up()
    centre.up()


def test_status_shows_each_program_with_its_log(centre: RunningCentre) -> None:
    status = command(centre, "status")
    out, err = status.communicate(timeout=120)
    assert status.returncode == 0, out + err
    assert out.startswith(centre.url)
    rows = {row.split()[0]: row.split() for row in out.splitlines()[3:]}
    assert len([name for name in rows if name.startswith("slurmd-")]) == 13
    for name, state, pid, _, log in rows.values():
        assert state in {"RUNNING", "STARTING"}, name
        assert Path("/proc", pid).exists(), name
        assert Path(log).is_file(), name


def test_otp_prints_a_code_that_is_still_good(centre: RunningCentre) -> None:
    otp = command(centre, "otp", "a1113a01")
    out, _ = otp.communicate(timeout=120)
    code, _, _, seconds, *_ = out.replace("(", "").split()
    assert (len(code), code.isdecimal(), 0 <= int(seconds) <= 30) == (6, True, True)


def test_otp_for_nobody_says_who_there_is(centre: RunningCentre) -> None:
    otp = command(centre, "otp", "a1113a09")
    _, err = otp.communicate(timeout=120)
    assert otp.returncode == 1
    assert "the demo has a1113a01" in err
