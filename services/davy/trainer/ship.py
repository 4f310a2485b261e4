"""A run's averaged weights, as files to be shipped."""

import json
import shlex
import warnings
from pathlib import Path
from typing import Any

from davy.errors import ConfigError
from davy.nets.checkpoint import load_checkpoint, net_of, save_net
from davy.nets.export import export_onnx
from davy.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH

PATHS = {"data", "low", "start", "prompts", "validation", "samples"}  # settings that hold folders or files


def ship(checkpoint: Path, out: Path) -> tuple[Path, Path]:
    """Write ispcnn.onnx and ispcnn.safetensors to the folder out.

    Raises:
        ConfigError: there is no checkpoint.
        ModelError: it cannot be used.
    """
    if not checkpoint.is_file():
        raise ConfigError(f"{checkpoint} does not exist: give a run's checkpoint.safetensors, or its folder")
    loaded = load_checkpoint(checkpoint)
    net = net_of(loaded.ema, loaded.facts, checkpoint)
    facts = provenance(loaded.facts)
    out.mkdir(parents=True, exist_ok=True)
    onnx, safetensors = out / "ispcnn.onnx", out / "ispcnn.safetensors"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch's own exporter, about itself
        export_onnx(net, onnx, {name: v if isinstance(v, str) else json.dumps(v) for name, v in facts.items()})
    save_net(safetensors, net, facts)
    return onnx, safetensors


def provenance(facts: dict[str, Any]) -> dict[str, Any]:
    """Where the weights come from, without the paths of the machine that made them: folders by name only."""
    settings = _by_name(facts["settings"])
    replayed = settings.get("replay") or {}
    groups = {name: group["count"] for name, group in facts["photographs"].items()}
    low = facts.get("low-light pictures")
    return {
        "width": facts["width"],
        "thumbnail": [THUMB_HEIGHT, THUMB_WIDTH],
        "command": _without_folders(facts["command"]),
        "seed": settings["seed"],
        "steps": facts["step"],
        "planned_steps": facts["total"],
        "seconds": facts["seconds"],
        "folders": settings.pop("data", None) or replayed.get("data", []),
        "photographs": groups,
        **({"low_light_pictures": {name: group["count"] for name, group in low.items()}} if low else {}),
        "settings": settings,
    }


def _by_name(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with folders and files as names only, inside too."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name in PATHS and value is not None:
            found[name] = [Path(path).name for path in value] if isinstance(value, list) else Path(value).name
        else:
            found[name] = _by_name(value) if isinstance(value, dict) else value
    return found


def _without_folders(command: str) -> str:
    return shlex.join(Path(word).name if word.startswith("/") else word for word in shlex.split(command))
