"""A certificate with its private key, the site's authority and its revocations: in memory and as files."""

import os
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from davy.atomic import sync_folder
from davy.domain.errors import ConfigError
from davy.identity.name import Identity

CERT, KEY, CA, CRL = "cert.pem", "key.pem", "ca.pem", "crl.pem"
CURRENT = ".current"
READ_ATTEMPTS = 100  # while the files are being rotated
RENEW_BELOW = 1 / 3  # of a certificate's life


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM texts. cert may hold a chain, its own certificate first; crl may be empty."""

    cert: bytes
    key: bytes = field(repr=False)
    ca: bytes
    crl: bytes = b""

    @property
    def certificate(self) -> x509.Certificate:
        """The own certificate."""
        return x509.load_pem_x509_certificates(self.cert)[0]

    @property
    def identity(self) -> Identity:
        """The name in the certificate.

        Raises:
            InvalidIdentityError: it carries none.
        """
        return Identity.of_certificate(self.certificate)

    def check(self) -> None:
        """Check that the key belongs to the certificate.

        Raises:
            ValueError: it does not, or a text is no PEM.
        """
        private = load_pem_private_key(self.key, None).public_key()
        if _spki(private) != _spki(self.certificate.public_key()):
            raise ValueError("the key is not the certificate's")
        x509.load_pem_x509_certificates(self.ca)
        if self.crl:
            x509.load_pem_x509_crl(self.crl)


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """The files of an identity."""

    cert: Path
    key: Path
    ca: Path
    crl: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The files that `davy identity` writes."""
        return cls(folder / CERT, folder / KEY, folder / CA, folder / CRL)

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """A value that differs once a file has changed."""
        return tuple(_stamp(path) for path in (self.cert, self.key, self.ca, self.crl) if path is not None)

    def read(self) -> Credentials:
        """Read and check the files. An absent file of revocations counts as none revoked.

        Files that are replaced meanwhile are read again.

        Raises:
            ConfigError: a file is missing or invalid.
        """
        for _ in range(READ_ATTEMPTS):
            before = self.stamp()
            try:
                return self._read()
            except ConfigError:
                if self.stamp() == before:
                    raise
        return self._read()

    def _read(self) -> Credentials:
        try:
            crl = self.crl.read_bytes() if self.crl is not None and self.crl.exists() else b""
            found = Credentials(self.cert.read_bytes(), self.key.read_bytes(), self.ca.read_bytes(), crl)
            found.check()
        except OSError as error:
            advice = "`davy identity issue` or `davy identity enroll` makes one"
            raise ConfigError(f"{error.filename}: the identity cannot be read: {error.strerror}; {advice}") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{self.cert} and {self.key}: no identity: {error}") from error
        return found


def write_credentials(folder: Path, credentials: Credentials) -> None:
    """Replace all files of an identity at once.

    The files are links into a folder of this version, and one rename of the link to that folder replaces them together: a power
    failure never leaves a certificate without its key.

    Raises:
        OSError: the disk fails or is full; the previous files stay.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    version = folder / f".{credentials.certificate.serial_number:x}-{secrets.token_hex(4)}"
    version.mkdir(mode=0o700)
    texts = {CERT: credentials.cert, KEY: credentials.key, CA: credentials.ca, CRL: credentials.crl}
    for name, text in texts.items():
        with os.fdopen(os.open(version / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    _give_to_owner(folder, version, *(version / name for name in texts))
    sync_folder(version)
    previous = folder / CURRENT
    old = previous.resolve() if previous.is_symlink() else None
    _link(folder / CURRENT, version.name)
    for name in texts:
        if not (folder / name).is_symlink():
            _link(folder / name, f"{CURRENT}/{name}")
    sync_folder(folder)
    if old is not None and old != version and old.parent == folder.resolve():
        shutil.rmtree(old, ignore_errors=True)


def remaining_life(certificate: x509.Certificate, now: datetime | None = None) -> float:
    """Return the share of the certificate's life that is left: 1 at its start, 0 or less once it has expired."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (ends - (now or datetime.now(UTC))) / (ends - begins)


def renewal_due(certificate: x509.Certificate, now: datetime | None = None) -> bool:
    """Whether less than a third of the certificate's life is left."""
    return remaining_life(certificate, now) < RENEW_BELOW


def _link(path: Path, target: str) -> None:
    partial = path.with_name(f".{path.name.lstrip('.')}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(path)


def _give_to_owner(folder: Path, *paths: Path) -> None:
    """Root rotates files of other users: they stay theirs."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _spki(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]
