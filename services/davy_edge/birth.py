"""The retained birth message: identity, versions and cameras of an edge, without passwords."""

import json
import platform
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy.edge_config import config_id, to_plain
from davy.site import EdgeConfig


def davy_version() -> str:
    try:
        return version("davy")
    except PackageNotFoundError:  # a source tree that is not installed
        return "unknown"


def config_revision(config: EdgeConfig) -> str:
    """Return twelve hex digits that identify the edge's configuration."""
    return config_id(to_plain(config))[:12]


def birth_message(topics: EdgeTopics, config: EdgeConfig, boot_id: str, model: str, started_ns: int) -> Message:
    """Return the retained `info` message of an edge."""
    cameras: dict[str, Any] = {
        name: {
            "label": camera.label,
            "source": str(camera.source),
            "fps": camera.fps,
            "size": camera.size,
            "strength": camera.strength,
            "dials": asdict(camera.dials),
            "max_age_ms": camera.max_age_ms,
        }
        for name, camera in config.cameras.items()
    }
    facts = {
        "boot_id": boot_id,
        "started_ns": started_ns,
        "said_ns": time.time_ns(),
        "versions": {"davy": davy_version(), "python": platform.python_version(), "machine": platform.machine()},
        "enhance": config.enhance,
        "model": model,
        "config_revision": config_revision(config),
        "cameras": cameras,
    }
    return Message(topics.info, json.dumps(facts).encode(), qos=1, retain=True, content_type="application/json")
