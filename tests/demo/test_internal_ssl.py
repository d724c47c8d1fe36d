"""The centre's own certificates are made once, by JupyterHub; one that starts meanwhile is left in peace."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from demo import internal_ssl
from demo.settings import HUB_ACCOUNT, Instance, default_venv


class JupyterHub:
    """Runs JupyterHub as the demo does, with nothing of the site but the folder of the certificates."""

    def __init__(self, folder: Path) -> None:
        self.runs = 0
        self.folder = folder
        self.config = folder.parent / "config.py"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f"c.JupyterHub.internal_ssl = True\nc.JupyterHub.internal_certs_location = {str(folder)!r}\n"
        )

    def __call__(self, argv: Sequence[str], user: str) -> subprocess.CompletedProcess[str]:
        assert user == HUB_ACCOUNT
        self.runs += 1
        return subprocess.run(
            [*argv[:-1], str(self.config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.config.parent,
        )


class HalfDone(JupyterHub):
    """Ends well, and leaves a bundle of authorities empty."""

    def __call__(self, argv: Sequence[str], user: str) -> subprocess.CompletedProcess[str]:
        done = super().__call__(argv, user)
        (self.folder / "hub-ca_trust.crt").write_text("")
        return done


class Failing(JupyterHub):
    """Makes all that was missing, and ends with a failure."""

    def __call__(self, argv: Sequence[str], user: str) -> subprocess.CompletedProcess[str]:
        done = super().__call__(argv, user)
        return subprocess.CompletedProcess(done.args, 1, "", "it has failed")


class Idle(JupyterHub):
    """Only counts."""

    def __call__(self, argv: Sequence[str], user: str) -> subprocess.CompletedProcess[str]:
        self.runs += 1
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """A centre whose certificates are made (each key takes a while); the tests go on from there."""
    state = tmp_path_factory.mktemp("state")
    made = Instance(state=state, venv=default_venv(), port=8100, port_base=19000, internal_ssl=True)
    made.etc.mkdir(exist_ok=True)
    internal_ssl.ensure(JupyterHub(made.internal_certs), made)
    return made


def test_a_second_start_leaves_the_bundles_that_a_starting_hub_reads_alone(instance: Instance) -> None:
    jupyterhub = JupyterHub(instance.internal_certs)
    files = {path: path.stat().st_mtime_ns for path in instance.internal_certs.rglob("*") if path.is_file()}
    assert files
    internal_ssl.ensure(jupyterhub, instance)
    assert jupyterhub.runs == 0
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert internal_ssl.context(instance) is not None


def test_a_bundle_that_was_left_empty_is_made_again(instance: Instance) -> None:
    jupyterhub = JupyterHub(instance.internal_certs)
    bundle = instance.internal_certs / "hub-ca_trust.crt"
    bundle.write_text("")
    internal_ssl.ensure(jupyterhub, instance)
    assert jupyterhub.runs == 1
    assert "BEGIN CERTIFICATE" in bundle.read_text()


def test_half_made_certificates_are_not_taken_for_whole(instance: Instance) -> None:
    (instance.internal_certs / "hub-ca_trust.crt").write_text("")
    with pytest.raises(internal_ssl.InternalSSLError, match="Using existing"):
        internal_ssl.ensure(HalfDone(instance.internal_certs), instance)


def test_a_jupyterhub_that_fails_is_told_with_its_words(instance: Instance) -> None:
    (instance.internal_certs / "hub-ca_trust.crt").write_text("")
    with pytest.raises(internal_ssl.InternalSSLError, match="it has failed"):
        internal_ssl.ensure(Failing(instance.internal_certs), instance)


@pytest.mark.parametrize("name", ["hub-internal", "proxy-api", "proxy-client"])
@pytest.mark.parametrize("kind", ["crt", "key"])
def test_each_certificate_and_key_is_missed(instance: Instance, name: str, kind: str) -> None:
    missed(instance, instance.internal_certs / name / f"{name}.{kind}")


@pytest.mark.parametrize("name", ["hub", "notebooks", "proxy-api", "proxy-client", "services"])
def test_each_bundle_of_authorities_is_missed(instance: Instance, name: str) -> None:
    missed(instance, instance.internal_certs / f"{name}-ca_trust.crt")


def missed(instance: Instance, file: Path) -> None:
    internal_ssl.ensure(JupyterHub(instance.internal_certs), instance)  # as far as another test took it
    there = file.read_bytes()
    jupyterhub = Idle(instance.internal_certs)
    file.unlink()
    try:
        with pytest.raises(internal_ssl.InternalSSLError):
            internal_ssl.ensure(jupyterhub, instance)
    finally:
        file.write_bytes(there)
    assert jupyterhub.runs == 1
    internal_ssl.ensure(jupyterhub, instance)
    assert jupyterhub.runs == 1
