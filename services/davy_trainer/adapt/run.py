"""The adaptation as one call that starts or resumes it: samples, refreshed prompts, training, exported files."""

import copy
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.domain.errors import ConfigError
from davy.imaging.clip import Clip, load_clip, load_prompts
from davy.imaging.nets.checkpoint import load_checkpoint
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import Item, drifted_items
from davy_trainer.adapt.retention import retention_items
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.adapt.training import AdaptationData, AdaptRun, train
from davy_trainer.adapt.wise_ft import interpolate_weights
from davy_trainer.cli.terminal import CONSOLE, command_line, progress_bar
from davy_trainer.data.camera_samples import CameraSamples, find_cameras, select_cameras, split_by_light
from davy_trainer.data.embeddings import embed_views
from davy_trainer.data.unpaired import checksum_of_files
from davy_trainer.evaluation.embedding_drift import REFERENCE, fit_reference, save_reference
from davy_trainer.evaluation.sheet import from_tensor, write_png
from davy_trainer.runs.device import Device, move
from davy_trainer.runs.export import export_checkpoint
from davy_trainer.runs.prompt_run import PROMPTS
from davy_trainer.runs.run import CHECKPOINT, begin_from, resume_training, save_training, stored_settings
from davy_trainer.runs.weights import EXPORTED, load_weights, weights_file
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.migration import migrate_facts
from davy_trainer.stages.run_stage import run_pair
from davy_trainer.stages.settings import PairSettings

PAIR, PICTURES = "pair", "pictures"
INTERPOLATION = "weight_interpolation"  # fact of a checkpoint whose averaged weights are interpolated
MAX_PROMPT_PICTURES = 40  # per class: 70 ms each


def run_adapt(settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """Adapt in out, from its checkpoint if there is one; return whether ispcnn.onnx and ispcnn.safetensors are written.

    Raises: As of train_adaptation.
    """
    if not train_adaptation(settings, out, stop):
        return False
    if not (out / EXPORTED).exists():  # it is written last
        if settings.guided:
            _write_reference(settings, out)
        export_checkpoint(out / CHECKPOINT, out)
    return True


def train_adaptation(settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """Run everything but the export; return whether it is finished.

    Raises:
        ConfigError: The samples are unusable, or samples or running model have changed since the start of the run.
        TrainingError: A loss is not finite.
    """
    torch.set_num_threads(settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    path, running_file = out / CHECKPOINT, weights_file(settings.model)
    drifted, others = select_cameras(find_cameras(settings.samples), settings.drifted)
    known = {
        "photographs": {camera.name: _fingerprint(camera) for camera in (*drifted, *others)},
        "running model": checksum_of_files([running_file]),
    }
    running = load_weights(running_file)
    run: AdaptRun
    if path.exists():
        run = resume_training(settings, stored_settings(path, AdaptSettings)[1], known, path)
    else:
        torch.manual_seed(settings.seed)
        run = begin_from(load_weights(running_file).train(), settings, command_line(), settings.steps)
        save_training(run, known, path)  # from here on a killed run can resume
    kept = retention_items(others, running, settings, np.random.default_rng((settings.seed, 5)))
    if not run.finished:
        rng = np.random.default_rng((settings.seed, 4))
        changed = [item for camera in drifted for item in drifted_items(camera, running, settings, rng)]
        CONSOLE.print(
            f"{len(changed)} pictures of {', '.join(settings.drifted)}, {len(kept.train)} of {len(others)} other cameras"
        )
        if settings.guided and not _refresh_prompts(changed, kept.interleaved, settings, out, stop):
            return False
        device = Device.of(settings)
        data = _on_device(changed, kept.train, running, settings, out, device.device)
        move(run, device.device)
        with progress_bar(out.name, {"loss": "loss {:.4f}"}, run.step, run.total) as report:
            train(run, data, Outputs(out, known, report), device, stop)
        move(run, torch.device("cpu"))
    if run.finished and INTERPOLATION not in migrate_facts(load_checkpoint(path).facts):
        interpolation = interpolate_weights(running, run.average, kept.held_out, settings.max_change)
        CONSOLE.print(
            f"change of the other cameras: {interpolation.full_change:.4f}, at most {settings.max_change:g} is allowed; "
            f"with {interpolation.share:.0%} of the new weights it is {interpolation.change:.4f}"
        )
        save_training(run, known | {INTERPOLATION: asdict(interpolation)}, path)
    return run.finished


def _write_reference(settings: AdaptSettings, out: Path) -> None:
    """Write the new model's reference for embedding drift: each light of each camera is a group."""
    drifted, others = select_cameras(find_cameras(settings.samples), settings.drifted)
    clip = load_clip(settings.clip)
    groups = []
    for camera in (*drifted, *others):
        pictures = camera.read(
            2 * settings.max_samples if camera in drifted else max(settings.max_retained // max(len(others), 1), 1)
        )
        first = split_by_light(pictures)
        groups += [embed_views(clip, iter(light)) for light in (pictures[:first], pictures[first:]) if light]
    try:
        save_reference(out / REFERENCE, fit_reference(groups, clip.name))
    except ConfigError as error:  # one sample per light is enough for the adaptation, not for a reference
        CONSOLE.print(f"{REFERENCE} is not written: {error}", highlight=False)


def _fingerprint(camera: CameraSamples) -> dict[str, int]:
    return {"count": len(camera.paths), "checksum": checksum_of_files(camera.paths)}


def _refresh_prompts(changed: Sequence[Item], kept: Sequence[Item], settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """Run stage 1 on the present pictures against their targets; return whether it is done."""
    folders = {kind: out / PICTURES / kind for kind in ("low", "normal")}
    for index, item in enumerate([*changed, *kept][:MAX_PROMPT_PICTURES]):
        for kind, picture in (("low", item.blocks.rgb), ("normal", item.target)):
            write_png(folders[kind] / f"{index:04}.png", from_tensor(picture[0]))
    values: dict[str, Any] = {"clip": settings.clip, "seed": settings.seed, "threads": settings.threads}
    values |= {"steps": settings.prompt_steps, "low": (folders["low"],), "normal": (folders["normal"],)}
    return run_pair(PairSettings.model_validate(values), out / PAIR, stop)


def _on_device(
    drifted: Sequence[Item], kept: Sequence[Item], running: IspCnn, settings: AdaptSettings, out: Path, device: torch.device
) -> AdaptationData:
    """Return the training data on the device; running itself stays on its own."""
    clip, prompts = _clip_and_prompts(settings, out, device)
    on_device = copy.deepcopy(running).to(device)
    return AdaptationData([item.to(device) for item in drifted], [item.to(device) for item in kept], on_device, clip, prompts)


def _clip_and_prompts(settings: AdaptSettings, out: Path, device: torch.device) -> tuple[Clip | None, Tensor | None]:
    if not settings.guided:
        return None, None
    clip = load_clip(settings.clip, device)
    with torch.no_grad():
        prompts: Tensor = load_prompts(out / PAIR / PROMPTS, clip)()
    return clip, prompts
