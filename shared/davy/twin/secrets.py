"""Configurations as people may see them: a password is `***`, and `***` that comes back stands for the one that is known."""

from collections.abc import Mapping
from typing import Any

from davy.domain.errors import InvalidInputError
from davy.domain.urls import HIDDEN, redact
from davy.site import EdgeConfig


def without_secrets(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's JSON values without the passwords of its sources. What is no configuration is shown without cameras."""
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
    """Put the passwords back that a person was not shown.

    Args:
        known: The configuration that the person saw.

    Raises:
        InvalidInputError: a source has `***` in it and is not what the same camera has now.
    """
    cameras = dict(config.cameras)
    for name, camera in cameras.items():
        if HIDDEN not in camera.source:
            continue
        before = known.cameras.get(name) if known else None
        if before is None or redact(before.source) != camera.source:
            raise InvalidInputError(
                f"cameras.{name}.source: {HIDDEN} stands for the password of a source that stays; this one is new: write it out"
            )
        cameras[name] = camera.model_copy(update={"source": before.source})
    return config.model_copy(update={"cameras": cameras})
