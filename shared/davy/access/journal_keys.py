"""The folder of the key that signs the journal's checkpoints: apart from the keys of models, which it must not sign."""

import json
from dataclasses import asdict
from pathlib import Path

from davy.access.chain import Checkpoint
from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.models.keyring import TRUST, make_key, signing_key
from davy.models.keys import KeySet
from davy.models.signing_key import SigningKey

DAYS = 36_500
CHECKPOINT = "checkpoint.json"


def journal_folder(data: Path) -> Path:
    """The folder of an aggregator's data folder."""
    return data / "keys" / "journal"


def own_key(folder: Path) -> SigningKey:
    """Return the key that signs here, which is made at the first call.

    Raises:
        ConfigError: It cannot be read or made.
    """
    try:
        if not any(folder.glob("*.pem")):
            make_key(folder, DAYS, "signs the audit journal")
    except OSError as error:
        raise ConfigError(f"{folder}: the journal's key cannot be made: {error.strerror or error}") from error
    return signing_key(folder)


def known_keys(folder: Path) -> KeySet:
    """Return the public keys of the aggregators whose checkpoints count."""
    return KeySet.load(folder / TRUST)


def keep_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Keep a copy of the newest checkpoint outside of the database, which shows when the database's end was cut off."""
    write_atomic(folder / CHECKPOINT, json.dumps(asdict(checkpoint)).encode())


def kept_checkpoint(path: Path) -> Checkpoint | None:
    """Return the checkpoint of a file; None if there is none.

    Raises:
        ConfigError: The file is damaged.
    """
    try:
        return Checkpoint(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} holds no checkpoint: {error}") from error
