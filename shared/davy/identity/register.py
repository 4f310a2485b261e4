"""The certificates that an authority has issued."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509

from davy.domain.errors import ConfigError
from davy.identity.name import Identity

KEEP = timedelta(days=365)  # an expired certificate stays in the register for as long


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate. serial is hexadecimal; days is the validity that it was issued for."""

    serial: str
    identity: str
    names: tuple[str, ...]
    days: float
    not_before: datetime
    not_after: datetime
    revoked: datetime | None = None

    @classmethod
    def of(cls, certificate: x509.Certificate, identity: Identity, names: Iterable[str], days: float) -> Self:
        """Describe a certificate."""
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return cls(f"{certificate.serial_number:x}", str(identity), tuple(names), days, begins, ends)

    @property
    def serial_number(self) -> int:
        """The serial number."""
        return int(self.serial, 16)

    def state(self, now: datetime) -> str:
        """One of valid, revoked, expired."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.not_after else "expired"


@dataclass(slots=True)
class Register:
    """All certificates, oldest first."""

    certificates: list[Issued] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the register; an absent file is an empty one.

        Raises:
            ConfigError: the file is damaged.
        """
        try:
            entries = json.loads(path.read_bytes())["certificates"] if path.exists() else []
            return cls([_read(entry) for entry in entries])
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise ConfigError(
                f"{path}: the register of certificates cannot be read: {error}; restore it from a backup"
            ) from error

    def dump(self) -> bytes:
        """The file's content."""
        keep = datetime.now(UTC) - KEEP
        return json.dumps(
            {"certificates": [_write(each) for each in self.certificates if each.not_after > keep]}, indent=1
        ).encode()

    def add(self, issued: Issued) -> None:
        """Append a certificate."""
        self.certificates.append(issued)

    def find(self, serial: int) -> Issued | None:
        """The certificate with this serial number, or None."""
        return next((each for each in self.certificates if each.serial_number == serial), None)

    def revoke(self, identity: Identity, serial: int | None, now: datetime) -> list[Issued]:
        """Mark the valid certificates of an identity, or the one with the serial number, as revoked; return them."""
        revoked: list[Issued] = []
        for place, each in enumerate(self.certificates):
            if each.identity == str(identity) and each.state(now) == "valid" and serial in (None, each.serial_number):
                self.certificates[place] = replace(each, revoked=now)
                revoked.append(self.certificates[place])
        return revoked

    def revoked(self, since: datetime) -> list[Issued]:
        """The revoked certificates that would be valid without it after since."""
        return [each for each in self.certificates if each.revoked is not None and each.not_after > since]


def _write(issued: Issued) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(issued).items()}


def _read(entry: dict[str, Any]) -> Issued:
    times = {name: datetime.fromisoformat(entry[name]) for name in ("not_before", "not_after", "revoked") if entry.get(name)}
    return Issued(**{**entry, "names": tuple(entry["names"]), **times})
