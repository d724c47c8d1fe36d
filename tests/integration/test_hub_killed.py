"""The hub is killed at each step of a start and of a stop: there is one job and its server, or neither."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.centre import RunningCentre
from tests.integration.fire import hub_with
from tests.person import Person

pytestmark = pytest.mark.centre

USER = "a1113a01"
FAULT = Path(__file__).with_name("mortal_spawner.py")


@pytest.fixture(scope="module")
def order(centre: RunningCentre) -> Iterator[Path]:
    """Have a hub that kills itself at the step that the file names."""
    order = centre.instance.data / "hub" / "kill-at"
    with hub_with(centre, FAULT.read_text().replace("@ORDER@", str(order))):
        yield order
    order.unlink(missing_ok=True)


def killed(order: Path, person: Person) -> None:
    """Wait until the hub has killed itself and its successor answers."""
    deadline = time.monotonic() + 90
    while order.exists():
        assert time.monotonic() < deadline, f"the step {order.read_text()!r} was not reached"
        time.sleep(0.05)
    while True:
        with suppress(httpx.TransportError):
            if person.get("hub/health").status_code == 200:
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def press(action: str, person: Person, name: str) -> None:
    # Whether the broken connection or the proxy's page ends it is of no interest.
    with suppress(httpx.TransportError):
        if action == "start":
            person.start(name, queue="jupyter", hours=1)
        else:
            person.stop(name, wait=False)


def settled(person: Person, name: str) -> str:
    deadline = time.monotonic() + 90
    while (state := person.state(name)) not in ("ready", "stopped"):
        assert time.monotonic() < deadline, f"still {state}"
        time.sleep(0.2)
    return state


def jobs(centre: RunningCentre) -> list[str]:
    return centre.run(["squeue", "-h", "-u", USER, "-t", "PENDING,RUNNING", "-o", "%i"]).stdout.split()


def assert_nothing_leaked(centre: RunningCentre, person: Person, name: str, state: str, logged: str) -> None:
    """One server and one job, or none; no process of the user without a job; no job without a server."""
    assert len(jobs(centre)) == (1 if state == "ready" else 0)
    address = f"user/{USER}/{name}/api/status" if name else f"user/{USER}/api/status"
    if state == "ready":
        person.get(f"user/{USER}/{name}/tree" if name else f"user/{USER}/tree")
        assert person.get(address).json()["kernels"] == 0
        person.stop(name)
    deadline = time.monotonic() + 90
    while left := centre.processes_of(USER):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    assert jobs(centre) == []
    assert person.get("hub/home").status_code == 200
    assert "belongs to no server" not in centre.log("hub")[len(logged) :]


STARTS = [
    ("options are taken", "stopped"),
    ("ticket is saved", "stopped"),
    ("in line", "stopped"),
    ("sbatch runs", "either"),
    ("sbatch has answered", "ready"),
    ("id is saved", "ready"),
    ("job is followed", "ready"),
    ("port is reported", "ready"),
    ("port is taken", "ready"),
    ("address is known", "ready"),
    ("address is saved", "ready"),
    ("start returns", "ready"),
    ("address is the hub's", "ready"),
    ("server is ready", "ready"),
]
STOPS = [
    ("stop is pressed", "ready"),
    ("scancel runs", "either"),
    ("scancel has answered", "stopped"),
    ("stop has ended", "stopped"),
    ("server is taken out", "stopped"),
]
NAMED = [("sbatch has answered", "ready"), ("address is known", "ready")]


@pytest.mark.parametrize(
    ("step", "outcome", "name"),
    [*((*case, "") for case in STARTS), *((*case, "second") for case in NAMED)],
    ids=str,
)
def test_hub_killed_during_a_start(
    empty: RunningCentre, anna: Person, order: Path, step: str, outcome: str, name: str
) -> None:
    logged = empty.log("hub")
    order.write_text(step)
    press("start", anna, name)
    killed(order, anna)
    state = settled(anna, name)
    assert outcome in ("either", state)
    assert_nothing_leaked(empty, anna, name, state, logged)


@pytest.mark.parametrize(
    ("step", "outcome", "name"),
    [*((*case, "") for case in STOPS), ("scancel has answered", "stopped", "second")],
    ids=str,
)
def test_hub_killed_during_a_stop(
    empty: RunningCentre, anna: Person, order: Path, step: str, outcome: str, name: str
) -> None:
    logged = empty.log("hub")
    press("start", anna, name)
    anna.until("ready", name)
    order.write_text(step)
    press("stop", anna, name)
    killed(order, anna)
    time.sleep(1)
    state = settled(anna, name)
    assert outcome in ("either", state)
    assert_nothing_leaked(empty, anna, name, state, logged)
