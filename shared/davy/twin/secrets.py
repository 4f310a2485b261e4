"""Configurations without passwords: each is shown as `***`, and `***` in a change stands for the known password."""

from collections.abc import Mapping
from typing import Any

from davy.domain.errors import InvalidInputError
from davy.domain.urls import HIDDEN, redact
from davy.site import EdgeConfig


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
        known: The configuration that was shown.

    Raises:
        InvalidInputError: a source contains `***` and differs from the known source of the camera.
    """
    cameras = dict(config.cameras)
    for name, camera in cameras.items():
        if HIDDEN not in camera.source:
            continue
        before = known.cameras.get(name) if known else None
        if before is None or redact(before.source) != camera.source:
            raise InvalidInputError(
                f"cameras.{name}.source: {HIDDEN} stands for the password of an unchanged source: write the new one out"
            )
        cameras[name] = camera.model_copy(update={"source": before.source})
    return config.model_copy(update={"cameras": cameras})
