"""`hpchub otp import`: many tokens, all of them or none."""

from pathlib import Path

from authenticator.passcode import Seed
from authenticator.store import Store
from tests.hpchub.kit import Command
from tests.hpchub.samples import FIGURE_6, FIGURE_7, KEY, OTHER, SECRET, time_based

CSV = f"user,secret,digits,device\na1113a01,{SECRET},8,Feitian\na1113a02,{OTHER},,\n"


def users(store: Store) -> list[str]:
    return [listed.user for listed in store.tokens.listing()]


def seed(store: Store, user: str) -> Seed:
    token = store.tokens.get(user)
    assert token is not None
    return token.seed


def test_tokens_come_from_standard_input(otp: Command, store: Store) -> None:
    assert otp("import", "-", "--format", "csv", feed=CSV) == (0, "2 tokens imported\n", "")
    assert seed(store, "a1113a01") == Seed(SECRET, digits=8)
    assert seed(store, "a1113a02") == Seed(OTHER)
    assert [listed.label for listed in store.tokens.listing()] == ["Feitian", ""]


def test_one_bad_line_and_nothing_is_imported(otp: Command, store: Store, tmp_path: Path) -> None:
    (tmp_path / "seeds").write_text(f"a1113a01 {SECRET}\na1113a02 JBSWY3DPEHPK3PXP\na* {SECRET}\n")
    words = ["import", str(tmp_path / "seeds"), "--format", "base32"]
    done = otp(*words)
    assert done == (
        1,
        "",
        "line 2: the secret has 80 bits; at least 128 are needed\n"
        "line 3: what stands for the user cannot be a user name\n"
        "hpchub: 2 lines are bad, so nothing is imported: correct the file, or say --skip-bad\n",
    )
    assert users(store) == []
    done = otp(*words, "--skip-bad")
    assert (done.code, done.out) == (0, "1 token imported\n")
    assert done.err.count("line ") == 2
    assert users(store) == ["a1113a01"]


def test_a_trial_run_changes_nothing(otp: Command, store: Store) -> None:
    done = otp("import", "-", "--format", "csv", "--dry-run", feed=CSV)
    assert done.out == "2 tokens would be imported; nothing was changed\n"
    assert users(store) == []


def test_tokens_that_users_have_are_left_unless_told_otherwise(otp: Command, store: Store) -> None:
    store.tokens.put("a1113a01", Seed(OTHER), now=0)
    done = otp("import", "-", "--format", "csv", feed=CSV)
    assert done.out == "1 token imported\n"
    assert "left as they are, because they have a token (--replace replaces it): a1113a01" in done.err
    assert seed(store, "a1113a01") == Seed(OTHER)
    done = otp("import", "-", "--format", "csv", "--replace", feed=CSV)
    assert (done.code, "say --yes" in done.err) == (1, True)
    done = otp("import", "-", "--format", "csv", "--replace", "--yes", feed=CSV)
    assert done.out == "1 token imported, 1 there already\n"
    assert seed(store, "a1113a01") == Seed(SECRET, digits=8)
    assert [notice.event for notice in store.notices.unseen("a1113a01")] == ["import"]
    assert store.notices.unseen("a1113a02") == []


def test_encrypted_containers_open_with_key_or_password_from_a_file(
    otp: Command, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "password").write_text("qwerty\n")
    (tmp_path / "holders").write_text("serial,user\n987654321,a1113a01\n")
    (tmp_path / "six").write_bytes(time_based(FIGURE_6))
    holders = ["--holders", str(tmp_path / "holders")]
    words = ["import", str(tmp_path / "six"), "--format", "pskc", *holders]
    assert otp(*words, "--pskc-key-file", str(tmp_path / "key")).out == "1 token imported\n"
    words = ["import", "-", "--format", "pskc", *holders, "--replace", "--yes"]
    done = otp(*words, "--pskc-password-file", str(tmp_path / "password"), feed=time_based(FIGURE_7))
    assert done.out == "0 tokens imported, 1 there already\n"
    done = otp(*words, feed=FIGURE_7)
    assert done.err.startswith("key 1: it is not a time-based token (TOTP)\nhpchub: 1 key is bad")


def test_no_secret_is_shown_whatever_is_wrong(otp: Command) -> None:
    feeds = {
        "csv": f"a1113a01,{SECRET}\n",
        "base32": f"{SECRET} a1113a01\na1113a02 {SECRET[:16]}\n{SECRET}\n",
        "pskc": f"<KeyContainer>{SECRET}</KeyContainer>",
    }
    for kind, feed in feeds.items():
        done = otp("import", "-", "--format", kind, feed=feed)
        assert done.code == 1
        assert SECRET[:16].lower() not in (done.out + done.err).lower()
