"""Certificates and revocation lists of a site (RFC 5280): ECDSA on P-256, SHA-256."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from davy.domain.errors import InvalidIdentityError
from davy.identity.name import SERVERS, Identity

CLOCK_SKEW = timedelta(hours=1)  # an edge's clock may be behind: its certificate is valid at once all the same
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def authority_certificate(key: EllipticCurvePrivateKey, site: str, days: float) -> x509.Certificate:
    """Return the self-signed certificate of a site's authority; it signs no further authorities."""
    now = datetime.now(UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, site),
            x509.NameAttribute(NameOID.COMMON_NAME, "Davy site authority"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{x509.random_serial_number():x}"[:16]),  # two of one site differ
        ]
    )
    return (
        _builder(subject, subject, key.public_key(), now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(key, SHA256())
    )


def leaf_certificate(
    authority: x509.Certificate,
    key: EllipticCurvePrivateKey,
    request: x509.CertificateSigningRequest,
    identity: Identity,
    hosts: Sequence[str],
    days: float,
) -> x509.Certificate:
    """Return a certificate for an identity. It ends with its authority at the latest.

    Raises:
        InvalidIdentityError: a host is neither a DNS name nor an address, or the key is not on P-256.
    """
    public = request.public_key()
    if not isinstance(public, EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise InvalidIdentityError(str(identity), "its key is not on the curve P-256")
    ends = min(datetime.now(UTC) + timedelta(days=days), authority.not_valid_after_utc)
    names = [x509.UniformResourceIdentifier(str(identity)), *(_host(identity, each) for each in hosts)]
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if identity.kind in SERVERS else [])]
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(identity.subject, authority.subject, public, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(key, SHA256())
    )


def revocation_list(
    authority: x509.Certificate,
    key: EllipticCurvePrivateKey,
    revoked: Iterable[tuple[int, datetime | None]],
    previous: x509.CertificateRevocationList | None,
) -> bytes:
    """Return the revocation list, PEM.

    It ends with the authority: an isolated mine whose list is old keeps running. Its time is always after the previous one's,
    because OpenSSL keeps the older of two lists of the same second.
    """
    begins = datetime.now(UTC) - CLOCK_SKEW
    if previous is not None:
        begins = max(begins, previous.last_update_utc + timedelta(seconds=1))
    number = previous.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1 if previous is not None else 1
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(begins)
        .next_update(authority.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial, at in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at or begins).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, public: EllipticCurvePublicKey, ends: datetime) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    skew = min(CLOCK_SKEW, abs(ends - now) / 10)  # of a short life, an hour would be most
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, ends) - skew)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _host(identity: Identity, host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if len(host) > 253 or not _HOST.fullmatch(host):
            raise InvalidIdentityError(str(identity), f"{host!r} is neither a DNS name nor an IP address") from None
        return x509.DNSName(host)
