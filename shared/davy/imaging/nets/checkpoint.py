"""Read and write the ISP-CNN as safetensors with a JSON configuration; unlike pickle, reading a file runs no code."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from davy.domain.errors import ModelError
from davy.imaging.nets.ispcnn import IspCnn

Tensors = dict[str, Tensor]
FACTS_KEY = "davy"  # key in the file's metadata, which holds strings only
ADDED = ("fine.", "noise_head.")  # parts that networks of 0.1.0 lack
ALIASES = {"whole": "global_mlp", "whole_head": "global_head", "to_cells": "to_grid", "cells": "grid_head"}  # names up to 0.2.0
DETAIL = 32  # default for weights without this fact


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training run at one step, complete enough to resume.

    weights, ema: by parameter name. optimizer: by parameter name and moment, see optimizer_tensors. facts: JSON values.
    """

    weights: Tensors
    ema: Tensors
    optimizer: Tensors
    facts: dict[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically: after a crash or power loss, the old or the new file exists."""
    parts = {"weights": checkpoint.weights, "ema": checkpoint.ema, "optimizer": checkpoint.optimizer}
    save_tensors(path, {f"{part}.{name}": t for part, group in parts.items() for name, t in group.items()}, checkpoint.facts)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what save_checkpoint wrote.

    Raises:
        ModelError: the file is missing or is no checkpoint of a training run.
    """
    tensors, facts = load_tensors(path)
    parts: dict[str, Tensors] = {"weights": {}, "ema": {}, "optimizer": {}}
    for key, tensor in tensors.items():
        part, _, name = key.partition(".")
        if part not in parts:
            raise ModelError(str(path), f"is no checkpoint of a training run: it holds {key!r}")
        parts[part][_current_name(name)] = tensor
    if not parts["weights"] or not parts["ema"]:
        raise ModelError(str(path), "is no checkpoint of a training run: weights are missing")
    return Checkpoint(**parts, facts=facts)


def save_net(path: Path, net: IspCnn, facts: Mapping[str, Any]) -> None:
    """Write the weights as float32, with facts and the settings that rebuild the network."""
    save_tensors(path, dict(net.state_dict()), {**facts, "width": net.width, "detail": net.detail})


def load_net(path: Path) -> tuple[IspCnn, dict[str, Any]]:
    """Read what save_net wrote.

    Returns:
        The network, ready for inference, and its facts.

    Raises:
        ModelError: the file is missing or holds another network.
    """
    tensors, facts = load_tensors(path)
    net = net_of(tensors, facts, path)
    return net.eval(), facts


def net_of(weights: Tensors, facts: Mapping[str, Any], path: Path) -> IspCnn:
    """Build the network that facts describe and load the weights.

    Weights without a fine decoder give the same picture, as the decoder starts at zero.

    Raises:
        ModelError: the weights do not fit such a network; path names their file.
    """
    try:
        with torch.random.fork_rng(devices=[]):  # makes the initialisation reproducible
            torch.manual_seed(0)
            net = IspCnn(width=int(facts["width"]), detail=int(facts.get("detail", DETAIL)))
        named = {_current_name(name): tensor for name, tensor in weights.items()}
        fresh = {} if any(name.startswith(ADDED) for name in named) else _added(net)
        net.load_state_dict({**fresh, **named})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(str(path), f"is no ISP-CNN of this version: {str(error).splitlines()[0][:200]}") from error
    return net


def _current_name(name: str) -> str:
    """The current name of a parameter; older files have other module names."""
    module, dot, rest = name.partition(".")
    return ALIASES.get(module, module) + dot + rest


def _added(net: IspCnn) -> Tensors:
    return {name: tensor for name, tensor in net.state_dict().items() if name.startswith(ADDED)}


def save_tensors(path: Path, tensors: Tensors, facts: Mapping[str, Any]) -> None:
    own = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}  # safetensors rejects shared memory
    data = safetensors.torch.save(own, {FACTS_KEY: json.dumps(facts, sort_keys=True)})
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # the rename must not reach the disk before the data
    partial.replace(path)


def load_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(FACTS_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise ModelError(str(path), f"cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise ModelError(str(path), "was not written by Davy: it holds no configuration")
    return tensors, facts


def optimizer_tensors(optimizer: torch.optim.Optimizer, net: torch.nn.Module) -> Tensors:
    """The optimizer's state by parameter name, as in `trunk.0.weight/exp_avg`; numbers become tensors of shape ()."""
    state = optimizer.state
    return {
        f"{name}/{moment}": torch.as_tensor(value).clone()
        for name, parameter in net.named_parameters()
        for moment, value in state.get(parameter, {}).items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, net: torch.nn.Module, tensors: Tensors) -> None:
    """Restore the state that optimizer_tensors saved."""
    parameters = dict(net.named_parameters())
    for key, tensor in tensors.items():
        name, _, moment = key.rpartition("/")
        optimizer.state[parameters[name]][moment] = tensor.clone()
