"""Fine-tune the detector of people on the simulated mine and on photographs."""

import copy
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.domain.errors import ConfigError, ModelError, TrainingError
from davy.imaging.nets.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    save_tensors,
)
from davy_trainer.people.data import SIZE, Labelled, as_input, draw_mine, draw_photograph, read_folder
from davy_trainer.people.export import read_onnx_weights
from davy_trainer.people.files import CHECKPOINT, LOG, WEIGHTS
from davy_trainer.people.losses import mine_losses, photograph_losses
from davy_trainer.people.net import NanoDet, cell_centres
from davy_trainer.people.settings import PeopleSettings
from davy_trainer.runs.progress import ReportProgress

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def train(
    settings: PeopleSettings,
    out: Path,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    report: ReportProgress = lambda step, total, values: None,  # noqa: ARG005
) -> bool:
    """Train until all steps or minutes are done or stop() is true; the same call resumes from the checkpoint in out.

    Returns:
        Whether the run is finished; then out/people.safetensors holds the averaged weights.

    Raises:
        ConfigError: a folder holds nothing to train on.
        ModelError: base or the checkpoint cannot be read.
        TrainingError: a loss is not finite.
    """
    out.mkdir(parents=True, exist_ok=True)
    labelled = [each for folder in settings.mine for each in read_folder(folder)]
    photographs = find_photographs(settings.photographs)
    teacher = load_people_net(settings.base)
    net, average = copy.deepcopy(teacher).train(), copy.deepcopy(teacher)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.0, weight_decay=settings.weight_decay)
    step, seconds = _resume(out / CHECKPOINT, net, average, optimizer)
    centres = cell_centres(SIZE[1], SIZE[0])
    sums: dict[str, float] = {}
    while (progress := _progress(settings, step, seconds)) < 1 and not stop():
        started = time.monotonic()
        rng = np.random.default_rng((settings.seed, step))
        rate = settings.learning_rate * min(
            (step + 1) / settings.warmup_steps, 0.02 + 0.49 * (1 + math.cos(math.pi * progress))
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        terms = _losses(net, teacher, labelled, photographs, centres, settings, rng)
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), settings.gradient_norm)
        if not math.isfinite(loss.item()):
            raise TrainingError(f"the loss is not finite at step {step}: lower the learning rate {settings.learning_rate}")
        optimizer.step()
        with torch.no_grad():
            for mean, newest in zip(average.parameters(), net.parameters(), strict=True):
                mean.lerp_(newest, 1 - min(settings.ema, (step + 1) / (step + 10)))
        step, seconds = step + 1, seconds + time.monotonic() - started
        total = None if settings.minutes else settings.steps  # by time, the number of steps is unknown
        report(step, total, {name: term.item() for name, term in terms.items()} | {"progress": progress})
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + term.item() / settings.log_every
        if step % settings.log_every == 0:
            _log(out / LOG, {"step": step, "seconds": round(seconds), "rate": rate, **sums}, say)
            sums = {}
        if step % settings.checkpoint_every == 0:
            _save(out / CHECKPOINT, net, average, optimizer, step, seconds, settings)
    _save(out / CHECKPOINT, net, average, optimizer, step, seconds, settings)
    finished = progress >= 1
    if finished:
        save_tensors(out / WEIGHTS, dict(average.state_dict()), {"steps": step, "settings": settings.model_dump(mode="json")})
    return finished


def load_people_net(path: Path) -> NanoDet:
    """Read the weights of a detector, of a .safetensors file or of its ONNX export.

    Raises:
        ModelError: the file is missing or holds another network.
    """
    tensors = read_onnx_weights(path) if path.suffix == ".onnx" else load_tensors(path)[0]
    return net_of(tensors, path)


def net_of(weights: Mapping[str, Tensor], path: Path) -> NanoDet:
    """Build the detector; raises ModelError if the weights are those of another network. path names their file."""
    net = NanoDet()
    try:
        net.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ModelError(str(path), f"holds no weights of a NanoDet-g: {str(error).splitlines()[0]}") from error
    return net.eval()


def find_photographs(folders: Sequence[Path]) -> list[Path]:
    """Every picture below the folders.

    Raises:
        ConfigError: a folder holds none.
    """
    found: list[Path] = []
    for folder in folders:
        here = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not here:
            raise ConfigError(f"{folder} holds no picture")
        found += here
    return found


def _losses(
    net: NanoDet,
    teacher: NanoDet,
    labelled: Sequence[Labelled],
    photographs: Sequence[Path],
    centres: Tensor,
    settings: PeopleSettings,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    examples = [draw_mine(labelled, rng) for _ in range(settings.mine_batch)]
    pairs = [draw_photograph(photographs, rng) for _ in range(settings.photograph_batch)] if photographs else []
    images = [example.image for example in examples] + [seen for _, seen in pairs]
    with torch.autocast("cpu", torch.bfloat16):  # half the time of float32 on CPUs that have it
        output = net(torch.from_numpy(as_input(images)))
        with torch.no_grad():
            taught = teacher(torch.from_numpy(as_input([bright for bright, _ in pairs]))).float() if pairs else None
    output = output.float()
    count = len(examples)
    truth, ignored = (
        [torch.from_numpy(np.ascontiguousarray(boxes)) for boxes in each]
        for each in ([example.boxes for example in examples], [example.ignored for example in examples])
    )
    terms = dict(mine_losses(output[:count], centres, truth, ignored))
    return terms | dict(photograph_losses(output[count:], taught)) if taught is not None else terms


def _progress(settings: PeopleSettings, step: int, seconds: float) -> float:
    by_time = seconds / (settings.minutes * 60) if settings.minutes else 0.0
    return max(step / settings.steps, by_time)


def _resume(path: Path, net: NanoDet, average: NanoDet, optimizer: torch.optim.AdamW) -> tuple[int, float]:
    if not path.exists():
        return 0, 0.0
    stored = load_checkpoint(path)
    net.load_state_dict(stored.weights)
    average.load_state_dict(stored.ema)
    restore_optimizer(optimizer, net, stored.optimizer)
    return int(stored.facts["step"]), float(stored.facts["seconds"])


def _save(
    path: Path,
    net: NanoDet,
    average: NanoDet,
    optimizer: torch.optim.AdamW,
    step: int,
    seconds: float,
    settings: PeopleSettings,
) -> None:
    facts: dict[str, Any] = {"step": step, "seconds": seconds, "settings": settings.model_dump(mode="json")}
    moments = optimizer_tensors(optimizer, net)
    save_checkpoint(path, Checkpoint(dict(net.state_dict()), dict(average.state_dict()), moments, facts))


def _log(path: Path, values: dict[str, float], say: Callable[[str], None]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(values) + "\n")
    say("  ".join(f"{name} {value:.4g}" for name, value in values.items()))
