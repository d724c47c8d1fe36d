"""A certificate authority of the demo's own, and a server certificate signed by it."""

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Certificates", "ensure"]

CA_DAYS = 3650
SERVER_DAYS = 397
RENEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the PEM files lie: the authority, the server's certificate, and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure(folder: Path, host: str) -> Certificates:
    """Make what is missing or about to expire in `folder`, and say where it lies.

    Parameters
    ----------
    folder
        Made if it is not there. The authority's key in it never leaves it.
    host
        Name or address that clients connect to; it goes into the certificate with localhost and 127.0.0.1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = _load(folder / "ca.pem", folder / "ca.key")
    if authority is None:
        authority = _make_authority()
        _save(authority, folder / "ca.pem", folder / "ca.key")
    certificate, key = folder / "server.pem", folder / "server.key"
    server = _load(certificate, key)
    if server is None or not _serves(server.certificate, host, authority):
        _save(_make_server(authority, host), certificate, key)
    return Certificates(ca=folder / "ca.pem", certificate=certificate, key=key)


def _load(certificate: Path, key: Path) -> _Pair | None:
    """Read a pair back; None when it is not there, broken, or near its end."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if parsed.not_valid_after_utc - _now() < datetime.timedelta(days=RENEW_DAYS):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != parsed.public_key():
        return None
    return _Pair(parsed, private)


def _serves(certificate: x509.Certificate, host: str, authority: _Pair) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return _general_name(host) in list(names)


def _make_authority() -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("hpchub demo authority")
    builder = _builder(name, name, key.public_key(), CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    # Python 3.13 verifies strictly and refuses an authority without key usage.
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _make_server(authority: _Pair, host: str) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    builder = _builder(_name(host), issuer.subject, key.public_key(), SERVER_DAYS)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    hosts = dict.fromkeys((host, "localhost", "127.0.0.1"))
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(each) for each in hosts]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    # An hour back: clocks of other machines differ a little.
    start = _now() - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _save(pair: _Pair, certificate: Path, key: Path) -> None:
    private = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key, private, mode=0o600)
    _write(certificate, pair.certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    # Written aside and renamed, so that a crash leaves the old file or the new one.
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    aside.replace(path)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
