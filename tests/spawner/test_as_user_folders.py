"""Folders that a job could not use: the user hears which one and why, and Slurm is not asked."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.spawner.helper import JOB, NOBODY, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")

WITH_QUOTAS = "mount -t tmpfs -o size=10m,mode=1777,usrquota,usrquota_block_hardlimit=4k none"
LOG = {"verb": "log", "job_id": "7", "lines": 5}


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Site(Path(name))


def own(site: Site, name: str) -> Path:
    """Make one of the user's folders, as an earlier job would have left it."""
    path = site.folder / "open" / "nobody" / name
    path.mkdir(parents=True)
    for made in (path.parent, path):
        os.chown(made, NOBODY, NOBODY)
    return path


def trouble(site: Site, request: dict[str, Any] = JOB, prepare: str = "") -> tuple[str, str]:
    reply = site.ask(request, prepare=prepare)
    assert (reply["ok"], reply["kind"]) == (False, "folder")
    assert not site.seen.exists()
    return reply["path"], reply["reason"]


def test_home_that_is_missing(site: Site) -> None:
    site.configure(check_home=True)
    assert trouble(site) == ("/nonexistent", "missing")


def test_home_over_its_quota_is_told_before_the_job_is(site: Site) -> None:
    site.configure(check_home=True)
    full = "mount -t tmpfs -o size=16k,mode=1777 none /mnt; head -c 1M /dev/zero > /mnt/fill 2> /dev/null"
    passwd = site.folder / "passwd"
    passwd.write_text("nobody:x:65534:65534:nobody:/mnt:/bin/sh\n")
    passwd.chmod(0o644)
    prepare = f"{full} || mount --bind {passwd} /etc/passwd"
    assert trouble(site, prepare=prepare) == ("/mnt", "full")


def test_scratch_is_full(site: Site) -> None:
    scratch = own(site, "workspace")
    fill = f"head -c 1M /dev/zero > {scratch}/fill 2> /dev/null || true"
    prepare = f"mount -t tmpfs -o size=64k,mode=1777 none {scratch}; {fill}"
    assert trouble(site, prepare=prepare) == (str(scratch), "full")


def test_user_is_over_the_quota_while_others_have_room(site: Site) -> None:
    scratch = own(site, "workspace")
    mount = f"{WITH_QUOTAS} {scratch}"
    if subprocess.run(["unshare", "-m", *mount.split()], capture_output=True, check=False).returncode:
        pytest.skip("this kernel's tmpfs has no quotas")
    fill = f"setpriv --reuid={NOBODY} --clear-groups sh -c 'echo mine > {scratch}/mine'"
    assert trouble(site, prepare=f"{mount}; {fill}") == (str(scratch), "quota")


def test_scratch_is_mounted_read_only(site: Site) -> None:
    own(site, "log")
    scratch = own(site, "workspace")
    assert trouble(site, prepare=f"mount -t tmpfs -o ro none {scratch}") == (str(scratch), "read-only")


def test_scratch_has_no_place_for_this_user(site: Site) -> None:
    (site.folder / "open").chmod(0o755)
    assert trouble(site) == (f"{site.folder}/open/nobody", "denied")


def test_log_folder_belongs_to_somebody_else(site: Site) -> None:
    log = own(site, "log")
    os.chown(log, 0, 0)
    assert trouble(site) == (str(log), "denied")


@pytest.mark.parametrize("name", ["log", "workspace"])
def test_folder_is_a_file(site: Site, name: str) -> None:
    path = own(site, name)
    path.rmdir()
    path.write_text("")
    assert trouble(site) == (str(path), "not a folder")


def test_a_check_leaves_nothing_behind(site: Site) -> None:
    assert site.ask(JOB)["ok"]
    nobody = site.folder / "open" / "nobody"
    assert sorted(os.listdir(nobody / "log")) == []
    assert sorted(os.listdir(nobody / "workspace")) == [".hpchub-examples", "first.ipynb"]


def test_list_of_examples_that_is_a_pipe_holds_nobody_up(site: Site) -> None:
    os.mkfifo(own(site, "workspace") / ".hpchub-examples", 0o666)
    assert site.ask(JOB)["ok"]


def test_half_an_example_is_taken_away_again(site: Site) -> None:
    (site.folder / "examples" / "second.ipynb").write_bytes(b"x" * 100_000)
    scratch = own(site, "workspace")
    words = trouble(site, prepare=f"mount -t tmpfs -o size=32k,mode=1777 none {scratch}; trap '' EXIT")
    assert words == (f"{scratch}/second.ipynb", "full")


@pytest.mark.parametrize("what", ["pipe", "folder", "device", "link"])
def test_log_that_is_no_file_is_told_and_makes_nobody_wait(site: Site, what: str) -> None:
    log = own(site, "log") / "7.log"
    if what == "pipe":
        os.mkfifo(log, 0o666)
    elif what == "folder":
        log.mkdir()
    elif what == "link":
        log.symlink_to("/etc/passwd")
    else:
        os.mknod(log, 0o20666, os.makedev(1, 5))  # /dev/zero, which never ends
    assert trouble(site, LOG) == (str(log), "not a file")


def test_log_of_somebody_else_stays_closed(site: Site) -> None:
    log = own(site, "log") / "7.log"
    log.write_text("secret\n")
    log.chmod(0o600)
    assert trouble(site, LOG) == (str(log), "denied")


def test_log_says_how_long_it_is_and_what_was_left_out(site: Site) -> None:
    log = own(site, "log") / "7.log"
    log.write_text("one\ntwo\nthree\n")
    log.chmod(0o644)
    assert site.ask(LOG) == {"ok": True, "lines": ["one", "two", "three"], "size": 14, "truncated": False}
    last = site.ask({**LOG, "lines": 2})
    assert (last["lines"], last["truncated"]) == (["two", "three"], True)
    log.write_text("a long line\n" * 10_000)
    long = site.ask({**LOG, "lines": 1000})
    assert (len(long["lines"]), set(long["lines"]), long["truncated"]) == (1000, {"a long line"}, True)
    assert long["size"] == 120_000
    log.write_text("0123456789" * 10_000 + "\nend\n")
    assert site.ask(LOG)["lines"] == ["end"]  # not the end of a line as if it were one
