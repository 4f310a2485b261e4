"""Options of the commands that use a model registry: on a storage, or behind an aggregator."""

from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.http.model_client import ModelClient
from davy.adapters.storage.model_registry import ModelRegistry
from davy.adapters.tls import Tls, TlsSettings
from davy.domain.errors import ConfigError
from davy.models import KeySet
from davy.models.keyring import TRUST

Registry = Annotated[
    str,
    typer.Option(
        "--registry", envvar="DAVY_REGISTRY", help="Model registry: a folder, file:///srv/models, s3://bucket/models."
    ),
]
AnyRegistry = Annotated[
    str,
    typer.Option(
        "--registry",
        envvar="DAVY_REGISTRY",
        help="Model registry: a folder, file:///srv/models, s3://bucket/models, or https://aggregator:8080.",
    ),
]
DEFAULT = "models"
_HTTP = ("http://", "https://")


def open_registry(url: str, folder: Path) -> ModelRegistry:
    """Open a registry with the key set in the folder of the keys.

    Raises:
        ConfigError: url is the address of an aggregator, or no storage.
    """
    if url.startswith(_HTTP):
        raise ConfigError(f"{url} is an aggregator: this command needs the storage of its registry, such as file:///srv/models")
    return ModelRegistry(url, KeySet.load(folder / TRUST))


def aggregator_at(url: str) -> ModelClient | None:
    """Return a client with this program's token and identity; None where url is a storage."""
    return ModelClient(url, Tls.of(TlsSettings())) if url.startswith(_HTTP) else None


def read_file(path: Path) -> bytes:
    """Read a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
