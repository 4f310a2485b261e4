"""Stage 1, linguistic-image pairing: a prompt pair learns to separate real low-light pictures from normal ones.

labels=light     the classes are unchanged
labels=exposure  the normal class is brighter (or darker) by label_stops: labels differ in exposure (Figure 4)
labels=meaning   both classes have equal brightness: labels differ in content, not in light (Figure 4)
labels=fixed     there is no training: the prompts are two fixed texts
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.domain.frame import BgrImage
from davy.imaging.clip import LOW, NORMAL, Clip, PromptConfig, PromptPair
from davy.imaging.nets.checkpoint import Tensors
from davy_trainer.data.embeddings import embed_views, load_or_compute, mirrored, random_box, tick_each
from davy_trainer.data.unpaired import Split, checksum_of_files, read_small, split_folders
from davy_trainer.objectives.clip_losses import prompt_cross_entropy
from davy_trainer.objectives.patches import crop_box
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.prompt_run import PromptRun, begin, resume, save, write_result
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.prompt_loop import run_prompt_loop
from davy_trainer.stages.settings import PairSettings

EMBEDDINGS = "embeddings.safetensors"
EQUAL_MEAN = 0.3  # of [0, 1]: mean of every picture if labels=meaning, between those of the classes
Tick = Callable[[], None]
CLASSES = {NORMAL: "normal", LOW: "low"}


def new_pair(clip: Clip, settings: PairSettings) -> PromptPair:
    """Return the initial prompts."""
    if settings.labels != "fixed":
        return PromptPair(clip, PromptConfig(settings.tokens, start=settings.texts, seed=settings.seed))
    first, rest = zip(*(text.split(maxsplit=1) if " " in text else (text, "") for text in settings.texts), strict=True)
    return PromptPair(clip, PromptConfig(1, words=(rest[0], rest[1]), start=(first[0], first[1])))  # the complete texts


def train(
    settings: PairSettings, clip: Clip, out: Path, resuming: bool, tick: Tick, report: ReportProgress, stop: Stop
) -> PromptRun:
    """Train until done or stop() is true; a checkpoint is written last, and PROMPTS and REPORT once it is done.

    Args:
        resuming: Continue the run in out.
        tick: Called after every embedded picture.
        report: Called after every step.
    """
    splits = {kind: _split(settings, kind) for kind in CLASSES}
    known = {name: checksum_of_files([*splits[kind].train, *splits[kind].held_out]) for kind, name in CLASSES.items()}
    run = begin(new_pair(clip, settings), settings)
    if resuming:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # embedding takes a minute: a run that is killed meanwhile can resume, too
    views = load_or_compute(out / EMBEDDINGS, _facts(settings, known), lambda: _embed(settings, clip, splits, tick))
    views = {name: view.to(clip.device) for name, view in views.items()}
    classes = [views["train.normal"], views["train.low"]]
    labels = torch.tensor([NORMAL, LOW], device=clip.device).repeat_interleave(settings.batch // 2)

    def forward() -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng((settings.seed, run.step))
        drawn = [rng.integers(len(of_class), size=settings.batch // 2) for of_class in classes]
        batch = torch.cat([of_class[indices] for of_class, indices in zip(classes, drawn, strict=True)])
        return prompt_cross_entropy(run.pair(), batch, labels, clip.logit_scale, settings.smoothing), {}

    def evaluate() -> dict[str, float]:
        return {"held_out_accuracy": accuracy(run.pair, views, "held_out")}

    steps = 0 if settings.labels == "fixed" else settings.steps
    run_prompt_loop(run, settings, steps, forward, evaluate, Outputs(out, known, report), stop)
    if run.step >= steps:
        result = {"clip": clip.name, "labels": settings.labels, "steps": run.step} | figures(run.pair, views)
        result |= {"pictures": {CLASSES[kind]: [len(s.train), len(s.held_out)] for kind, s in splits.items()}}
        write_result(run, result, out)
    return run


def figures(pair: PromptPair, views: Tensors) -> dict[str, float]:
    """Return accuracies on training pictures, on held-out ones, and on held-out ones without the change by labels."""
    return {f"{name}_accuracy": round(accuracy(pair, views, name), 4) for name in ("train", "held_out", "held_out_unchanged")}


def accuracy(pair: PromptPair, views: Tensors, split: str) -> float:
    """Return the share of correctly classified pictures, averaged over the two classes."""
    with torch.no_grad():
        normal = pair.probabilities(views[f"{split}.normal"])[:, NORMAL] > 0.5
        low = pair.probabilities(views[f"{split}.low"])[:, NORMAL] < 0.5
    return float(normal.float().mean() + low.float().mean()) / 2


def _split(settings: PairSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.max_pictures, settings.seed)


def _facts(settings: PairSettings, known: Mapping[str, int]) -> dict[str, Any]:
    """Return the facts that determine the embeddings."""
    names = ("clip", "held_out", "max_pictures", "short_side", "seed", "labels", "label_stops", "views", "min_crop")
    return {**known, **{name: getattr(settings, name) for name in names}}


def _embed(settings: PairSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
    """Return embeddings by split and class: `views` views of each training picture, one of each held-out picture."""
    found: dict[str, Tensor] = {}
    for kind, name in CLASSES.items():
        split = splits[kind]
        found[f"train.{name}"] = embed_views(clip, _views(settings, kind, split.train, settings.views, tick))
        found[f"held_out.{name}"] = embed_views(clip, _views(settings, kind, split.held_out, 1, tick))
        plain = settings.model_copy(update={"labels": "light"})
        changed = settings.labels in ("exposure", "meaning")
        found[f"held_out_unchanged.{name}"] = (
            embed_views(clip, _views(plain, kind, split.held_out, 1, lambda: None)) if changed else found[f"held_out.{name}"]
        )
    return found


def _views(settings: PairSettings, kind: int, paths: Sequence[Path], count: int, tick: Tick) -> Iterator[BgrImage]:
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, kind, index))
        picture = _labelled(read_small(path, settings.short_side), kind, settings)
        yield picture
        for _ in range(count - 1):
            view = crop_box(picture, random_box(settings.min_crop, rng))
            yield mirrored(view) if rng.random() < 0.5 else view


def _labelled(picture: BgrImage, kind: int, settings: PairSettings) -> BgrImage:
    """Return the picture as a member of its class, by settings.labels."""
    if settings.labels == "exposure" and kind == NORMAL:
        return _scaled(picture, 2 ** (settings.label_stops / 2.2))  # display values are about the root of light
    if settings.labels == "meaning":
        return _scaled(picture, EQUAL_MEAN * 255 / max(float(picture.mean()), 1.0))
    return picture


def _scaled(picture: BgrImage, gain: float) -> BgrImage:
    return np.asarray(np.clip(np.rint(picture * np.float32(gain)), 0, 255), np.uint8)
