"""A folder of keys: FOLDER/<id>.pem, secret, and FOLDER/trust.json, the key set for edges and aggregators."""

import os
from datetime import UTC, datetime
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.domain.secret_files import read_secret
from davy.models.keys import KeySet, TrustedKey, newest_valid
from davy.models.signing_key import SigningKey

TRUST = "trust.json"
PASSPHRASE = "DAVY_KEY_PASSPHRASE"


def passphrase() -> bytes | None:
    """What private keys are encrypted with; None where the environment names none."""
    return read_secret(PASSPHRASE, os.environ).encode() or None


def make_key(folder: Path, days: float, comment: str = "", phrase: bytes | None = None) -> TrustedKey:
    """A new key in the folder, trusted at once; without a phrase, `passphrase` encrypts it."""
    key = SigningKey.generate()
    key.save(folder / f"{key.id}.pem", phrase or passphrase())
    trusted = key.trusted(days, comment)
    KeySet.load(folder / TRUST).with_key(trusted).save(folder / TRUST)
    return trusted


def signs_here(folder: Path, key: TrustedKey) -> bool:
    """Whether the folder has the private half of a key."""
    return (folder / f"{key.id}.pem").is_file()


def signing_key(folder: Path, start: str = "") -> SigningKey:
    """The key to sign with: the one whose id begins so, else of those that are here and valid the one that lasts longest.

    Raises:
        ConfigError: there is none.
    """
    here = [key for key in KeySet.load(folder / TRUST).keys if signs_here(folder, key) and key.id.startswith(start)]
    chosen = newest_valid(here, datetime.now(UTC))
    if chosen is None:
        raise ConfigError(f"{folder} holds no valid key{f' {start}' if start else ''}: make one with `davy keys new`")
    return SigningKey.load(folder / f"{chosen.id}.pem", passphrase())
