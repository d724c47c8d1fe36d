"""The demo's directory: its accounts, its certificates, and a slapd that keeps its data."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from demo import accounts, certificates, directory
from demo.entries import format_ldif, parse_ldif
from tests.ports import free_port

ACCOUNTS = accounts.load()
SUFFIX = directory.SUFFIX


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short, and open to the account that slapd runs under.
    made = Path(tempfile.mkdtemp(prefix="hpchub-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = certificates.ensure(folder / "tls", "localhost")
        self.port = free_port()

    def prepare(self, people: accounts.Accounts = ACCOUNTS) -> list[str]:
        return directory.prepare(
            self.folder / "ldap",
            port=self.port,
            certificates=self.certificates,
            accounts=people,
            home_pattern="/scratch/{username}",
        )

    @contextmanager
    def running(self, people: accounts.Accounts = ACCOUNTS) -> Iterator[None]:
        process = subprocess.Popen(self.prepare(people), stderr=subprocess.DEVNULL)
        try:
            for _ in range(1000):
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def search(self, *arguments: str, dn: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
        command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", f"ldaps://127.0.0.1:{self.port}"]
        who = ["-D", dn, "-w", password] if dn else []
        environment = {"LDAPTLS_CACERT": str(self.certificates.ca), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [*command, *who, *arguments], env=environment, capture_output=True, text=True, timeout=10
        )

    def binds(self, user: str, password: str) -> bool:
        return self.search("-b", "", "-s", "base", dn=person(user), password=password).returncode == 0

    def service(self, name: str, *arguments: str) -> dict[str, dict[str, list[str]]]:
        secrets = directory.secrets(self.folder / "ldap")
        password = (secrets.hub if name == "hpchub" else secrets.nslcd).read_text()
        found = self.search(*arguments, dn=f"cn={name},ou=services,{SUFFIX}", password=password)
        assert found.returncode in {0, 32}, found.stderr
        return parse_ldif(found.stdout)


def person(name: str) -> str:
    return f"uid={name},ou=people,{SUFFIX}"


def test_every_account_can_bind_but_the_locked_one(folder: Path) -> None:
    server = Server(folder)
    with server.running():
        able = {user.name for user in ACCOUNTS.users if server.binds(user.name, user.password)}
        assert able == {user.name for user in ACCOUNTS.users} - {"locked01"}
        assert not server.binds("a1113a01", "wrong")


def test_strangers_read_nothing_and_services_no_passwords(folder: Path) -> None:
    server = Server(folder)
    with server.running():
        assert server.search("-b", SUFFIX).stdout == ""
        for service in ("hpchub", "nslcd"):
            people = server.service(service, "-b", f"ou=people,{SUFFIX}", "(uid=*)", "*", "+")
            assert len(people) == 6
            assert not any("userPassword" in entry for entry in people.values())
        assert "mail" not in server.service("nslcd", "-b", person("a1113a01"))[person("a1113a01")]
        groups = server.service("hpchub", "-b", f"ou=groups,{SUFFIX}", "(memberUid=a1113a02)", "cn")
        names = {entry["cn"][0] for entry in groups.values()}
        assert names == {"hpcusers", "proj01", "proj02"}


def test_the_data_survives_a_second_preparation_and_new_accounts_are_added(folder: Path) -> None:
    server = Server(folder)
    fewer = ACCOUNTS.model_copy(update={"users": ACCOUNTS.users[:2]})
    with server.running(fewer):
        assert not server.binds("a1113a03", ACCOUNTS.user("a1113a03").password)
        change = f"dn: {person('a1113a01')}\nchangetype: modify\nreplace: sn\nsn: Changed\n"
        uri = directory.administration_uri(folder / "ldap")
        subprocess.run(
            ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", uri], input=change, text=True, check=True, timeout=10
        )
    for _ in range(2):
        with server.running():
            assert server.binds("a1113a03", ACCOUNTS.user("a1113a03").password)
            assert server.service("hpchub", "-b", person("a1113a01"))[person("a1113a01")]["sn"] == ["Changed"]
            group = f"cn=proj02,ou=groups,{SUFFIX}"
            members = server.service("hpchub", "-b", group)[group]["memberUid"]
            assert sorted(members) == ["a1113a02", "a1113a03"]


def test_a_lost_service_password_is_replaced(folder: Path) -> None:
    server = Server(folder)
    with server.running():
        pass
    time.sleep(0.01)
    directory.secrets(folder / "ldap").hub.unlink()
    with server.running():
        assert server.service("hpchub", "-b", person("a1113a01"))


def test_secrets_are_for_root_alone(folder: Path) -> None:
    secrets = directory.secrets(folder)
    before = secrets.hub.read_text()
    assert directory.secrets(folder).hub.read_text() == before
    assert {path.stat().st_mode & 0o777 for path in (secrets.hub, secrets.nslcd)} == {0o400}
    assert before != secrets.nslcd.read_text()


def test_the_name_service_is_told_to_check_certificates(folder: Path) -> None:
    text = directory.nslcd_conf(folder, port=21000, ca=Path("/x/ca.pem"))
    assert "uri ldaps://127.0.0.1:21000/\n" in text
    assert "tls_reqcert demand\n" in text
    assert directory.secrets(folder).nslcd.read_text() in text


def test_certificates_are_kept_until_the_host_changes(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path, "localhost")
    ca, server = first.ca.read_bytes(), first.certificate.read_bytes()
    again = certificates.ensure(tmp_path, "localhost")
    assert (again.ca.read_bytes(), again.certificate.read_bytes()) == (ca, server)
    other = certificates.ensure(tmp_path, "hub.hpc.example")
    assert other.ca.read_bytes() == ca
    assert other.certificate.read_bytes() != server
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


def test_openssl_verifies_the_chain_strictly(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path, "10.0.0.1")
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(made.ca), "-verify_ip", "10.0.0.1"]
    subprocess.run([*command, str(made.certificate)], check=True, timeout=10, capture_output=True)


def test_a_certificate_about_to_expire_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = certificates.ensure(tmp_path, "localhost").certificate.read_bytes()
    monkeypatch.setattr(certificates, "RENEW_DAYS", certificates.SERVER_DAYS)
    assert certificates.ensure(tmp_path, "localhost").certificate.read_bytes() != old


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('projects = ["proj01"]', 'projects = ["proj99"]', "which is not defined"),
        ("uid = 10002", "uid = 10001", "the uid 10001 stands there twice"),
        ("uid = 10002", "uid = 7", "users.a1113a02.uid"),
        ('name = "a1113a02"', 'name = "Bad Name"', "users.Bad Name.name"),
        ('totp_seed = "NP33', 'totp_seed = "1111', "users.a1113a02.totp_seed"),
        ("locked = true", "lockd = true", "users.locked01.lockd"),
        ("[[users]]", "[users", "accounts.toml"),
    ],
)
def test_a_fault_in_the_accounts_file_is_named_without_its_secrets(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(accounts.DEFAULT_PATH.read_text().replace(old, new, 1))
    with pytest.raises(accounts.AccountsError) as fault:
        accounts.load(path)
    assert sentence in str(fault.value)
    assert "1111" not in str(fault.value)


def test_who_is_not_there_is_answered_with_who_is() -> None:
    with pytest.raises(accounts.AccountsError, match="the demo has a1113a01, a1113a02"):
        ACCOUNTS.user("nobody")


def test_ldif_takes_any_text() -> None:
    entries = {"cn=x,dc=y": {"cn": ["x", "한글", "a\nb: c", " lead", ""]}}
    assert parse_ldif(format_ldif(entries)) == entries
