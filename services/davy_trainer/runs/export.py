"""Export of a run's averaged weights."""

import json
import shlex
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.nets.checkpoint import load_checkpoint, load_net, net_of, save_net
from davy.imaging.nets.export import export_onnx
from davy.imaging.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH, IspCnn

PATHS = {  # settings that are folders or files, also under old names
    "data",
    "initial_weights",
    "low",
    "model",
    "prompts",
    "real",
    "samples",
    "start",
    "validation",
}


def export_checkpoint(checkpoint: Path, out: Path) -> tuple[Path, Path]:
    """Write ispcnn.onnx and ispcnn.safetensors to the folder out.

    Raises:
        ConfigError: There is no checkpoint.
        ModelError: The checkpoint cannot be used.
    """
    if not checkpoint.is_file():
        raise ConfigError(f"{checkpoint} does not exist: set a run's checkpoint.safetensors, or its folder")
    loaded = load_checkpoint(checkpoint)
    net = net_of(loaded.ema, loaded.facts, checkpoint)
    return _write(net, provenance(loaded.facts), out)


def export_mean(weights: Sequence[Path], out: Path) -> tuple[Path, Path]:
    """Write the mean weights of several networks, with the last one's provenance and the commands of all.

    Source: Wortsman et al. 2022, "Model soups".

    Args:
        weights: ispcnn.safetensors of successive runs: their weights lie in one basin.

    Raises:
        ConfigError: A file is missing.
        ModelError: A file cannot be used, or the widths differ.
    """
    if missing := [path for path in weights if not path.is_file()]:
        raise ConfigError(f"{missing[0]} does not exist: `davy train export` writes the ispcnn.safetensors of a run")
    loaded = [load_net(path) for path in weights]
    nets, facts = [net for net, _ in loaded], loaded[-1][1]
    if len({net.width for net in nets}) > 1:
        raise ModelError(str(weights[-1]), "has another width than the others, so there is no mean")
    means = {name: torch.stack([net.state_dict()[name] for net in nets]).mean(0) for name in nets[0].state_dict()}
    nets[-1].load_state_dict(means)
    return _write(
        nets[-1],
        facts
        | {"mean_of": [name for path, (_, each) in zip(weights, loaded, strict=True) for name in _commands_of(path, each)]},
        out,
    )


def _commands_of(path: Path, facts: dict[str, Any]) -> list[str]:
    """Return the commands of a network; several if it is a mean itself."""
    return facts.get("mean_of") or [facts.get("command", path.name)]


def _write(net: IspCnn, facts: dict[str, Any], out: Path) -> tuple[Path, Path]:
    out.mkdir(parents=True, exist_ok=True)
    onnx, safetensors = out / "ispcnn.onnx", out / "ispcnn.safetensors"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch's own exporter
        export_onnx(net, onnx, {name: v if isinstance(v, str) else json.dumps(v) for name, v in facts.items()})
    save_net(safetensors, net, facts)
    return onnx, safetensors


def provenance(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance of the weights; folders and files only by name, without the machine's paths."""
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
    """Return the settings with folders and files as names only, at every depth."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name in PATHS and value is not None:
            found[name] = [Path(path).name for path in value] if isinstance(value, list) else Path(value).name
        else:
            found[name] = _by_name(value) if isinstance(value, dict) else value
    return found


def _without_folders(command: str) -> str:
    return shlex.join(_name_only(word) for word in shlex.split(command))


def _name_only(word: str) -> str:
    """Shorten /srv/photographs to photographs, and model=/srv/runs/first to model=first."""
    name, is_setting, value = word.partition("=/")
    if is_setting and "/" not in name:
        return f"{name}={Path('/' + value).name}"
    return Path(word).name if word.startswith("/") else word
