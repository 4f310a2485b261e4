"""The configuration of an edge as a document: plain JSON, its id, its signature, and its passwords, which are shown as `***`.

The id of a configuration is the SHA-256 of its canonical JSON (RFC 8785) as received, so that an edge of another version, which
knows other defaults, computes the same id. A signature covers site, edge and configuration.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785
from pydantic import ValidationError

from davy.domain.errors import InvalidInputError
from davy.domain.urls import HIDDEN, redact
from davy.domain.validation import first_error
from davy.models.keys import KeySet
from davy.models.manifest import Signature
from davy.models.signing_key import SigningKey
from davy.site import EdgeConfig

MAX_CAMERAS = 256  # of one message; an edge has a limit of its own
SIGNED_PREFIX = b"davy.config/1\n"  # the same keys sign models: neither signature is valid for the other


def to_plain(config: EdgeConfig) -> dict[str, Any]:
    """Return a configuration as JSON values with every default and with its passwords: what an edge receives and keeps."""
    plain: dict[str, Any] = config.model_dump(mode="json", include=set(EdgeConfig.model_fields))
    for name, camera in config.cameras.items():
        plain["cameras"][name]["source"] = camera.source.get_secret_value()
    return plain


def read_config(plain: Mapping[str, Any]) -> EdgeConfig:
    """Validate a configuration of JSON values.

    Raises:
        InvalidInputError: it is invalid; the text names the field.
    """
    try:
        config = EdgeConfig.model_validate(plain)
    except ValidationError as error:
        raise InvalidInputError(first_error(error)) from error
    if len(config.cameras) > MAX_CAMERAS:
        raise InvalidInputError(f"cameras: {len(config.cameras)} of them; at most {MAX_CAMERAS} fit into one message")
    return config


def config_id(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON, 64 hex digits; raise InvalidInputError if a number is not finite."""
    return hashlib.sha256(_canonical(dict(plain))).hexdigest()


def sign_config(key: SigningKey, site: str, edge: str, plain: Mapping[str, Any]) -> Signature:
    """Sign the configuration of one edge."""
    return key.sign(_signed(site, edge, plain), SIGNED_PREFIX)


def verify_config(trust: KeySet, signature: Signature, site: str, edge: str, plain: Mapping[str, Any]) -> None:
    """Verify that a key that is valid now signed this configuration for this edge.

    Raises:
        ModelRefusedError: the key is unknown, revoked or expired, or it did not sign this.
    """
    trust.verify(_signed(site, edge, plain), signature, trust.now(), SIGNED_PREFIX)


def without_secrets(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values without the passwords of the sources; cameras that are malformed are left out."""
    cameras = plain.get("cameras")
    if not isinstance(cameras, dict):
        return {}
    shown = {
        name: {**camera, "source": redact(str(camera.get("source", "")))}
        for name, camera in cameras.items()
        if isinstance(camera, dict)
    }
    return {**plain, "cameras": shown}


def restore_secrets(config: EdgeConfig, known: EdgeConfig | None) -> EdgeConfig:
    """Put known passwords back in place of `***`.

    Args:
        config: The change; its sources may contain `***`.
        known: The configuration that was shown.

    Raises:
        InvalidInputError: a source contains `***` and differs from the known source of the camera.
    """
    cameras = dict(config.cameras)
    for name, camera in cameras.items():
        if HIDDEN not in (given := camera.source.get_secret_value()):
            continue
        before = known.cameras.get(name) if known else None
        if before is None or str(before.source) != given:
            raise InvalidInputError(
                f"cameras.{name}.source: {HIDDEN} stands for the password of an unchanged source: write the new one out"
            )
        cameras[name] = camera.model_copy(update={"source": before.source})
    return config.model_copy(update={"cameras": cameras})


def _signed(site: str, edge: str, plain: Mapping[str, Any]) -> bytes:
    return _canonical({"site": site, "edge": edge, "config": dict(plain)})


def _canonical(value: dict[str, Any]) -> bytes:
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidInputError(f"this has no canonical JSON: {error}") from error
