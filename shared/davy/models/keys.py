"""The key set that an edge trusts: Ed25519 public keys with validity periods.

A key has a validity period, and an edge's clock may be wrong:

- An edge checks validity once, when it admits a model. An admitted model keeps running after its key expires, so that an edge
  boots offline years later. Only revocation of the key stops it.
- A slow clock (1970 after a dead battery) does not revive an expired key: the time is at least that of the last change of the
  key set and of the newest admitted model.
- A fast clock makes valid keys expire early. The edge then admits no new model, keeps the old one, and the refusal names the
  clock. A difference of one day has no effect.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, ModelRefusedError
from davy.models.manifest import SIGNED_PREFIX, Signature
from davy.models.refusal import Cause

LEEWAY = timedelta(days=1)  # tolerated clock drift
MAX_KEYS = 64


def key_id(public: bytes) -> str:
    """Id of a public key (32 bytes): 16 hex digits."""
    return hashlib.sha256(public).hexdigest()[:16]


class TrustedKey(BaseModel):
    """A public key with the period in which an edge admits models signed by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    public: str = Field(pattern=r"^[0-9a-f]{64}$")
    not_before: AwareDatetime
    not_after: AwareDatetime
    revoked: AwareDatetime | None = None
    reason: str = Field("", max_length=200, description="Reason of the revocation.")
    comment: str = Field("", max_length=200)

    def state(self, now: datetime) -> str:
        """State of the key: valid, revoked, expired or not yet valid."""
        if self.revoked is not None:
            return "revoked"
        if now < self.not_before - LEEWAY:
            return "not yet valid"
        return "expired" if now > self.not_after + LEEWAY else "valid"


class KeySet(BaseModel):
    """Public keys whose models an edge admits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    updated: AwareDatetime = datetime(2026, 1, 1, tzinfo=UTC)
    keys: tuple[TrustedKey, ...] = Field(default=(), max_length=MAX_KEYS)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key set; a missing file gives an empty set.

        Raises:
            ConfigError: the file cannot be read, or is no key set.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: the key set cannot be read: {error}") from error
        try:
            found = cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigError(f"{path}: no key set: {where}: {first['msg']}; make one with `davy keys`") from error
        for key in found.keys:
            if key.id != key_id(bytes.fromhex(key.public)):
                raise ConfigError(f"{path}: key {key.id} is not the id of its public key")
        return found

    def save(self, path: Path) -> None:
        """Write the key set atomically with the current time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        dated = self.model_copy(update={"updated": max(self.updated, datetime.now(UTC))})
        write_atomic(path, (json.dumps(dated.model_dump(mode="json"), indent=2) + "\n").encode())

    def with_key(self, key: TrustedKey) -> Self:
        """Return the set with the key added, or replaced where its id exists."""
        return self.model_copy(update={"keys": (*(known for known in self.keys if known.id != key.id), key)})

    def find(self, id_or_start: str) -> TrustedKey:
        """Find the key whose id begins with the given digits.

        Raises:
            ConfigError: no key or several keys match.
        """
        found = [key for key in self.keys if key.id.startswith(id_or_start)]
        if len(found) != 1:
            known = ", ".join(key.id for key in self.keys) or "none"
            raise ConfigError(f"{len(found) or 'no'} keys begin with {id_or_start!r}; known keys: {known}")
        return found[0]

    def verify(self, manifest: bytes, signature: Signature, now: datetime | None, prefix: bytes = SIGNED_PREFIX) -> None:
        """Verify the signature over a manifest's bytes, before they are parsed.

        Args:
            now: See `now`; None ignores the validity period, for a model that was admitted before.
            prefix: Kind of the signed document.

        Raises:
            ModelRefusedError: the key is unknown, revoked, not yet valid or expired, or did not sign these bytes.
        """
        key = next((known for known in self.keys if known.id == signature.key), None)
        if key is None:
            raise ModelRefusedError(Cause.FOREIGN_KEY, f"key {signature.key} is not among the {len(self.keys)} trusted keys")
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public))
            public.verify(bytes.fromhex(signature.signature), prefix + manifest)
        except (InvalidSignature, ValueError) as error:
            raise ModelRefusedError(Cause.SIGNATURE, f"key {key.id} did not sign this") from error
        if key.revoked is not None:
            raise ModelRefusedError(Cause.KEY_REVOKED, f"key {key.id} was revoked: {key.reason or 'no reason given'}")
        if now is None:
            return
        if now < key.not_before - LEEWAY:
            raise ModelRefusedError(
                Cause.KEY_NOT_YET_VALID, f"key {key.id} is valid from {key.not_before:%F}; this machine's clock shows {now:%F}"
            )
        if now > key.not_after + LEEWAY:
            raise ModelRefusedError(
                Cause.KEY_EXPIRED,
                f"key {key.id} was valid until {key.not_after:%F}; by this machine's clock it is {now:%F}:"
                " set the clock if that is wrong, else sign with a new key",
            )

    def now(self, *floors: datetime) -> datetime:
        """Time for the validity of keys: the clock's, but at least the set's last change and each floor."""
        return max((datetime.now(UTC), self.updated, *floors))


def newest_valid(keys: Sequence[TrustedKey], now: datetime) -> TrustedKey | None:
    """Find the signing key: the valid key that expires last."""
    return max((key for key in keys if key.state(now) == "valid"), key=lambda key: key.not_after, default=None)
