"""What is typed, shown once or kept in a file is in no log, address, process list or database."""

from __future__ import annotations

import base64
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from authenticator.passcode import Seed, step_at
from demo import directory
from tests.authenticator.canaries import IMPORTED, WRONG, found_in
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of, typed
from tests.authenticator.real_hub import Browser, Hub, first, told

CODE = r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b"
GROUPS_OF_FOUR = r"\b((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})\b"


class Story:
    """What people and administrators do at a hub, and every secret that they meet."""

    def __init__(self, hub: Hub, slapd: Slapd) -> None:
        self.hub = hub
        self.canaries = {*PASSWORDS.values(), WRONG, IMPORTED}
        self.canaries |= {directory.secrets(slapd.folder / "ldap").hub.read_text().strip()}
        self.canaries |= set((hub.folder / "otp.key").read_text().split())
        self.canaries |= {seed.secret for seed in SEEDS.values()}
        self.addresses: list[str] = []
        self.processes = b""

    def browser(self) -> Browser:
        made = Browser(self.hub)
        made.client.event_hooks["response"].append(self._see)
        return made

    def _see(self, answer: httpx.Response) -> None:
        self.addresses += [str(answer.url), answer.headers.get("Location", "")]

    def code(self, user: str, later: int = 0) -> str:
        self.canaries.add(code := code_of(user, later=later))
        return code

    def wrong(self) -> None:
        browser = self.browser()
        user = "a1113a01"
        assert browser.log_in(user, otp=self.code(user), password=WRONG).status_code == 403
        assert browser.log_in(user, otp="000000", password=WRONG).status_code == 403
        assert browser.log_in(user, otp=self.code(user, 1)).status_code == 302
        assert browser.log_in(user, otp=WRONG, password=WRONG).status_code == 403
        auth = {"auth": typed(user, password=WRONG, otp=self.code(user, 1))}
        assert httpx.post(f"{self.hub.url}/api/users/{user}/tokens", json=auth, timeout=60).status_code == 403

    def enrol(self) -> None:
        user = "a1113a02"
        issued = self.hub.otp("issue", user)
        assert issued.returncode == 0, issued.stderr
        self.canaries.add(code := first(r"\b((?:[A-Z2-7]{5}-){3}[A-Z2-7]{5})\b", issued.stdout))
        browser = self.browser()
        assert browser.log_in(user, otp=code).headers["Location"] == "/hub/otp/enrol"
        recovery = self._confirm(browser)
        lost = self.browser()
        assert lost.log_in(user, otp=recovery[0]).headers["Location"] == "/hub/otp/enrol"
        self._confirm(lost)

    def _confirm(self, browser: Browser) -> list[str]:
        """Set up a device, and return the recovery codes."""
        secret = first(GROUPS_OF_FOUR, told(browser.client.get("/otp/enrol"))).replace(" ", "")
        seed = Seed(secret)
        right = seed.generator().generate_otp(step_at(seed, time.time()))
        self.canaries |= {secret, right}
        assert browser.post("/otp/enrol", otp="000000", label="phone").status_code == 403
        codes: list[str] = re.findall(CODE, told(browser.post("/otp/enrol", otp=right, label="phone")))
        assert len(codes) >= 10
        self.canaries |= set(codes)
        return codes

    def renew(self) -> None:
        user = "a1113a03"
        browser = self.browser()
        browser.client.get("/otp/resync")
        first_code, second = self.code(user, -5), self.code(user, -4)
        answer = browser.log_in(user, to="/otp/resync", otp=first_code, second=second)
        assert answer.status_code == 200, told(answer)
        self.hub.fresh_tokens()
        assert browser.log_in(user, otp=self.code(user)).status_code == 302
        answer = browser.post("/otp/codes", otp=self.code(user, 1), password=PASSWORDS[user])
        codes = re.findall(CODE, told(answer))
        assert len(codes) >= 10
        self.canaries |= set(codes)

    def administrate(self) -> None:
        feed = f"newuser01 {IMPORTED}\n"
        with subprocess.Popen(
            self.hub.command("import", "-", "--format", "base32"),
            cwd=self.hub.folder,
            env=self.hub.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as command:
            assert command.stdin is not None
            command.stdin.write(feed)
            command.stdin.flush()
            time.sleep(1)
            self.processes = seen_of_processes(command.pid, self.hub.process.pid)
            out, err = command.communicate(timeout=30)
        assert "1 token imported" in out, err
        bad = self.hub.otp("import", "-", "--format", "base32", feed=f"{IMPORTED} newuser02\nuser {WRONG}\n")
        assert bad.returncode == 1
        for words in (("reset", "a1113a02", "--yes"), ("disable", "newuser01", "--why", "left"), ("list",)):
            done = self.hub.otp(*words)
            assert done.returncode == 0, done.stderr
            self.processes += (done.stdout + done.stderr).encode()
        self.processes += (out + err + bad.stdout + bad.stderr).encode()


def seen_of_processes(*pids: int) -> bytes:
    """Return what anybody sees of all processes, and what their own account sees of these."""
    args = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, check=True, timeout=10).stdout
    assert b"otp import -" in args
    return args + b"".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in pids)


@pytest.fixture(scope="module")
def story(hub_process: Hub, slapd: Slapd) -> Story:
    hub_process.fresh_tokens()
    told_so_far = Story(hub_process, slapd)
    told_so_far.wrong()
    told_so_far.enrol()
    told_so_far.renew()
    told_so_far.administrate()
    return told_so_far


def test_a_secret_that_leaks_would_be_found() -> None:
    assert found_in(b"x canary-Wrong-0427 y", {WRONG}) == [WRONG]
    assert found_in(base64.b32decode(IMPORTED), {IMPORTED}) == [IMPORTED]
    assert found_in(b"otp=123456&", {"123456"}) == ["123456"]
    assert found_in(b"17123456 12.123456", {"123456"}) == []


def test_the_hubs_log_has_no_secret(story: Story) -> None:
    log = story.hub.log.read_bytes()
    assert b'"reason": "password"' in log
    assert b"DEBUG" in log or b"[D " in log
    assert found_in(log, story.canaries) == []


def test_nor_has_the_audit(story: Story) -> None:
    lines = story.hub.audit.read_bytes()
    for event in (b'"enrolled"', b'"recovery"', b'"resync"', b'"codes_replaced"', b'"import"', b'"reset"'):
        assert event in lines
    assert found_in(lines, story.canaries) == []


def test_nor_any_address_that_a_browser_is_sent_to(story: Story) -> None:
    seen = "\n".join(story.addresses).encode()
    assert b"/hub/otp/enrol" in seen
    assert found_in(seen, story.canaries) == []


def test_nor_what_others_see_of_processes_or_what_commands_say(story: Story) -> None:
    assert b"JUPYTERHUB" in story.processes or b"CONFIGPROXY" in story.processes
    assert found_in(story.processes, story.canaries) == []


def test_nor_any_database_with_what_it_has_not_yet_put_in_its_place(story: Story) -> None:
    files = [path for path in story.hub.folder.iterdir() if "sqlite" in path.name]
    assert {"hub.sqlite", "tokens.sqlite", "tokens.sqlite-wal"} <= {path.name for path in files}
    content = b"\0".join(path.read_bytes() for path in files)
    assert b"a1113a02" in content
    assert found_in(content, story.canaries) == []


def test_nor_any_other_file_of_the_hub_but_the_key(story: Story) -> None:
    seen = [path for path in story.hub.folder.rglob("*") if path.is_file() and path.name != "otp.key"]
    assert [path.name for path in seen if found_in(path.read_bytes(), story.canaries)] == []
