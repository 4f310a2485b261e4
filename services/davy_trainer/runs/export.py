"""A run's averaged weights, as files to be shipped."""

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

PATHS = {"data", "low", "start", "prompts", "validation", "samples", "real"}  # settings that hold folders or files


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
    return _write(net, provenance(loaded.facts), out)


def export_mean(weights: Sequence[Path], out: Path) -> tuple[Path, Path]:
    """Write the mean of several networks of one training, weight by weight; what is told is the last one's, and all commands.

    Source: Wortsman et al. 2022, "Model soups".

    Args:
        weights: ispcnn.safetensors of runs that went on from each other: only those lie in one basin.

    Raises:
        ConfigError: one is no file.
        ModelError: one cannot be used, or they are of different widths.
    """
    if missing := [path for path in weights if not path.is_file()]:
        raise ConfigError(f"{missing[0]} is no ispcnn.safetensors: of a run's folder, `davy train export` makes one")
    loaded = [load_net(path) for path in weights]
    nets, facts = [net for net, _ in loaded], loaded[-1][1]
    if len({net.width for net in nets}) > 1:
        raise ModelError(str(weights[-1]), "it has another width than the others: they have no mean")
    means = {name: torch.stack([net.state_dict()[name] for net in nets]).mean(0) for name in nets[0].state_dict()}
    nets[-1].load_state_dict(means)
    return _write(
        nets[-1],
        facts | {"mean_of": [name for path, (_, told) in zip(weights, loaded, strict=True) for name in _made_by(path, told)]},
        out,
    )


def _made_by(path: Path, facts: dict[str, Any]) -> list[str]:
    """The commands of a network, several where it is a mean itself."""
    return facts.get("mean_of") or [facts.get("command", path.name)]


def _write(net: IspCnn, facts: dict[str, Any], out: Path) -> tuple[Path, Path]:
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
    return shlex.join(_by_its_end(word) for word in shlex.split(command))


def _by_its_end(word: str) -> str:
    """/srv/photographs as photographs, start=/srv/runs/first as start=first."""
    name, is_setting, value = word.partition("=/")
    if is_setting and "/" not in name:
        return f"{name}={Path('/' + value).name}"
    return Path(word).name if word.startswith("/") else word
