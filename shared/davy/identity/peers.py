"""Who a peer is, by its certificate, and whom it may speak for."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from davy.domain.errors import ConfigError, IdentityRefusedError, PermissionDeniedError
from davy.identity.name import Identity, Kind


def revoked_serials(crl: bytes, ca: bytes) -> frozenset[int]:
    """Read the serial numbers of revoked certificates.

    Args:
        crl: PEM; empty means none.
        ca: The authorities, PEM.

    Raises:
        ConfigError: none of the authorities signed it.
    """
    if not crl:
        return frozenset()
    try:
        found = x509.load_pem_x509_crl(crl)
        if not any(_signed(found, authority) for authority in x509.load_pem_x509_certificates(ca)):
            raise ConfigError("the list of revoked certificates is not signed by the site's authority")
    except ValueError as error:
        raise ConfigError(f"the list of revoked certificates cannot be read: {error}") from error
    return frozenset(entry.serial_number for entry in found)


def check_peer(certificate: x509.Certificate, revoked: Iterable[int], now: datetime | None = None) -> Identity:
    """Read the identity of a certificate that TLS has verified.

    Raises:
        IdentityRefusedError: it is revoked, or has expired meanwhile.
        InvalidIdentityError: it carries no identity of Davy's.
    """
    identity, at = Identity.of_certificate(certificate), now or datetime.now(UTC)
    if certificate.serial_number in revoked:
        raise IdentityRefusedError(str(identity), f"its certificate {certificate.serial_number:x} is revoked")
    if at > certificate.not_valid_after_utc:
        raise IdentityRefusedError(str(identity), f"its certificate expired at {certificate.not_valid_after_utc:%F %T} UTC")
    return identity


def speaks_for(identity: Identity, edge: str, site: str) -> bool:
    """Whether an identity may send frames, events and samples of an edge: only the edge itself may."""
    return (identity.kind, identity.name, identity.site) == (Kind.EDGE, edge, site)


def check_speaks_for(identity: Identity | None, edge: str, site: str, what: str) -> None:
    """Check whom a peer speaks for; None is a peer without a certificate, whom other rules judge.

    Raises:
        PermissionDeniedError: it is another one; what ("frames") stands in the text.
    """
    if identity is not None and not speaks_for(identity, edge, site):
        raise PermissionDeniedError(str(identity), f"send {what} of edge {edge} of site {site}")


def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    return isinstance(key, EllipticCurvePublicKey | RSAPublicKey) and crl.is_signature_valid(key)
