"""TLS as servers speak it that are not to be trusted."""

import datetime
import ssl
import warnings
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from demo import certificates

__all__ = ["old_tls", "reissued", "tls_with"]


def tls_with(files: certificates.Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


def reissued(
    files: certificates.Certificates,
    *,
    first: float = -1,
    last: float = 99,
    hosts: Sequence[str] = ("localhost",),
) -> ssl.SSLContext:
    """Return TLS with that server's certificate made anew: from and to so many days from now, for `hosts`."""
    authority = x509.load_pem_x509_certificate(files.ca.read_bytes())
    signer = serialization.load_pem_private_key(files.ca.with_suffix(".key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    old = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        authority.subject, old.subject, old.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now + datetime.timedelta(days=first))
    builder = builder.not_valid_after(now + datetime.timedelta(days=last))
    for extension in old.extensions:
        if not isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, extension.critical)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    files.certificate.write_bytes(
        builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return tls_with(files)


def old_tls(files: certificates.Certificates, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = tls_with(files)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    return context
