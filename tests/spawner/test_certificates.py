"""A server's certificate: whom it names, who signs it, what it is good for, and where its key goes."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from certipy import Certipy
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID, NameOID

from spawner.certificates import LONGEST_NAMES, CertificateError, alt_names, issue, load_authority
from tests.spawner.helper import JOB, NOBODY, Site

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")
NODES = tuple(f"gpu{number:04}" for number in range(1, 4001))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which JupyterHub has made its authorities, with its own library."""
    folder = tmp_path_factory.mktemp("internal-ssl")
    certipy = Certipy(store_dir=str(folder))
    certipy.trust_from_graph({"notebooks-ca": ["hub-ca"], "hub-ca": ["notebooks-ca"]})
    return folder


def test_certificate_is_signed_by_the_hubs_authority_and_fits_its_key(store: Path) -> None:
    authority = load_authority(str(store))
    key, pem = issue(authority, "user-anna", ["DNS:gpu01", "IP:192.0.2.1"], 60)
    made = x509.load_pem_x509_certificate(pem.encode())
    made.verify_directly_issued_by(authority.certificate)
    private = load_pem_private_key(key.encode(), None)
    assert private.public_key() == made.public_key()
    (name,) = made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "user-anna"
    assert made.not_valid_after_utc - datetime.now(UTC) > timedelta(days=59, hours=22)
    assert made.not_valid_before_utc < datetime.now(UTC)


def test_certificate_counts_for_openssl_as_server_and_as_client(store: Path, tmp_path: Path) -> None:
    _key, pem = issue(load_authority(str(store)), "user-anna", alt_names(["gpu01", "gpu02"], []), 60)
    (tmp_path / "made.pem").write_text(pem)
    authority = store / "notebooks-ca" / "notebooks-ca.crt"
    verify = ["openssl", "verify", "-x509_strict", "-partial_chain", "-CAfile", str(authority)]
    for more in (["-purpose", "sslserver", "-verify_hostname", "gpu02"], ["-purpose", "sslclient"]):
        done = subprocess.run([*verify, *more, str(tmp_path / "made.pem")], capture_output=True, text=True)
        assert done.stdout.endswith(": OK\n"), done.stderr
    other = [*verify, "-verify_hostname", "gpu03", str(tmp_path / "made.pem")]
    assert subprocess.run(other, capture_output=True).returncode != 0


def test_two_servers_of_a_user_have_two_keys(store: Path) -> None:
    authority = load_authority(str(store))
    assert issue(authority, "user-anna", ["DNS:a"], 1)[0] != issue(authority, "user-anna", ["DNS:a"], 1)[0]


def test_a_long_name_of_a_user_is_cut_where_x509_ends(store: Path) -> None:
    _key, pem = issue(load_authority(str(store)), f"user-{'a' * 200}", ["DNS:a"], 1)
    (name,) = x509.load_pem_x509_certificate(pem.encode()).subject
    assert len(name.value) == 64


def test_four_thousand_nodes_fit_into_one_certificate(store: Path) -> None:
    names = alt_names(NODES, ["DNS:localhost"])
    _key, pem = issue(load_authority(str(store)), "user-anna", names, 60)
    made = x509.load_pem_x509_certificate(pem.encode())
    found = made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert len(found.get_values_for_type(x509.DNSName)) == 4001
    assert len(pem) < 100_000  # what OpenSSL takes, and the helper


def test_more_nodes_than_fit_are_refused_in_words() -> None:
    with pytest.raises(CertificateError, match=r"20000 nodes.*at most 60000.*smaller partition"):
        alt_names([f"gpu{number:05}" for number in range(20_000)], [])
    assert LONGEST_NAMES == 60_000


def test_a_name_of_the_site_that_is_neither_says_which_setting(store: Path) -> None:
    with pytest.raises(ValueError, match=r"'gpu01': write DNS:NAME or IP:ADDRESS .*ssl_alt_names"):
        issue(load_authority(str(store)), "user-anna", ["gpu01"], 1)


def test_a_hub_without_authorities_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no notebooks-ca: .*--generate-certs"):
        load_authority(str(tmp_path))


# --- on the way to the job ---------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[Site]:
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        made = Site(Path(name))
        made.configure(certificates=f"{name}/open/{{user}}/tls")
        yield made


def submission(name: str = "a1", keep: list[str] | None = None) -> dict[str, Any]:
    files = {"key": f"key of {name}", "certificate": "certificate", "ca": "ca", "keep": keep or []}
    return {**JOB, "name": f"hub/nobody/default/{name}", "certificates": files}


def kept(site: Site) -> list[str]:
    root = site.folder / "open" / "nobody" / "tls"
    return sorted(path.name.rpartition("=")[2] for path in root.iterdir()) if root.exists() else []


@as_root
def test_key_is_in_a_folder_of_the_users_and_the_job_is_told_where(site: Site) -> None:
    assert site.ask(submission()) == {"ok": True, "job_id": "4711"}
    variables = site.record()["env"]
    key = Path(variables["JUPYTERHUB_SSL_KEYFILE"])
    assert key.read_text() == "key of a1"
    assert Path(variables["JUPYTERHUB_SSL_CERTFILE"]).read_text() == "certificate"
    assert Path(variables["JUPYTERHUB_SSL_CLIENT_CA"]).read_text() == "ca"
    for path, mode in ((key, 0o100600), (key.parent, 0o40700), (key.parent.parent, 0o40700)):
        assert (path.stat().st_uid, path.stat().st_mode) == (NOBODY, mode)
    seen = json.dumps({**site.record(), "env": {**variables, "JUPYTERHUB_SSL_KEYFILE": ""}})
    assert "key of a1" not in seen


@as_root
def test_helper_without_a_folder_for_them_says_what_to_write(site: Site) -> None:
    site.configure()
    reply = site.ask(submission())
    assert (reply["kind"], '"certificates": "{home}/.hpchub/tls"' in reply["message"]) == ("invalid", True)
    assert not site.seen.exists()


@as_root
def test_without_certificates_nothing_is_said_of_them(site: Site) -> None:
    site.ask(JOB)
    assert not any("SSL" in name for name in site.record()["env"])
    assert kept(site) == []


@as_root
def test_folders_of_ended_servers_go_at_the_next_submission_and_no_others(site: Site) -> None:
    for name in ("a1", "a2"):
        site.ask(submission(name, keep=["hub/nobody/default/a1"]))
    site.ask({**submission("x1"), "name": "other/nobody/default/x1"})  # another hub's
    assert kept(site) == ["a1", "a2", "x1"]
    site.ask(submission("a3", keep=["hub/nobody/default/a2", "hub/nobody/default/a3"]))
    assert kept(site) == ["a2", "a3", "x1"]


@as_root
def test_folder_goes_when_the_job_is_cancelled(site: Site) -> None:
    site.ask(submission("a1"))
    site.ask(submission("a2", keep=["hub/nobody/default/a1"]))
    site.ask({"verb": "cancel", "job_id": "4711", "name": "hub/nobody/default/a1"})
    assert kept(site) == ["a2"]


@as_root
def test_folder_goes_when_slurm_refuses_and_stays_when_nobody_knows(site: Site) -> None:
    site.command("sbatch", "sys.exit(1)")
    assert site.ask(submission("a1"))["kind"] == "command"
    assert kept(site) == []
    site.command("sbatch", 'print("Submitted, thanks")')
    assert site.ask(submission("a2"))["kind"] == "not-understood"
    assert kept(site) == ["a2"]


@as_root
def test_what_lies_in_the_way_is_replaced_and_never_written_through(site: Site) -> None:
    site.ask(submission("a1"))
    folder = next((site.folder / "open" / "nobody" / "tls").iterdir())
    elsewhere = site.folder / "open" / "elsewhere"
    elsewhere.write_text("mine")
    (folder / "key.pem").unlink()
    (folder / "key.pem").symlink_to(elsewhere)
    assert site.ask(submission("a1"))["ok"]
    assert elsewhere.read_text() == "mine"
    assert (folder / "key.pem").read_text() == "key of a1"


@as_root
def test_a_home_without_room_for_the_key_is_told_by_its_path(site: Site) -> None:
    (site.folder / "open" / "nobody").mkdir(mode=0o777)
    (site.folder / "open" / "nobody").chmod(0o777)
    (site.folder / "open" / "nobody" / "tls").write_text("")
    reply = site.ask(submission())
    assert (reply["kind"], reply["path"]) == ("folder", f"{site.folder}/open/nobody/tls")
    assert not site.seen.exists()
