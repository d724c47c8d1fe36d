"""The settings of a directory on the real slapd, and TLS for its impostors."""

import ssl

import pytest

from authenticator.directory import DirectorySettings
from authenticator.directory.tls import Endpoint, client_context
from demo import directory
from tests.authenticator.kit import SUFFIX, Slapd


@pytest.fixture(scope="module")
def server_tls(slapd: Slapd) -> ssl.SSLContext:
    """TLS of a fake with the certificate of the real one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(slapd.certificates.certificate, slapd.certificates.key)
    return context


@pytest.fixture
def settings(slapd: Slapd) -> DirectorySettings:
    return DirectorySettings(
        servers=(Endpoint(slapd.uri),),
        tls=client_context(slapd.certificates.ca),
        unencrypted=False,
        bind_dn=f"cn=hpchub,ou=services,{SUFFIX}",
        bind_password=directory.secrets(slapd.folder / "ldap").hub.read_bytes(),
        user_base=f"ou=people,{SUFFIX}",
        user_dn_template="",
        user_filter="(&(objectClass=posixAccount)(uid={username}))",
        user_name_attribute="uid",
        group_base=f"ou=groups,{SUFFIX}",
        group_filter="(|(memberUid={username})(member={dn}))",
        group_name_attribute="cn",
        connect_timeout=1,
        receive_timeout=1,
    )
