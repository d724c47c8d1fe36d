"""Who can do what inside a running centre, and what the machine outside sees of it."""

from __future__ import annotations

import json
import pwd
import subprocess
from pathlib import Path

import pytest

from tests.centre import RunningCentre, host_files

pytestmark = pytest.mark.centre


def test_users_are_unix_users_inside_and_unknown_outside(centre: RunningCentre) -> None:
    assert "uid=10002(a1113a02)" in centre.run(["id", "a1113a02"]).stdout
    assert centre.run(["id", "-Gn"], "a1113a02").stdout.split() == ["hpcusers", "proj01", "proj02"]
    for name in ("a1113a02", "hpchub"):
        with pytest.raises(KeyError):
            pwd.getpwnam(name)


def test_the_machine_outside_keeps_its_files_and_mounts(centre: RunningCentre) -> None:
    assert host_files() == centre.host_files_before
    assert str(centre.instance.state) not in Path("/proc/self/mountinfo").read_text()
    assert list(Path("/scratch").iterdir()) == []


def test_node_names_lead_to_an_address_for_each_node(centre: RunningCentre) -> None:
    found = [centre.run(["getent", "ahostsv4", name]).stdout.split()[0] for name in ("gpu01", "bigmem01")]
    assert found == [f"{centre.instance.network}.1", f"{centre.instance.network}.12"]


def test_homes_and_scratch_folders_are_private(centre: RunningCentre) -> None:
    centre.run(["sh", "-c", "echo secret > /scratch/a1113a01/note; echo secret > ~/note"], "a1113a01")
    for folder in ("/scratch/a1113a01", str(centre.instance.home_of("a1113a01"))):
        assert centre.run(["cat", f"{folder}/note"], "a1113a01").stdout == "secret\n"
        assert centre.run(["cat", f"{folder}/note"], "a1113a02", check=False).returncode != 0


def as_hub(centre: RunningCentre, *argv: str, feed: str = "") -> subprocess.CompletedProcess[str]:
    return centre.run(["sudo", "-n", *argv], "hpchub", feed=feed, check=False)


def test_the_hub_acts_as_a_user_through_the_helper(centre: RunningCentre) -> None:
    helper = str(centre.instance.sbin / "hpchub-as-user")
    done = as_hub(centre, "-Hu", "a1113a01", helper, feed='{"verb": "dance"}')
    assert done.returncode == 0
    assert "dance" in json.loads(done.stdout)["message"]


@pytest.mark.parametrize("user", ["root", "munge", "slurm", "mysql"])
def test_the_hub_cannot_act_as_anybody_who_is_not_a_user(centre: RunningCentre, user: str) -> None:
    done = as_hub(centre, "-Hu", user, str(centre.instance.sbin / "hpchub-as-user"), feed="{}")
    assert done.returncode != 0
    assert done.stdout == ""


def test_the_hub_can_run_nothing_but_the_helper_as_a_user(centre: RunningCentre) -> None:
    helper = str(centre.instance.sbin / "hpchub-as-user")
    for argv in (["/usr/bin/id"], ["/bin/sh", "-c", "id"], [helper, "--anything"]):
        done = as_hub(centre, "-Hu", "a1113a01", *argv)
        assert done.returncode != 0
        assert done.stdout == ""


def test_users_cannot_use_the_helper_or_become_the_hub(centre: RunningCentre) -> None:
    helper = str(centre.instance.sbin / "hpchub-as-user")
    for user in ("a1113a02", "hpchub", "root"):
        done = centre.run(["sudo", "-nu", user, helper], "a1113a01", feed="{}", check=False)
        assert done.returncode != 0


def test_neither_hub_nor_users_can_read_each_others_secrets(centre: RunningCentre) -> None:
    etc, data = centre.instance.etc, centre.instance.data
    for path in (etc / "proxy-token", etc / "ldap-bind-password", data / "hub" / "tokens.sqlite"):
        assert centre.run(["cat", str(path)], "a1113a01", check=False).returncode != 0
    not_the_hubs = (data / "munge" / "munge.key", data / "database-password", etc / "supervisord.conf")
    for path in not_the_hubs:
        assert centre.run(["cat", str(path)], "hpchub", check=False).returncode != 0
    # Nor may either change what root or the jobs run.
    for path in (centre.instance.sbin / "hpchub-as-user", centre.instance.src / "spawner" / "__init__.py"):
        assert centre.run(["touch", str(path)], "hpchub", check=False).returncode != 0
