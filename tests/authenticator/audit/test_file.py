"""The audit file: complete, private, bounded, and never in the way of a login."""

import datetime
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from authenticator.audit import Audit, Event, read_events
from authenticator.audit.file import AuditFile

Make = Callable[..., Audit]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def make(path: Path) -> Iterator[Make]:
    made: list[Audit] = []

    def make(**settings: Any) -> Audit:
        log = logging.getLogger("hpchub.test")
        log.setLevel(logging.INFO)
        made.append(Audit(**({"audit_file": str(path)} | settings), log=log))
        return made[-1]

    yield make
    for each in made:
        each.close()


def login(user: str, reason: str = "") -> Event:
    return Event("login", "refused" if reason else "success", reason, user, "192.0.2.7")


def users(path: Path, **which: Any) -> list[str]:
    return [event["user"] for event in read_events(path, **which)]


def test_what_is_recorded_can_be_read_back(make: Make, path: Path) -> None:
    audit = make()
    audit.record(login("a1113a01"))
    audit.record(Event("reset", user="a1113a02", by="hpcadmin"))
    audit.close()
    first, second = read_events(path)
    assert (first["event"], first["result"], first["user"]) == ("login", "success", "a1113a01")
    assert (second["event"], second["user"], second["by"]) == ("reset", "a1113a02", "hpcadmin")


def test_every_event_is_in_the_hub_s_log_too(
    make: Make, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit = make()
    audit.record(login("a1113a01", "password"))
    audit.close()
    assert f"audit {path.read_text().strip()}" in caplog.messages


def test_without_a_file_the_log_is_enough(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit = make(audit_file="")
    audit.record(login("a1113a01"))
    audit.close()
    assert '"user": "a1113a01"' in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_any_of_the_files(make: Make, path: Path, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        audit = make(audit_file_size=1)
        for _ in range(9000):  # more than 1 MiB
            audit.record(login("a1113a01", "otp_wrong"))
        audit.close()
    finally:
        os.umask(old)
    assert path.with_name("audit.jsonl.1").exists()
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_old_files_go_and_the_kept_ones_are_read_in_order(path: Path) -> None:
    lines = AuditFile(path, size=1000, older=3, log=logging.getLogger("hpchub.test"))
    for number in range(100):
        lines.write(json.dumps({"time": "2026-11-21T10:25:32+00:00", "user": f"u{number:02}"}))
    lines.close()
    found = users(path)
    assert found == [f"u{number:02}" for number in range(100 - len(found), 100)]
    assert 60 <= len(found) < 100
    assert sum(each.stat().st_size for each in path.parent.iterdir()) < 5000


WRITER = """
import logging, sys
from authenticator.audit import Audit, Event
from authenticator.audit.file import AuditFile
from pathlib import Path
lines = AuditFile(Path(sys.argv[1]), size=20_000, older=20, log=logging.getLogger("x"))
from authenticator.audit.events import line_of
import datetime
for number in range(500):
    lines.write(line_of(Event("login", user=f"{sys.argv[2]}{number}"), datetime.datetime.now(datetime.UTC)))
lines.close()
"""


def test_several_processes_lose_nothing_while_files_change(path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), each]) for each in "abc"]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert path.with_name("audit.jsonl.3").exists()
    found = users(path)
    assert sorted(found) == sorted(f"{each}{number}" for each in "abc" for number in range(500))
    for each in "abc":
        assert [name for name in found if name[0] == each] == [f"{each}{number}" for number in range(500)]


def test_events_are_found_by_user_and_by_time(make: Make, path: Path) -> None:
    path.write_text('{"time": "2026-11-01T00:00:00.000+00:00", "event": "login", "user": "a1113a01"}\n')
    path.chmod(0o600)
    audit = make()
    audit.record(login("a1113a01"))
    audit.record(login("a1113a02"))
    audit.close()
    assert users(path) == ["a1113a01", "a1113a01", "a1113a02"]
    assert users(path, user="a1113a01") == ["a1113a01", "a1113a01"]
    since = datetime.datetime(2026, 11, 2, tzinfo=datetime.UTC)
    assert users(path, since=since, user="a1113a01") == ["a1113a01"]


@pytest.mark.parametrize("rubbish", ["", "{", "[]", "null", '{"time": 5}', '{"event": "login"}', "\0\xff"])
def test_a_line_that_is_no_event_is_passed_over(path: Path, rubbish: str) -> None:
    good = '{"time": "2026-11-01T00:00:00.000+00:00", "user": "a1113a01"}'
    path.write_text(f"{good}\n{rubbish}\n{good}\n", encoding="latin-1")
    assert users(path) == ["a1113a01", "a1113a01"]


def test_before_the_first_event_there_is_none(path: Path) -> None:
    assert users(path) == []


def test_what_a_killed_process_left_between_two_names_is_read(path: Path) -> None:
    for name, user in (
        ("audit.jsonl.1", "first"),
        ("audit.jsonl.rotate.123", "second"),
        ("audit.jsonl", "third"),
    ):
        path.with_name(name).write_text(f'{{"time": "2026-11-01T00:00:00.000+00:00", "user": "{user}"}}\n')
    assert users(path) == ["first", "second", "third"]


FULL = """
import logging, resource, signal, sys
from pathlib import Path
from authenticator.audit.file import AuditFile
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
logging.basicConfig(format="%(message)s")
lines = AuditFile(Path(sys.argv[1]), size=10_000, older=3, log=logging.getLogger("x"))
for number in range(20):
    lines.write('{"time": "2026-11-01T00:00:00.000+00:00", "user": "u%02d"}' % number)
lines.close()
print(lines.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lines.write('{"time": "2026-11-01T00:00:00.000+00:00", "user": "later"}')
lines.close()
"""


def test_a_full_disk_is_said_once_leaves_whole_lines_and_ends_by_itself(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    said = done.stderr.splitlines()
    assert len(said) == 2
    assert "cannot be written" in said[0]
    assert "16 events are not in it" in said[1]
    assert done.stdout == "16\n"
    assert users(path) == ["u00", "u01", "u02", "u03", "later"]
    assert path.read_text().count("\n") == 5


class HangingDisk(AuditFile):
    """Writes nothing until it is let go."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(path, **settings)
        self.go = threading.Event()

    def _run(self) -> None:
        self.go.wait()
        super()._run()


def test_while_the_disk_hangs_nobody_waits_and_what_is_too_much_is_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = HangingDisk(path, size=10_000, older=3, log=logging.getLogger("hpchub.test"), waiting=5)
    for number in range(12):
        lines.write(json.dumps({"time": "2026-11-21T10:25:32+00:00", "user": f"u{number}"}))
    assert lines.lost == 7
    lines.go.set()
    lines.close()
    assert users(path) == [f"u{number}" for number in range(5)]
    said = [message for message in caplog.messages if "audit file" in message]
    assert len(said) == 2
    assert "5 lines wait for the disk" in said[0]
    assert "7 events are not in it" in said[1]


def test_a_folder_that_is_gone_fails_no_login(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit = make(audit_file=str(tmp_path / "gone" / "audit.jsonl"))
    audit.record(login("a1113a01"))
    audit.close()
    assert "No such file or directory" in caplog.text
    assert '"user": "a1113a01"' in caplog.text


class Unspeakable:
    """Stands for whatever a caller gets wrong."""

    @property
    def kind(self) -> str:
        raise RuntimeError("canary-71c2")


def test_no_event_whatsoever_raises_nor_says_what_it_held(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make().record(Unspeakable())  # type: ignore[arg-type]
    assert "RuntimeError" in caplog.text
    assert "canary-71c2" not in caplog.text


def test_settings_that_cannot_work_are_said_at_the_start(make: Make, path: Path, tmp_path: Path) -> None:
    assert list(make().problems()) == []
    assert list(make(audit_file="").problems()) == []
    (relative,) = make(audit_file="audit.jsonl").problems()
    assert "the whole path" in relative
    (nowhere,) = make(audit_file=str(tmp_path / "gone" / "audit.jsonl")).problems()
    assert "make it" in nowhere
    path.touch(0o644)
    path.chmod(0o644)
    (readable,) = make().problems()
    assert "chmod 600" in readable
    with pytest.raises(TraitError, match="audit_file_size is 0; write 1 to 1000"):
        make(audit_file_size=0)


def test_what_is_recorded_at_the_very_end_is_written(path: Path) -> None:
    script = (
        "import sys; from authenticator.audit import Audit, Event\n"
        "Audit(audit_file=sys.argv[1]).record(Event('unlocked', user='a1113a01', by='root'))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    assert users(path) == ["a1113a01"]
