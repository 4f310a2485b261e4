"""The first start of a mine: a key of its own, and the shipped model as the first version of its registry."""

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
    """Make what is missing; a registry that has the shipped network already is left as it is.

    Raises:
        StorageFullError, RegistryUnavailableError: the data folder takes nothing.
    """
    now = datetime.now(UTC)
    if not any(key.state(now) == "valid" and signs_here(keys, key) for key in KeySet.load(keys / TRUST).keys):
        make_key(keys, KEY_DAYS, "made by davy mine")
    registry = ModelRegistry(registry_url, keys / TRUST)
    shipped = Network(shipped_model()).id
    if all(entry.frame_id != shipped for entry in registry.entries()):
        registry.tag(registry.add(pack_shipped(signing_key(keys)).data, run=False), TAG)
