"""Stage 1, linguistic-image pairing: a prompt pair learns to separate real low-light pictures from normal ones.

labels=light     the classes are unchanged
labels=exposure  the normal class is brighter (or darker) by label_stops: labels differ in exposure (Figure 4)
labels=meaning   both classes have equal brightness: labels differ in content, not in light (Figure 4)
labels=fixed     nothing is learned: the prompts are two fixed texts
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
from davy_trainer.data.embeddings import embed_views, kept, mirrored, random_box, tick_each
from davy_trainer.data.unpaired import Split, checksum_of_files, read_small, split_folders
from davy_trainer.objectives.clip_losses import prompt_cross_entropy
from davy_trainer.objectives.patches import cut
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.prompt_run import PromptRun, begin, resume, save, write_result
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.prompt_loop import run_prompt_loop
from davy_trainer.stages.settings import PairSettings

EMBEDDINGS = "embeddings.safetensors"
EQUAL_MEAN = 0.3  # of [0, 1]: mean of every picture where labels=meaning, between the two classes'
Tick = Callable[[], None]
CLASSES = {NORMAL: "normal", LOW: "low"}


def new_pair(clip: Clip, settings: PairSettings) -> PromptPair:
    """The prompts before any step."""
    if settings.labels != "fixed":
        return PromptPair(clip, PromptConfig(settings.tokens, start=settings.texts, seed=settings.seed))
    first, rest = zip(*(text.split(maxsplit=1) if " " in text else (text, "") for text in settings.texts), strict=True)
    return PromptPair(clip, PromptConfig(1, words=(rest[0], rest[1]), start=(first[0], first[1])))  # the texts, word by word


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
    known = {name: checksum_of_files([*splits[kind].train, *splits[kind].held]) for kind, name in CLASSES.items()}
    run = begin(new_pair(clip, settings), settings)
    if resuming:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # embedding takes a minute: a kill meanwhile is resumed, too
    views = kept(out / EMBEDDINGS, _facts(settings, known), lambda: _embed(settings, clip, splits, tick))
    views = {name: view.to(clip.device) for name, view in views.items()}
    classes = [views["train.normal"], views["train.low"]]
    labels = torch.tensor([NORMAL, LOW], device=clip.device).repeat_interleave(settings.batch // 2)

    def forward() -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng((settings.seed, run.step))
        drawn = [rng.integers(len(of_class), size=settings.batch // 2) for of_class in classes]
        batch = torch.cat([of_class[indices] for of_class, indices in zip(classes, drawn, strict=True)])
        return prompt_cross_entropy(run.pair(), batch, labels, clip.logit_scale, settings.smoothing), {}

    def evaluate() -> dict[str, float]:
        return {"held_out_accuracy": accuracy(run.pair, views, "held")}

    steps = 0 if settings.labels == "fixed" else settings.steps
    run_prompt_loop(run, settings, steps, forward, evaluate, Outputs(out, known, report), stop)
    if run.step >= steps:
        result = {"clip": clip.name, "labels": settings.labels, "steps": run.step} | figures(run.pair, views)
        result |= {"pictures": {CLASSES[kind]: [len(s.train), len(s.held)] for kind, s in splits.items()}}
        write_result(run, result, out)
    return run


def figures(pair: PromptPair, views: Tensors) -> dict[str, float]:
    """Accuracies on the training pictures, on held-out ones, and on held-out ones without the change that labels make."""
    return {f"{name}_accuracy": round(accuracy(pair, views, name), 4) for name in ("train", "held", "held_unchanged")}


def accuracy(pair: PromptPair, views: Tensors, part: str) -> float:
    """Mean over the two classes of the share that is classified correctly."""
    with torch.no_grad():
        normal = pair.probabilities(views[f"{part}.normal"])[:, NORMAL] > 0.5
        low = pair.probabilities(views[f"{part}.low"])[:, NORMAL] < 0.5
    return float(normal.float().mean() + low.float().mean()) / 2


def _split(settings: PairSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.most, settings.seed)


def _facts(settings: PairSettings, known: Mapping[str, int]) -> dict[str, Any]:
    """Facts that the embeddings depend on."""
    names = ("clip", "held_out", "most", "short_side", "seed", "labels", "label_stops", "views", "least_crop")
    return {**known, **{name: getattr(settings, name) for name in names}}


def _embed(settings: PairSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
    """Embeddings by part and class: train has `views` of each picture, held the whole one."""
    found: dict[str, Tensor] = {}
    for kind, name in CLASSES.items():
        split = splits[kind]
        found[f"train.{name}"] = embed_views(clip, _views(settings, kind, split.train, settings.views, tick))
        found[f"held.{name}"] = embed_views(clip, _views(settings, kind, split.held, 1, tick))
        plain = settings.model_copy(update={"labels": "light"})
        changed = settings.labels in ("exposure", "meaning")
        found[f"held_unchanged.{name}"] = (
            embed_views(clip, _views(plain, kind, split.held, 1, lambda: None)) if changed else found[f"held.{name}"]
        )
    return found


def _views(settings: PairSettings, kind: int, paths: Sequence[Path], count: int, tick: Tick) -> Iterator[BgrImage]:
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, kind, index))
        picture = _labelled(read_small(path, settings.short_side), kind, settings)
        yield picture
        for _ in range(count - 1):
            part = cut(picture, random_box(settings.least_crop, rng))
            yield mirrored(part) if rng.random() < 0.5 else part


def _labelled(picture: BgrImage, kind: int, settings: PairSettings) -> BgrImage:
    """Return the picture as a member of its class, by the kind of labels."""
    if settings.labels == "exposure" and kind == NORMAL:
        return _times(picture, 2 ** (settings.label_stops / 2.2))  # display values: about the root of light
    if settings.labels == "meaning":
        return _times(picture, EQUAL_MEAN * 255 / max(float(picture.mean()), 1.0))
    return picture


def _times(picture: BgrImage, gain: float) -> BgrImage:
    return np.asarray(np.clip(np.rint(picture * np.float32(gain)), 0, 255), np.uint8)
