"""The site's certificate authority: it issues, renews and revokes the certificates of one site."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from davy.atomic import write_atomic
from davy.domain.camera import check_id
from davy.domain.errors import ConfigError, IdentityRefusedError, InvalidIdentityError
from davy.domain.secret_files import read_secret
from davy.identity.certificates import authority_certificate, leaf_certificate, revocation_list
from davy.identity.credentials import CA, CRL, Credentials
from davy.identity.name import SERVERS, Identity
from davy.identity.register import Issued, Register

CA_KEY, REGISTER = "ca-key.pem", "issued.json"
PASSPHRASE = "DAVY_CA_PASSPHRASE"
CA_DAYS = 3653
LEAF_DAYS = 30.0
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def passphrase() -> bytes | None:
    """What the authority's key is encrypted with; None where the environment names none."""
    return read_secret(PASSPHRASE, os.environ).encode() or None


class Authority:
    """A folder with ca.pem, ca-key.pem (secret), crl.pem and issued.json. Several processes may use it at once."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        self.folder, self.certificate, self._key = folder, certificate, key
        self.site = str(certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)

    @classmethod
    def create(cls, folder: Path, site: str, days: float = CA_DAYS) -> Self:
        """Make a new authority; DAVY_CA_PASSPHRASE encrypts its key if set.

        Raises:
            ConfigError: the folder holds one already.
            InvalidIdError: site is no id.
        """
        check_id("site", site)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = generate_private_key(SECP256R1())
        certificate = authority_certificate(key, site, days)
        lock = BestAvailableEncryption(phrase) if (phrase := passphrase()) else NoEncryption()
        data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        try:
            with os.fdopen(os.open(folder / CA_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError as error:
            raise ConfigError(f"{folder} already holds an authority: move {CA_KEY} away first, or use it") from error
        write_atomic(folder / CA, certificate.public_bytes(Encoding.PEM))
        made = cls(folder, certificate, key)
        with made._locked():
            made._write_crl(Register())
        return made

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the authority in a folder.

        Raises:
            ConfigError: there is none, or its passphrase is wrong.
        """
        try:
            certificate = x509.load_pem_x509_certificate((folder / CA).read_bytes())
            key = load_pem_private_key((folder / CA_KEY).read_bytes(), passphrase())
        except OSError as error:
            raise ConfigError(
                f"{error.filename}: no authority here: {error.strerror}; `davy identity init` makes one"
            ) from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{folder / CA_KEY}: no key, or another passphrase ({PASSPHRASE}): {error}") from error
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ConfigError(f"{folder / CA_KEY}: an EC key is expected")
        return cls(folder, certificate, key)

    @property
    def ca(self) -> bytes:
        """The authority's certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def crl(self) -> bytes:
        """The list of revoked certificates, PEM."""
        return (self.folder / CRL).read_bytes()

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the authority's certificate, 32 bytes."""
        return self.certificate.fingerprint(SHA256())

    def issue(self, identity: Identity, names: Sequence[str] = (), days: float = LEAF_DAYS) -> Credentials:
        """Make a key and its certificate.

        Args:
            identity: The name that the certificate carries.
            names: DNS names and IP addresses of a server; none chooses the kind's name and this machine.
            days: Validity.

        Raises:
            InvalidIdentityError: the identity is of another site, or a name is no host.
        """
        key = generate_private_key(SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(identity.subject).sign(key, SHA256())
        cert = self._certify(request, identity, names, days)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Credentials(cert, private, self.ca, self.crl)

    def sign(self, request: bytes, identity: Identity, names: Sequence[str] = (), days: float = LEAF_DAYS) -> bytes:
        """Certify the public key of a request; its own names are ignored.

        Args:
            request: A certificate signing request (PKCS 10), PEM.
            identity: As of `issue`.
            names: As of `issue`.
            days: As of `issue`.

        Returns:
            The certificate, PEM.

        Raises:
            InvalidIdentityError: as of `issue`, or the request is invalid.
        """
        try:
            found = x509.load_pem_x509_csr(request)
            signed = found.is_signature_valid
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InvalidIdentityError(str(identity), f"its request is no PKCS 10 in PEM: {error}") from error
        if not signed:
            raise InvalidIdentityError(str(identity), "its request is not signed by its key")
        return self._certify(found, identity, names, days)

    def renew(self, request: bytes, certificate: x509.Certificate, days: float = 0) -> bytes:
        """Certify a new key for the identity, names and days of a certificate of this site.

        Raises:
            InvalidIdentityError: the certificate is none of this site, or the request is invalid.
            IdentityRefusedError: the certificate is revoked or has expired.
        """
        identity = Identity.of_certificate(certificate)
        known = self.read().find(certificate.serial_number)
        if known is None:
            raise InvalidIdentityError(str(identity), "this authority has not issued its certificate")
        if (state := known.state(datetime.now(UTC))) != "valid":  # the server's own list may be a minute old
            raise IdentityRefusedError(str(identity), f"its certificate {known.serial} is {state}")
        return self.sign(request, identity, known.names, days or known.days)

    def revoke(self, identity: Identity, serial: int | None = None) -> list[Issued]:
        """Revoke all valid certificates of an identity, or the one with this serial number.

        Returns:
            The certificates that are revoked now.
        """
        with self._locked() as register:
            revoked = register.revoke(identity, serial, datetime.now(UTC))
            if revoked:
                self._write(register)
                self._write_crl(register)
        return revoked

    def read(self) -> Register:
        """Read the certificates that were issued."""
        return Register.load(self.folder / REGISTER)

    def _certify(self, request: x509.CertificateSigningRequest, identity: Identity, names: Sequence[str], days: float) -> bytes:
        if identity.site != self.site:
            raise InvalidIdentityError(str(identity), f"this is the authority of site {self.site}")
        hosts = tuple(names) or ((identity.kind.value, *LOCAL_NAMES) if identity.kind in SERVERS else ())
        made = leaf_certificate(self.certificate, self._key, request, identity, hosts, days)
        with self._locked() as register:
            register.add(Issued.of(made, identity, hosts, days))
            self._write(register)
        return made.public_bytes(Encoding.PEM)

    def _write(self, register: Register) -> None:
        write_atomic(self.folder / REGISTER, register.dump())

    def _write_crl(self, register: Register) -> None:
        path = self.folder / CRL
        previous = x509.load_pem_x509_crl(path.read_bytes()) if path.exists() else None
        listed = [(each.serial_number, each.revoked) for each in register.revoked(datetime.now(UTC) - timedelta(days=1))]
        write_atomic(path, revocation_list(self.certificate, self._key, listed, previous))

    @contextmanager
    def _locked(self) -> Iterator[Register]:
        """The register, for one process at a time."""
        with (self.folder / ".register.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self.read()
