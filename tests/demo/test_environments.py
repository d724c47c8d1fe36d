"""The centre has what its users' environments are made from."""

from __future__ import annotations

import pytest

from demo.settings import HUB_UID
from environments.site import load_site
from tests.centre import RunningCentre

pytestmark = pytest.mark.centre

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).status)"


def test_a_user_reads_the_site_s_settings_and_reaches_its_channel(centre: RunningCentre) -> None:
    instance = centre.instance
    said = centre.run(["cat", str(instance.environments_file)], "a1113a01").stdout
    assert said == instance.environments_file.read_text()
    site = load_site(instance.environments_file)
    for url in site.channels:
        for subdir in ("noarch", *site.platforms):
            argv = ["/usr/bin/python3", "-c", FETCH, f"{url}/{subdir}/repodata.json.zst"]
            assert centre.run(argv, "a1113a01").stdout == "200\n"


def test_the_sets_are_solved_by_the_hub_s_account_and_not_again_when_nothing_changed(
    centre: RunningCentre,
) -> None:
    (lock,) = centre.instance.locks.iterdir()
    made = lock.stat().st_mtime_ns
    assert lock.stat().st_uid == HUB_UID
    assert centre.run(["head", "-c1", str(lock)], "a1113a01").stdout
    centre.up()
    assert lock.stat().st_mtime_ns == made


def test_who_logs_in_has_the_command_and_the_scripts(centre: RunningCentre) -> None:
    for words in (["hpchub", "env", "list"], ["bootstrap_env.sh", "--help"], ["reset_env.sh", "--help"]):
        assert centre.run(words, "a1113a02").returncode == 0


def test_a_user_runs_the_shared_environment_and_changes_nothing_in_it(centre: RunningCentre) -> None:
    (shared,) = load_site(centre.instance.environments_file).shared
    python = str(shared.prefix / "bin" / "python")
    said = centre.run(
        [python, "-c", "import notebook, tabulate; print(tabulate.__file__)"], "a1113a02"
    ).stdout
    assert said.startswith(f"{shared.prefix}/")
    refused = centre.run(["touch", str(shared.prefix / "bin" / "mine")], "a1113a02", check=False)
    assert "Permission denied" in refused.stderr
