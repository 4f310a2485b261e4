"""The adaptation as one call that begins or goes on: samples, refreshed prompts, training, the files to ship."""

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
from davy_trainer.adapt.retention import kept_items
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.adapt.training import AdaptationData, AdaptRun, train
from davy_trainer.adapt.wise_ft import settle
from davy_trainer.cli.terminal import CONSOLE, command_line, progress_bar
from davy_trainer.data.camera_samples import CameraSamples, chosen, find_cameras, split_by_light
from davy_trainer.data.embeddings import embed_views
from davy_trainer.data.unpaired import checksum_of_files
from davy_trainer.evaluation.embedding_drift import REFERENCE, fit_reference, save_reference
from davy_trainer.evaluation.sheet import from_tensor, write_png
from davy_trainer.runs.device import Device, move
from davy_trainer.runs.export import ship
from davy_trainer.runs.prompt_run import PROMPTS
from davy_trainer.runs.run import CHECKPOINT, begin_from, resume_training, save_training, stored_settings
from davy_trainer.runs.weights import EXPORTED, load_weights, weights_file
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.run_stage import run_pair
from davy_trainer.stages.settings import PairSettings

PAIR, PICTURES = "pair", "pictures"
SETTLED = "settled"  # of a checkpoint's facts: its averaged weights have been looked at for the last time
MOST_IN_PROMPTS = 40  # pictures of a class: 70 ms each


def run_adapt(settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """Adapt in out, from its checkpoint where there is one; true when ispcnn.onnx and ispcnn.safetensors are written.

    Raises: as of learn.
    """
    if not learn(settings, out, stop):
        return False
    if not (out / EXPORTED).exists():  # it is written last
        if settings.guided:
            _remember(settings, out)
        ship(out / CHECKPOINT, out)
    return True


def learn(settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """All but the export; true when it is finished.

    Raises:
        ConfigError: of the samples; or they, or the running model, have changed since the run began.
        TrainingError: a loss is no number any more.
    """
    torch.set_num_threads(settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    path, start_file = out / CHECKPOINT, weights_file(settings.start)
    drifted, others = chosen(find_cameras(settings.samples), settings.drifted)
    known = {
        "photographs": {camera.name: _fingerprint(camera) for camera in (*drifted, *others)},
        "running model": checksum_of_files([start_file]),
    }
    start = load_weights(start_file)
    run: AdaptRun
    if path.exists():
        run = resume_training(settings, stored_settings(path, AdaptSettings)[1], known, path)
    else:
        torch.manual_seed(settings.seed)
        run = begin_from(load_weights(start_file).train(), settings, command_line(), settings.steps)
        save_training(run, known, path)  # from here on a kill is resumed
    kept = kept_items(others, start, settings, np.random.default_rng((settings.seed, 5)))
    if not run.finished:
        rng = np.random.default_rng((settings.seed, 4))
        changed = [item for camera in drifted for item in drifted_items(camera, start, settings, rng)]
        CONSOLE.print(
            f"{len(changed)} pictures of {', '.join(settings.drifted)}, {len(kept.learned)} of {len(others)} other cameras"
        )
        if settings.guided and not _refresh_prompts(changed, kept.in_turn, settings, out, stop):
            return False
        device = Device.of(settings)
        data = _on_device(changed, kept.learned, start, settings, out, device.device)
        move(run, device.device)
        with progress_bar(out.name, {"loss": "loss {:.4f}"}, run.step, run.total) as report:
            train(run, data, Outputs(out, known, report), device, stop)
        move(run, torch.device("cpu"))
    if run.finished and SETTLED not in load_checkpoint(path).facts:
        settled = settle(start, run.average, kept.held, settings.most_change)
        CONSOLE.print(
            f"other cameras change by {settled.whole_change:.4f}, {settings.most_change:g} is allowed: "
            f"{settled.share:.0%} of the way is gone, {settled.change:.4f}"
        )
        save_training(run, known | {SETTLED: asdict(settled)}, path)
    return run.finished


def _remember(settings: AdaptSettings, out: Path) -> None:
    """Write what the new model was trained on, each light of each camera a group, for the drift from now on."""
    drifted, others = chosen(find_cameras(settings.samples), settings.drifted)
    clip = load_clip(settings.clip)
    groups = []
    for camera in (*drifted, *others):
        pictures = camera.read(2 * settings.most if camera in drifted else max(settings.most_kept // max(len(others), 1), 1))
        first = split_by_light(pictures)
        groups += [embed_views(clip, iter(part)) for part in (pictures[:first], pictures[first:]) if part]
    try:
        save_reference(out / REFERENCE, fit_reference(groups, clip.name))
    except ConfigError as error:  # a sample of each light is enough to adapt to
        CONSOLE.print(f"{REFERENCE} is left out: {error}", highlight=False)


def _fingerprint(camera: CameraSamples) -> dict[str, int]:
    return {"count": len(camera.paths), "checksum": checksum_of_files(camera.paths)}


def _refresh_prompts(changed: Sequence[Item], same: Sequence[Item], settings: AdaptSettings, out: Path, stop: Stop) -> bool:
    """Stage 1 on what the cameras see now, against what they should look like; true when done."""
    folders = {kind: out / PICTURES / kind for kind in ("low", "normal")}
    for index, item in enumerate([*changed, *same][:MOST_IN_PROMPTS]):
        for kind, picture in (("low", item.blocks.rgb), ("normal", item.target)):
            write_png(folders[kind] / f"{index:04}.png", from_tensor(picture[0]))
    words: dict[str, Any] = {"clip": settings.clip, "seed": settings.seed, "threads": settings.threads}
    words |= {"steps": settings.prompt_steps, "low": (folders["low"],), "normal": (folders["normal"],)}
    return run_pair(PairSettings.model_validate(words), out / PAIR, stop)


def _on_device(
    drifted: Sequence[Item], kept: Sequence[Item], start: IspCnn, settings: AdaptSettings, out: Path, device: torch.device
) -> AdaptationData:
    """Return the data of the training on its device; start itself stays where it is."""
    clip, prompts = _guide(settings, out, device)
    on_device = copy.deepcopy(start).to(device)
    return AdaptationData([item.to(device) for item in drifted], [item.to(device) for item in kept], on_device, clip, prompts)


def _guide(settings: AdaptSettings, out: Path, device: torch.device) -> tuple[Clip | None, Tensor | None]:
    if not settings.guided:
        return None, None
    clip = load_clip(settings.clip, device)
    with torch.no_grad():
        prompts: Tensor = load_prompts(out / PAIR / PROMPTS, clip)()
    return clip, prompts
