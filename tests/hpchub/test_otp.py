"""What an administrator does to one user's one-time passwords."""

import json
import os
import pwd
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from authenticator.errors import Throttled
from authenticator.keys import Keys, load_keys
from authenticator.passcode import Seed, step_at
from authenticator.store import RECOVERED, Database, Store, Tokens
from authenticator.throttle import Outcome, Throttle
from hpchub.__main__ import main
from hpchub.otp.place import who
from tests.hpchub.kit import Command
from tests.hpchub.samples import SECRET

ROOT = Path(__file__).resolve().parents[2]


def give(store: Store, user: str, secret: str = SECRET) -> None:
    store.tokens.put(user, Seed(secret), now=time.time())


# ----- issue --------------------------------------------------------------------------------


def test_an_enrolment_code_is_shown_once_and_is_good(otp: Command, store: Store) -> None:
    done = otp("issue", "A1113a01")
    code = re.search(r"^    ([A-Z2-7]{5}(?:-[A-Z2-7]{5}){3})$", done.out, re.MULTILINE)
    assert (done.code, done.err) == (0, "")
    assert code is not None
    assert "Enrolment code for a1113a01, shown once, good once until" in done.out
    assert store.enrolments.valid("a1113a01", code[1], now=time.time())
    assert not store.enrolments.valid("a1113a01", code[1], now=time.time() + 24 * 3600 + 1)
    assert not store.enrolments.valid("a1113a02", code[1], now=time.time())


def test_a_new_code_voids_the_one_before(otp: Command, store: Store) -> None:
    codes = re.findall(r"\b[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}\b", otp("issue", "a1").out + otp("issue", "a1").out)
    assert [store.enrolments.valid("a1", code, now=time.time()) for code in codes] == [False, True]


def test_who_has_a_token_keeps_it_until_the_new_one_is_there(otp: Command, store: Store) -> None:
    give(store, "a1113a01")
    assert "has a token already; it works until the new one is confirmed" in otp("issue", "a1113a01").out
    assert store.tokens.get("a1113a01") is not None


@pytest.mark.parametrize("hours", ["0", "-1", "169"])
def test_a_code_lasts_a_week_at_most(otp: Command, hours: str) -> None:
    done = otp("issue", "a1113a01", "--hours", hours)
    assert done == (1, "", f"hpchub: --hours is {hours}; write 1 to 168\n")


def test_a_code_is_no_use_to_who_is_disabled(otp: Command, store: Store) -> None:
    give(store, "a1113a01")
    store.tokens.disable("a1113a01", why="left")
    assert "a1113a01 is disabled (left), so no code would help" in otp("issue", "a1113a01").err
    store.tokens.disable("a1113a01", why=RECOVERED)
    assert otp("issue", "a1113a01").code == 0


# ----- set ----------------------------------------------------------------------------------


def test_a_new_secret_is_shown_once_and_works(otp: Command, store: Store) -> None:
    shown = otp("set", "a1113a01", "--issuer", "HPC Centre").out
    secret = re.search(r"secret  ([A-Z2-7]{32})$", shown, re.MULTILINE)
    assert secret is not None
    assert f"otpauth://totp/HPC%20Centre:a1113a01?secret={secret[1]}&issuer=HPC%20Centre" in shown
    token = store.tokens.get("a1113a01")
    assert token is not None
    assert token.seed == Seed(secret[1])
    listed = otp("list").out + otp("list", "--json").out
    assert "a1113a01" in listed
    assert secret[1] not in listed


def test_a_secret_from_a_file_or_standard_input_is_not_shown(
    otp: Command, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "seed").write_text(f"{SECRET[:16].lower()} {SECRET[16:]}\n")
    first = otp("set", "a1113a01", "--seed-file", str(tmp_path / "seed"))
    second = otp("set", "A1113A02", "--seed-file", "-", feed=SECRET + "\n")
    assert (first.out, second.out) == ("a1113a01: the token is set\n", "a1113a02: the token is set\n")
    for user in ("a1113a01", "a1113a02"):
        token = store.tokens.get(user)
        assert token is not None
        assert token.seed.secret == SECRET


def test_the_same_secret_again_leaves_a_used_code_used(otp: Command, store: Store) -> None:
    otp("set", "a1113a01", "--seed-file", "-", feed=SECRET)
    token = store.tokens.get("a1113a01")
    assert token is not None
    now = time.time()
    step = step_at(token.seed, now)
    assert store.tokens.claim(token.id, step, now=now)
    done = otp("set", "a1113a01", "--seed-file", "-", "--yes", feed=SECRET)
    assert done.out == "a1113a01: has this token already\n"
    assert not store.tokens.claim(token.id, step, now=now)


def test_a_token_is_not_replaced_without_a_yes(otp: Command, store: Store) -> None:
    give(store, "a1113a01")
    done = otp("set", "a1113a01")
    assert (done.code, done.out) == (1, "")
    assert "a1113a01 has a token already. Replace it? Nobody can be asked here: say --yes" in done.err
    assert otp("set", "a1113a01", "--yes").code == 0
    token = store.tokens.get("a1113a01")
    assert token is not None
    assert token.seed.secret != SECRET
    assert [notice.event for notice in store.notices.unseen("a1113a01")] == ["import"]


def test_a_short_secret_is_refused_and_not_repeated(otp: Command) -> None:
    done = otp("set", "a1113a01", "--seed-file", "-", feed="JBSWY3DPEHPK3PXP")
    assert done.code == 1
    assert "80 bits; at least 128" in done.err
    assert "JBSW" not in done.err


# ----- reset, disable, enable ---------------------------------------------------------------


def test_after_a_reset_nothing_of_the_user_is_left_and_the_sessions_end(otp: Command, store: Store) -> None:
    now = time.time()
    give(store, "a1113a01")
    code = store.enrolments.issue("a1113a01", by="root", now=now)
    (recovery, *_) = store.recovery.replace("a1113a01", now=now)
    done = otp("reset", "a1113a01", "--yes")
    assert done.code == 0
    assert "the token is removed, all codes are void" in done.out
    assert store.tokens.get("a1113a01") is None
    assert not store.enrolments.valid("a1113a01", code, now=now)
    assert store.recovery.check("a1113a01", recovery) is None
    (revoked,) = store.revocations.newer_than(0, now=time.time())
    assert (revoked.user, revoked.reason, revoked.by) == ("a1113a01", "reset", who())
    assert [notice.event for notice in store.notices.unseen("a1113a01")] == ["reset"]


@pytest.mark.parametrize(("answer", "left"), [("no", True), ("", True), ("yes", False), ("Y", False)])
def test_a_reset_is_asked_for_and_can_be_thought_better_of(
    where: list[str],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    left: bool,
) -> None:
    give(store, "a1113a01")
    ours, theirs = os.openpty()
    with os.fdopen(ours, "w") as keyboard, os.fdopen(theirs) as terminal:
        keyboard.write(f"{answer}\n")
        keyboard.flush()
        monkeypatch.setattr(sys, "stdin", terminal)
        assert main(["otp", "reset", "a1113a01", *where]) == (1 if left else 0)
    assert "end all sessions? [yes/no]" in capsys.readouterr().out
    assert (store.tokens.get("a1113a01") is not None) == left


def test_somebody_disabled_is_out_until_enabled(otp: Command, store: Store) -> None:
    give(store, "a1113a01")
    assert otp("disable", "a1113a01", "--why", "left  the\tcentre").code == 0
    (listed,) = store.tokens.listing()
    assert (listed.disabled, listed.why) == (True, "left the centre")
    assert [each.reason for each in store.revocations.newer_than(0, now=time.time())] == ["disabled"]
    assert otp("enable", "a1113a01").out == "a1113a01: may log in again\n"
    assert not store.tokens.listing()[0].disabled
    assert otp("enable", "a1113a01").err == "hpchub: a1113a01 has no token that is disabled\n"
    assert [each.event for each in store.notices.unseen("a1113a01")] == ["disabled", "enabled"]


def test_who_has_no_token_is_out_as_well_and_gets_none(otp: Command, store: Store) -> None:
    code = store.enrolments.issue("a1113a01", by="root", now=time.time())
    done = otp("disable", "a1113a01", "--why", "left")
    assert done.code == 1
    assert "a1113a01 has no token to disable; sessions end all the same" in done.err
    assert [each.user for each in store.revocations.newer_than(0, now=time.time())] == ["a1113a01"]
    assert not store.enrolments.valid("a1113a01", code, now=time.time())


@pytest.mark.parametrize("why", ["", "  ", "x" * 201, "a\x1b[2J"])
def test_a_reason_is_short_and_printable(otp: Command, why: str) -> None:
    assert otp("disable", "a1113a01", "--why", why).err.startswith("hpchub: --why")


# ----- unlock -------------------------------------------------------------------------------


def test_failed_attempts_are_forgotten_at_an_administrators_word(
    otp: Command, where: list[str], store: Store
) -> None:
    throttle = Throttle(attempts=store.attempts)
    now = time.time()

    def fail(times: int) -> None:
        for _ in range(times):
            throttle.reserve("a1113a01", "2001:db8::7", now=now)
            throttle.settle("a1113a01", "2001:db8::7", Outcome.REFUSED, now=now)

    with pytest.raises(Throttled):
        fail(200)
    assert otp("unlock", "a1113a01").out == "a1113a01: failed attempts are forgotten\n"
    assert otp("unlock", "a1113a01").out == "a1113a01: there were no failed attempts\n"
    assert [notice.event for notice in store.notices.unseen("a1113a01")] == ["unlocked"]
    fail(1)
    assert otp("unlock", "--address", "2001:db8:0::7").out == "2001:db8::7: failed attempts are forgotten\n"
    assert otp("unlock", "--address", "2001:db8::7").out == "2001:db8::7: there were no failed attempts\n"
    assert otp("unlock", "--address", "here").err == "hpchub: 'here' is not an address\n"


# ----- list ---------------------------------------------------------------------------------


def test_the_list_says_who_has_what_in_which_state(otp: Command, store: Store) -> None:
    store.tokens.put("a1113a01", Seed(SECRET), now=0, label="Pixel 9")
    give(store, "a1113a02")
    store.tokens.disable("a1113a02", why="lost it")
    token = store.tokens.get("a1113a01")
    assert token is not None
    store.tokens.claim(token.id, 40, now=1210)
    lines = [line.split("  ") for line in otp("list").out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[0] == ["user", "state", "since", "last used (UTC)", "device"]
    assert cells[1] == ["a1113a01", "enrolled", "1970-01-01", "1970-01-01 00:20", "Pixel 9"]
    assert cells[2][:2] == ["a1113a02", "disabled"]
    assert cells[2][3:] == ["never", "lost it"]


def test_a_users_own_words_do_not_command_the_terminal(otp: Command, store: Store) -> None:
    store.tokens.put("a1113a01", Seed(SECRET), now=0, label="phone\x1b[2J\u202egnp")
    assert "phone?[2J?gnp" in otp("list").out


def test_the_list_says_who_waits_and_who_is_locked(otp: Command, store: Store) -> None:
    throttle = Throttle(attempts=store.attempts)

    def fail(user: str, *moments: float) -> None:
        for moment in moments:
            throttle.reserve(user, "192.0.2.7", now=moment)
            throttle.settle(user, "192.0.2.7", Outcome.REFUSED, now=moment)

    for user in ("a1113a01", "a1113a02"):
        give(store, user)
    now = time.time()
    fail("a1113a01", *[now - 1] * 5)
    fail("a1113a02", *(now - 7200 * hours for hours in range(100, 0, -1)))
    rows = json.loads(otp("list", "--json").out)
    assert [(row["state"], row["failures"]) for row in rows] == [("waits", 5), ("locked", 100)]


def test_the_list_has_who_was_given_a_code_and_has_not_enrolled_yet(otp: Command, store: Store) -> None:
    store.enrolments.issue("a1113a03", by="root", now=time.time())
    store.enrolments.issue("a1113a04", by="root", now=0)
    (row,) = json.loads(otp("list", "--json").out)
    assert (row["user"], row["state"], row["since"], row["last_used"]) == (
        "a1113a03",
        "code issued",
        None,
        None,
    )
    assert row["code_until"] > "2026"
    assert "a1113a03  code issued" in otp("list").out


def test_the_list_is_said_to_be_unreadable_with_another_key(
    otp: Command, store: Store, key_file: Path
) -> None:
    give(store, "a1113a01")
    key_file.unlink()
    assert main(["otp", "init-key", "--key-file", str(key_file)]) == 0
    done = otp("list")
    assert "a1113a01" in done.out
    assert "1 of 1 tokens cannot be read with the keys in" in done.err


# ----- audit --------------------------------------------------------------------------------


@pytest.fixture
def configured(where: list[str], tmp_path: Path) -> list[str]:
    """Options that name a configuration with an audit file."""
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        f"c.LDAPOTPAuthenticator.store_url = {where[1]!r}\n"
        f"c.LDAPOTPAuthenticator.key_file = {where[3]!r}\n"
        f"c.Audit.audit_file = {str(tmp_path / 'audit.jsonl')!r}\n"
    )
    return ["--config", str(config)]


def test_nobody_is_given_a_code_where_somebody_else_checks_them(
    configured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "jupyterhub_config.py"
    chosen = "c.LDAPOTPAuthenticator.second_factor = 'authenticator.factors.appended.AppendedFactor'\n"
    config.write_text(config.read_text() + chosen)
    assert main(["otp", "issue", "a1113a01", "--unchecked", *configured]) == 1
    assert "second_factor is AppendedFactor: nobody enrols with the hub" in capsys.readouterr().err


def test_what_was_done_stands_in_the_audit_with_who_did_it(
    configured: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUDO_USER", "kim")
    for words in (
        ["set", "a1113a01"],
        ["disable", "a1113a01", "--why", "lost"],
        ["enable", "a1113a01"],
        ["issue", "a1113a02", "--unchecked"],
        ["reset", "a1113a01", "--yes"],
    ):
        assert main(["otp", *words, *configured]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main(["otp", "audit", "--json", *configured]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["user"]) for event in events] == [
        ("import", "a1113a01"),
        ("disabled", "a1113a01"),
        ("enabled", "a1113a01"),
        ("enrolment_code", "a1113a02"),
        ("reset", "a1113a01"),
    ]
    assert {(event["by"], event["result"]) for event in events} == {("kim", "success")}
    assert main(["otp", "audit", "--user", "A1113a02", "--since", "2h", *configured]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("  enrolment_code  success  a1113a02  by kim")
    assert main(["otp", "audit", "--since", "2999-01-01", *configured]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_an_audit_file_it_is_said_that_nothing_is_kept(
    configured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(config.read_text() + "c.Audit.audit_file = ''\n")
    assert main(["otp", "set", "a1113a01", *configured]) == 0
    assert "Audit.audit_file is not set, so nobody can read later who did this" in capsys.readouterr().err
    assert main(["otp", "audit", *configured]) == 1
    assert capsys.readouterr().err == "hpchub: audit_file is not set, so events are in the hub's log only\n"


def test_a_time_that_is_none_is_said(configured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["otp", "audit", "--since", "yesterday", *configured]) == 1
    assert "--since is 'yesterday'; write 30m, 2h, 7d, or a date" in capsys.readouterr().err


# ----- who, where, and what goes wrong ------------------------------------------------------


def test_the_audit_names_the_person_and_not_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "kim")
    assert who() == "kim"
    monkeypatch.delenv("SUDO_USER")
    login = (
        int(Path("/proc/self/loginuid").read_text()) if Path("/proc/self/loginuid").exists() else 2**32 - 1
    )
    assert who() == pwd.getpwuid(os.getuid() if login == 2**32 - 1 else login).pw_name


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["set", "a*"], "'a*' cannot be a user name"),
        (["reset", "a b", "--yes"], "'a b' cannot be a user name"),
        (["set", "a1113a01", "--seed-file", "/nowhere/seed"], "/nowhere/seed: No such file"),
        (["init-key"], "exists already and is not overwritten"),
        (["audit"], "audit_file is not set"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(otp: Command, words: list[str], sentence: str) -> None:
    done = otp(*words)
    assert done.code == 1
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-word"],
        [],
        ["set"],
        ["unlock"],
        ["unlock", "a", "--address", "::1"],
        ["import", "f", "--format", "xls"],
    ],
)
def test_what_is_not_understood_ends_with_2(otp: Command, words: list[str]) -> None:
    assert otp(*words).code == 2


def test_without_a_store_it_says_what_to_give(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HPCHUB_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["otp", "list"]) == 1
    assert "give --config, or --store and --key-file" in capsys.readouterr().err


def test_a_configuration_without_a_store_says_what_may_be_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "config.py").write_text("")
    assert main(["otp", "list", "--config", str(tmp_path / "config.py")]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'config.py'} does not set store_url: take the hub's environment" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_account_is_told_whom_to_be(otp: Command, key_file: Path) -> None:
    os.chown(key_file, 65534, 65534)
    assert "run as the account nobody" in otp("set", "a1113a01").err


def test_a_store_that_is_no_store_is_said_without_its_contents(otp: Command, tmp_path: Path) -> None:
    (tmp_path / "tokens.sqlite").write_text("canary " * 1000)
    (tmp_path / "tokens.sqlite").chmod(0o600)
    done = otp("list")
    assert done.code == 1
    assert "store" in done.err
    assert "canary" not in done.err


def test_the_hubs_own_configuration_file_says_where_the_store_is(
    where: list[str], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        f"c = get_config()\nc.LDAPOTPAuthenticator.store_url = {where[1]!r}\n"
        f"c.LDAPOTPAuthenticator.key_file = {where[3]!r}\n"
    )
    command = [sys.executable, "-m", "hpchub", "otp", "set", "a1113a01", "--seed-file", "-"]
    environment = {**os.environ, "HPCHUB_CONFIG": str(config)}
    done = subprocess.run(
        command, input=SECRET, capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert store.tokens.get("a1113a01") is not None


@pytest.mark.parametrize("words", [["otp", "list"], ["doctor"]])
def test_whoever_reads_only_the_beginning_gets_no_complaint(
    configured: list[str], store: Store, words: list[str]
) -> None:
    give(store, "a1113a01")
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "hpchub", *words, *configured],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")


# ----- keys ---------------------------------------------------------------------------------


def test_a_key_is_made_for_this_account_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.key"
    assert main(["otp", "init-key", "--key-file", str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(load_keys(path).current) == 32


def test_a_key_is_changed_in_two_steps_around_a_restart(otp: Command, store: Store, key_file: Path) -> None:
    give(store, "a1113a01")
    code = store.enrolments.issue("a1113a02", by="root", now=time.time())
    old = load_keys(key_file)
    assert "say --yes" in otp("rotate-key").err
    first = otp("rotate-key", "--yes")
    assert (first.code, "Restart the hub" in first.out) == (0, True)
    begun = load_keys(key_file)
    assert begun.previous == old.current
    assert begun.current not in {old.current, old.previous}
    assert key_file.stat().st_mode & 0o777 == 0o600
    # The hub, still with the old key, can read everything.
    assert store.tokens.get("a1113a01") is not None

    second = otp("rotate-key")
    assert second.code == 0
    assert "1 token is encrypted with the new key" in second.out
    assert load_keys(key_file) == begun
    restarted = Store(store.database.engine.url.render_as_string(), begun)
    token = restarted.tokens.get("a1113a01")
    assert token is not None
    assert token.seed.secret == SECRET
    assert restarted.enrolments.valid("a1113a02", code, now=time.time())
    restarted.close()
    alone = Store(store.database.engine.url.render_as_string(), Keys(begun.current))
    assert alone.tokens.unreadable() == (0, 1)
    alone.close()


def test_a_key_is_changed_at_once_while_the_hub_is_stopped(
    otp: Command, store: Store, key_file: Path
) -> None:
    give(store, "a1113a01")
    give(store, "a1113a02")
    done = otp("rotate-key", "--at-once", "--yes")
    assert "2 tokens are encrypted with the new key" in done.out
    assert Tokens(
        Database(str(store.database.engine.url), Keys(load_keys(key_file).current))
    ).unreadable() == (0, 2)


def test_two_who_change_the_key_do_not_meet(otp: Command, store: Store, key_file: Path) -> None:
    before = key_file.read_bytes()
    key_file.with_name(f"{key_file.name}.new").write_text("")
    done = otp("rotate-key", "--yes")
    assert (done.code, "somebody else is changing the key" in done.err) == (1, True)
    assert key_file.read_bytes() == before
