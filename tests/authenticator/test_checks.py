"""What `hpchub doctor` says of the login, on a real directory, in good order and not."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from authenticator.keys import load_keys, make_key_file
from authenticator.passcode import Seed
from authenticator.store import Store
from demo import certificates
from hpchub.__main__ import main
from tests.authenticator.kit import SUFFIX, Slapd, settings_for
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

Found = list[dict[str, str]]
Doctor = Callable[..., Found]


@pytest.fixture
def settings(slapd: Slapd, tmp_path: Path, key_file: Path) -> dict[str, Any]:
    """Settings of a login that is in order: with a store that holds one token."""
    wanted = settings_for(slapd, tmp_path)
    store = Store(wanted["store_url"], load_keys(key_file))
    store.tokens.put("a1113a01", Seed(SECRET), now=0)
    store.close()
    return wanted


@pytest.fixture
def doctor(settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run the doctor with these settings changed; return its findings."""

    def run(more: str = "", **changes: Any) -> Found:
        lines = [f"c.LDAPOTPAuthenticator.{name} = {value!r}" for name, value in (settings | changes).items()]
        config = tmp_path / "jupyterhub_config.py"
        config.write_text(
            "\n".join([*lines, f"c.Audit.audit_file = {str(tmp_path / 'audit.jsonl')!r}", more])
        )
        capsys.readouterr()
        code = main(["doctor", "--json", "--config", str(config)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert SECRET not in out + err
        found: Found = json.loads(out)
        assert code == any(each["level"] == "fault" for each in found)
        return found

    return run


def faults(found: Found) -> Found:
    return [each for each in found if each["level"] == "fault"]


def sentence(found: Found, area: str, check: str) -> str:
    """Return the one finding of this check, as one line."""
    (wanted,) = [each for each in found if (each["area"], each["check"]) == (area, check)]
    return f"{wanted['level']}: {wanted['seen']} -> {wanted['do']}"


def test_a_login_in_order_has_no_fault(doctor: Doctor) -> None:
    found = doctor()
    assert faults(found) == []
    assert sentence(found, "login", "settings") == "ok: of LDAPOTPAuthenticator, complete and safe -> "
    assert sentence(found, "login", "who may log in") == "ok: groups hub-users -> "
    assert sentence(found, "token store", "tokens") == "ok: 1, all readable with these keys -> "
    assert "MiB in" in sentence(found, "token store", "free space")


def test_everything_that_is_not_in_order_says_what_to_do(doctor: Doctor) -> None:
    found = doctor(
        server_uris=[f"ldaps://localhost:{free_port()}"], store_url="sqlite:////nowhere/tokens.sqlite"
    )
    assert faults(found) != []
    assert [each for each in found if each["level"] != "ok" and not each["do"]] == []


@pytest.mark.parametrize("name", ["key_file", "bind_password_file"])
def test_a_key_that_others_may_read_is_a_fault(
    doctor: Doctor, settings: dict[str, Any], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "open"
    path.write_bytes(Path(settings[name]).read_bytes())
    path.chmod(0o644)
    said = " ".join(each["seen"] for each in faults(doctor(**{name: str(path)})))
    assert f"{name}: {path} has mode 0644, too open by 0044: chmod 600" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_of_another_account_say_whom_to_be(doctor: Doctor, key_file: Path) -> None:
    os.chown(key_file, 65534, 65534)
    assert "run as the account nobody" in " ".join(each["seen"] for each in faults(doctor()))


def test_a_value_of_the_wrong_type_is_named_with_its_line(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor("c.LDAPOTPAuthenticator.threads = 'many'")
    assert len(faults(found)) == 1
    assert f"{tmp_path / 'jupyterhub_config.py'}:" in faults(found)[0]["seen"]
    assert "'threads' trait" in faults(found)[0]["seen"]


def test_settings_that_are_missing_are_all_named_at_once(doctor: Doctor) -> None:
    said = " ".join(
        each["seen"] for each in faults(doctor(bind_dn="", allowed_groups=set(), user_search_base=""))
    )
    for name in ("bind_dn is not set", "nobody may log in", "user_search_base is not set"):
        assert name in said


# ----- the token store ----------------------------------------------------------------------


def test_tokens_of_another_key_are_counted(doctor: Doctor, tmp_path: Path) -> None:
    make_key_file(tmp_path / "other.key")
    said = sentence(doctor(key_file=str(tmp_path / "other.key")), "token store", "tokens")
    assert said.startswith(
        "fault: 1 of 1 cannot be read with these keys: those users cannot log in -> put the key"
    )


def test_a_store_that_is_none_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_text("canary " * 1000)
    broken.chmod(0o600)
    found = doctor(store_url=f"sqlite:///{broken}")
    assert sentence(found, "token store", "opens").startswith("fault: ")
    assert "canary" not in json.dumps(found)


def test_a_store_that_others_may_read_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "tokens.sqlite").chmod(0o640)
    assert "has mode 0640" in sentence(doctor(), "token store", "opens")


def test_a_store_that_is_not_there_is_not_made_by_looking(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor(store_url=f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert sentence(found, "token store", "file").startswith("warning: ")
    assert not (tmp_path / "new.sqlite").exists()


def test_a_database_server_that_does_not_answer_is_a_fault(doctor: Doctor) -> None:
    found = doctor(store_url=f"postgresql+psycopg://hub@127.0.0.1:{free_port()}/hub")
    assert sentence(found, "token store", "opens").startswith("fault: ")


def test_an_older_store_is_looked_at_and_left_as_it_is(
    doctor: Doctor, settings: dict[str, Any], tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "tokens.sqlite")) as connection, connection:
        connection.execute("UPDATE otp_version SET version_num = '0000'")
    said = sentence(doctor(), "token store", "version")
    assert said.startswith("warning: ")
    assert "has tables of version 0000" in said
    with closing(sqlite3.connect(tmp_path / "tokens.sqlite")) as connection:
        assert connection.execute("SELECT version_num FROM otp_version").fetchall() == [("0000",)]


def test_a_newer_store_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tokens.sqlite")) as connection, connection:
        connection.execute("UPDATE otp_version SET version_num = '9999'")
    assert "a newer hpchub has changed it" in sentence(doctor(), "token store", "opens")


def test_a_store_in_postgresql_is_filled_looked_at_and_given_another_key(
    doctor: Doctor, postgres_url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["--store", postgres_url, "--key-file", str(key_file)]
    found = doctor(store_url=postgres_url)
    assert "has tables of version none" in sentence(found, "token store", "version")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"a1113a01 {SECRET}\n".encode())))
    assert main(["otp", "import", "-", "--format", "base32", *where]) == 0
    assert main(["otp", "rotate-key", "--at-once", "--yes", *where]) == 0
    found = doctor(store_url=postgres_url)
    assert sentence(found, "token store", "tokens") == "ok: 1, all readable with these keys -> "


# ----- who may do what ----------------------------------------------------------------------


def test_a_door_that_is_open_to_all_is_a_warning(doctor: Doctor) -> None:
    assert sentence(doctor(allow_all=True), "login", "who may log in").startswith("warning: allow_all")


def test_logins_without_a_code_are_a_warning(doctor: Doctor) -> None:
    found = doctor("c.Exemptions.groups = {'teachers'}")
    said = sentence(found, "second factor", "exemptions")
    assert said.startswith("warning: members of teachers log in without a one-time password")
    found = doctor("c.Exemptions.networks = ['0.0.0.0/0']")
    assert "that is everybody" in " ".join(each["seen"] for each in faults(found))


def test_settings_of_another_second_factor_are_checked(doctor: Doctor) -> None:
    found = doctor(second_factor="authenticator.factors.radius.RadiusFactor")
    assert [each["check"] for each in faults(found)].count("RadiusFactor") >= 1
    assert sentence(doctor(), "second factor", "back-end").startswith("ok: TokenFactor")


@pytest.mark.parametrize(
    ("kind", "missing"), [("interface.SecondFactor", "check"), ("others.OthersFactor", "ask")]
)
def test_a_second_factor_that_cannot_check_a_code_is_a_fault_before_anybody_logs_in(
    doctor: Doctor, kind: str, missing: str
) -> None:
    (fault,) = faults(doctor(second_factor=f"authenticator.factors.{kind}"))
    assert "cannot check a code: take one of those" in fault["seen"]
    assert f"or write what it lacks ({missing})" in fault["seen"]


# ----- the audit ----------------------------------------------------------------------------


def test_an_audit_file_that_cannot_be_written_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor("c.Audit.audit_file = '/nowhere/audit.jsonl'")
    assert sentence(found, "audit", "file").startswith("fault: audit_file: /nowhere is not a folder")
    assert not (tmp_path / "audit.jsonl").exists()
    assert sentence(doctor("c.Audit.audit_file = ''"), "audit", "file").startswith("warning: ")


# ----- the directory ------------------------------------------------------------------------


def said_of_directory(found: Found) -> str:
    return " ".join(
        f"{each['check']} {each['seen']}" for each in faults(found) if each["area"] == "directory"
    )


def test_a_wrong_authority_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    other = certificates.ensure(tmp_path / "tls", "localhost")
    assert "signed by an authority that is not in ca_file" in said_of_directory(doctor(ca_file=str(other.ca)))


def test_a_wrong_service_password_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("canary-password")
    (tmp_path / "password").chmod(0o600)
    found = doctor(bind_password_file=str(tmp_path / "password"))
    assert "49" in said_of_directory(found)
    assert "canary" not in json.dumps(found)


def test_a_server_that_is_down_is_a_fault(doctor: Doctor) -> None:
    uri = f"ldaps://localhost:{free_port()}"
    assert uri in said_of_directory(doctor(server_uris=[uri]))


def test_a_wrong_base_is_a_fault(doctor: Doctor) -> None:
    assert "ou=nowhere" in said_of_directory(doctor(user_search_base=f"ou=nowhere,{SUFFIX}"))


def test_somebody_who_has_logged_in_is_looked_for(
    doctor: Doctor, settings: dict[str, Any], key_file: Path, slapd: Slapd
) -> None:
    store = Store(settings["store_url"], load_keys(key_file))
    token = store.tokens.get("a1113a01")
    assert token is not None
    store.tokens.claim(token.id, 1, now=30)
    store.close()
    assert f"uid=a1113a01,ou=people,{SUFFIX}" in sentence(doctor(), "directory", f"{slapd.uri} user a1113a01")
    said = sentence(doctor(admin_users={"a1113zzz"}), "directory", f"{slapd.uri} user a1113zzz")
    assert said.startswith("fault: nobody is found")


# ----- as people see it ---------------------------------------------------------------------


def test_the_tables_are_plain_text_with_what_to_do(
    doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor(allow_all=True)
    assert main(["doctor", "--config", str(tmp_path / "jupyterhub_config.py")]) == 0
    out = capsys.readouterr().out
    areas = ["configuration", "login", "token store", "directory", "second factor", "audit", "clock"]
    assert [line for line in out.splitlines() if line and not line.startswith(" ")][:-1] == areas
    assert "-> set allowed_groups, unless everybody in the directory is welcome" in out
    assert "\x1b" not in out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_account_that_may_read_nothing_is_told_so_without_a_traceback(
    doctor: Doctor, slapd: Slapd, tmp_path: Path
) -> None:
    doctor()
    config, locked = tmp_path / "jupyterhub_config.py", tmp_path / "locked"
    locked.mkdir(mode=0o700)
    done = as_nobody("doctor", "--config", str(config))
    assert f"{config} is not there" in done.stdout
    # pytest's own folders are closed to others; the hub's configuration may be open, and its secrets not.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        opened = Path(folder, "jupyterhub_config.py")
        opened.write_text(config.read_text().replace(str(slapd.certificates.ca), str(locked / "ca.pem")))
        done = as_nobody("doctor", "--config", str(opened))
    assert f"{locked}/ca.pem: Permission denied" in done.stdout
    assert "token store\n" in done.stdout


def as_nobody(*words: str) -> subprocess.CompletedProcess[str]:
    account = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*account, sys.executable, "-m", "hpchub", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    return done
