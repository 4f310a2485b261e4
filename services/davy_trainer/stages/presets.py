"""Settings by name: the JSON files of recipes/."""

import json
from importlib.resources import files
from typing import Any

from davy.domain.errors import ConfigError

FOLDER = "recipes"


def preset(name: str) -> dict[str, Any]:
    """Return the settings of recipes/NAME.json.

    Raises:
        ConfigError: There is no such preset.
    """
    folder = files("davy_trainer.stages").joinpath(FOLDER)
    known = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    if name not in known:
        raise ConfigError(f"no preset {name!r}: there are {', '.join(known)}")
    found: dict[str, Any] = json.loads(folder.joinpath(f"{name}.json").read_text())
    return found
