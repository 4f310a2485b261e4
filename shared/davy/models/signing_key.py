"""The private Ed25519 key that signs models and configurations."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from davy.domain.errors import ConfigError
from davy.models.keys import TrustedKey, key_id
from davy.models.manifest import SIGNED_PREFIX, Signature


class Signer(Protocol):
    """Signs documents. A key in a token or a hardware module implements it with the module's library.

    Attributes:
        id: Id of the public key; see davy.models.keys.key_id.
    """

    id: str

    def sign(self, manifest: bytes, prefix: bytes = SIGNED_PREFIX) -> Signature:
        """Sign the bytes of a manifest, or of the kind of document that prefix names."""
        ...


class SigningKey:
    """A private key in a PEM file (PKCS 8), encrypted if a passphrase is given."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = key_id(self.public)

    @classmethod
    def generate(cls) -> Self:
        """Create a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> Self:
        """Read a key that `save` wrote.

        Raises:
            ConfigError: the file is missing, the passphrase is wrong, or it holds no Ed25519 key.
        """
        try:
            private = load_pem_private_key(path.read_bytes(), passphrase or None)
        except OSError as error:
            raise ConfigError(f"{path}: the key cannot be read: {error.strerror}; make one with `davy keys new`") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{path}: no key, or another passphrase (DAVY_KEY_PASSPHRASE): {error}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError(f"{path}: an Ed25519 key is expected; make one with `davy keys new`")
        return cls(private)

    @staticmethod
    def is_encrypted(path: Path) -> bool:
        """Return whether a key file needs a passphrase; False for a file that cannot be read."""
        try:
            return b"ENCRYPTED" in path.read_bytes()[:100]
        except OSError:
            return False

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write the key, readable by this user only.

        Raises:
            FileExistsError: the file exists; keys are never overwritten.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        data = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def sign(self, manifest: bytes, prefix: bytes = SIGNED_PREFIX) -> Signature:
        """Sign the bytes of a manifest, or of the kind of document that prefix names."""
        return Signature(algorithm="ed25519", key=self.id, signature=self._private.sign(prefix + manifest).hex())

    def trusted(self, days: float, comment: str = "", starts: datetime | None = None) -> TrustedKey:
        """The public key, valid for a number of days from starts (default: now)."""
        begins = starts or datetime.now(UTC)
        return TrustedKey(
            id=self.id, public=self.public.hex(), not_before=begins, not_after=begins + timedelta(days=days), comment=comment
        )
