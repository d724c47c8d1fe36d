"""The certificate of one notebook server, for sites with ``JupyterHub.internal_ssl``.

JupyterHub would make an RSA key in the hub's event loop, keep it on the hub's disk under the user's name,
where two servers of a user share it, and leave it to us how it gets to the node. Here the key of a server is
its own, is made while the job is submitted, and travels in the request to the helper, which writes it into a
folder that only the user can read. The hub keeps nothing of it.

The node is not known then, so the certificate names all nodes of the queue's partition: what hub and proxy
are certain of is that they talk to a notebook server of this hub on that node.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certipy import Certipy, CertNotFoundError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from slurm.acting import HelperRefusedError
from slurm.errors import SlurmUnavailable

if TYPE_CHECKING:
    from spawner.options import Request
    from spawner.starting import StartsJobs

__all__ = ["Authority", "CertificateError", "alt_names", "certificates", "issue", "load_authority"]

AUTHORITY = "notebooks-ca"  # JupyterHub's name for who signs the notebook servers' certificates
LONGEST_NAMES = 60_000  # bytes; OpenSSL takes chains of at most 100 KiB (SSL_CTX_set_max_cert_list)
CLOCKS_DIFFER = timedelta(hours=1)
_LOCAL = ("DNS:localhost", "IP:127.0.0.1")
_LONGEST_COMMON_NAME = 64  # RFC 5280, appendix A.1: ub-common-name


class CertificateError(HelperRefusedError):
    """No certificate can be made for the server, which only the site can mend."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs the servers' certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


async def certificates(spawner: StartsJobs, request: Request) -> dict[str, Any]:
    """Make a server's certificate, as a key of the helper's ``submit``; nothing where TLS is not asked for.

    Raises
    ------
    CertificateError
        The hub's own certificates cannot be used, or the queue has too many nodes for one certificate.
    SlurmUnavailable
        The nodes of the queue are not known yet.
    """
    if not spawner.internal_ssl:
        return {}
    partition = spawner.shared().monitor.snapshot.partitions.get(request.queue.partition)
    if partition is None or not partition.nodes:
        raise SlurmUnavailable("sinfo", None, f"the nodes of {request.queue.partition} are not known yet")
    local = _LOCAL if spawner.ssl_alt_names_include_local else ()
    names = alt_names(partition.nodes, (*local, *await _of_the_site(spawner)))
    location, trusted = spawner.internal_certs_location, spawner.internal_trust_bundles[AUTHORITY]
    # Keys, signatures and files take milliseconds each: not in the loop in which everybody's pages are.
    made = asyncio.to_thread(
        _make, location, Path(trusted), spawner.user.name, names, spawner.certificate_days
    )
    return {"certificates": {**await made, "keep": _others(spawner)}}


async def _of_the_site(spawner: StartsJobs) -> Sequence[str]:
    given = spawner.ssl_alt_names
    if callable(given):
        given = given(spawner)
        if isawaitable(given):
            given = await given
    return [str(name) for name in given]


def _others(spawner: StartsJobs) -> list[str]:
    """Name the jobs of this user whose folders are still needed; the helper removes the others'."""
    states = [one.state or {} for one in spawner.user.orm_user.orm_spawners.values()]
    return sorted({str(state["name"]) for state in states if state.get("name")})


def alt_names(nodes: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Return all names, each once, as JupyterHub writes them.

    >>> alt_names(["gpu01", "gpu02"], ["DNS:localhost", "DNS:gpu01"])
    ('DNS:localhost', 'DNS:gpu01', 'DNS:gpu02')

    Raises
    ------
    CertificateError
        They are more than a TLS handshake carries.
    """
    names = tuple(dict.fromkeys([*others, *(f"DNS:{node}" for node in nodes)]))
    size = sum(len(name) for name in names)
    if size > LONGEST_NAMES:
        raise CertificateError(
            "internal_ssl",
            None,
            f"the queue has {len(names)} nodes, whose names do not fit into one certificate "
            f"({size} bytes, at most {LONGEST_NAMES}): offer a smaller partition",
        )
    return names


def _make(location: str, trusted: Path, user: str, names: Sequence[str], days: int) -> dict[str, str]:
    try:
        key, certificate = issue(load_authority(location), f"user-{user}", names, days)
        return {"key": key, "certificate": certificate, "ca": trusted.read_text()}
    except (OSError, ValueError, TypeError) as error:
        raise CertificateError("internal_ssl", None, f"{location}: {error}") from error


def load_authority(location: str) -> Authority:
    """Read the authority that JupyterHub keeps in its ``internal_certs_location``.

    Raises
    ------
    ValueError, TypeError
        It is not there, or its key is not one that signs.
    """
    try:
        files = Certipy(store_dir=location).store.get_record(AUTHORITY)["files"]
    except CertNotFoundError:
        raise ValueError(
            f"there is no {AUTHORITY}: let the hub make it (jupyterhub --generate-certs)"
        ) from None
    # The hub's own file: testing its primes at each start of a server costs 30 ms and finds nothing.
    pem = Path(files["key"]).read_bytes()
    key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"{files['key']} is neither an RSA nor an EC key")
    return Authority(x509.load_pem_x509_certificate(Path(files["cert"]).read_bytes()), key)


def issue(authority: Authority, common_name: str, names: Sequence[str], days: int) -> tuple[str, str]:
    """Make a key, and a certificate for it that counts for a server and as a client; both as PEM.

    Parameters
    ----------
    names : sequence of str
        As JupyterHub writes them: ``DNS:gpu01``, ``IP:192.0.2.1``.
    days : int
        How long it is good.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.now(UTC) - CLOCKS_DIFFER
    name = x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_COMMON_NAME])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([name]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )
    for extension, critical in _extensions(authority, names):
        builder = builder.add_extension(extension, critical=critical)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signed = builder.sign(authority.key, hashes.SHA256())
    return private.decode(), signed.public_bytes(serialization.Encoding.PEM).decode()


def _extensions(authority: Authority, names: Sequence[str]) -> list[tuple[x509.ExtensionType, bool]]:
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    issuer = authority.certificate.public_key()
    if not isinstance(issuer, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise TypeError(f"the certificate of {AUTHORITY} is neither for an RSA nor for an EC key")
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage(purposes), False),
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
    ]


def _general_name(name: str) -> x509.GeneralName:
    kind, _, value = name.partition(":")
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    if kind == "DNS":
        return x509.DNSName(value)
    raise ValueError(f"{name!r}: write DNS:NAME or IP:ADDRESS (SlurmGPUSpawner.ssl_alt_names)")
