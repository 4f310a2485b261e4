"""Prepare the first start: make a signing key, and register the shipped model as the first version."""

from datetime import UTC, datetime
from pathlib import Path

from davy.adapters.storage.model_registry import ModelRegistry
from davy.imaging.runtime import shipped_model
from davy.imaging.runtime.network import Network
from davy.models import KeySet
from davy.models.keyring import TRUST, make_key, signing_key, signs_here
from davy.models.shipped import pack_shipped

KEY_DAYS = 365.0
TAG = "shipped"


def first_model(registry_url: str, keys: Path) -> None:
    """Make the key and the registry entry if they are missing.

    Raises:
        StorageFullError, RegistryUnavailableError: the data folder cannot be written.
    """
    now = datetime.now(UTC)
    if not any(key.state(now) == "valid" and signs_here(keys, key) for key in KeySet.load(keys / TRUST).keys):
        make_key(keys, KEY_DAYS, "made by davy demo")
    registry = ModelRegistry(registry_url, keys / TRUST)
    shipped = Network(shipped_model()).id
    if all(entry.frame_id != shipped for entry in registry.entries()):
        registry.tag(registry.add(pack_shipped(signing_key(keys)).data, run=False), TAG)
