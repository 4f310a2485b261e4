"""Stage 1, linguistic-image pairing: a prompt pair learns to tell real low-light pictures from normal ones.

labels=light     the classes as they are
labels=exposure  the normal class brighter (or darker) by label_stops: labels of other exposure (Figure 4)
labels=meaning   both classes at equal brightness: labels that differ in what is shown, not in light (Figure 4)
labels=fixed     no learning: two texts as they are
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
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
from davy_trainer.runs.prompt_run import PROMPTS, REPORT, PromptRun, begin, resume, save
from davy_trainer.runs.run_log import Means, RunLog
from davy_trainer.stages.settings import PairSettings

EMBEDDINGS = "embeddings.safetensors"
EQUAL_MEAN = 0.3  # of [0, 1]: mean of every picture where labels=meaning, between the two classes'
Tell = Callable[[int, int | None, Mapping[str, float]], None]
Tick = Callable[[], None]
CLASSES = {NORMAL: "normal", LOW: "low"}


def new_pair(clip: Clip, settings: PairSettings) -> PromptPair:
    """The prompts before any step."""
    if settings.labels != "fixed":
        return PromptPair(clip, PromptConfig(settings.tokens, start=settings.texts, seed=settings.seed))
    first, rest = zip(*(text.split(maxsplit=1) if " " in text else (text, "") for text in settings.texts), strict=True)
    return PromptPair(clip, PromptConfig(1, words=(rest[0], rest[1]), start=(first[0], first[1])))  # the texts, word by word


def train(
    settings: PairSettings, clip: Clip, out: Path, going_on: bool, tick: Tick, tell: Tell, stop: Callable[[], bool]
) -> PromptRun:
    """Train until done or stop() is true; a checkpoint is written last, and PROMPTS and REPORT once it is done.

    Args:
        going_on: with the run that out holds.
        tick: called after every picture that is looked at.
        tell: called after every step.
    """
    splits = {kind: _split(settings, kind) for kind in CLASSES}
    known = {name: checksum_of_files([*splits[kind].train, *splits[kind].held]) for kind, name in CLASSES.items()}
    run = begin(new_pair(clip, settings), settings)
    if going_on:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # looking takes a minute: a kill amid it is resumed, too
    views = kept(out / EMBEDDINGS, _facts(settings, known), lambda: _look(settings, clip, splits, tick))
    steps, means = 0 if settings.labels == "fixed" else settings.steps, Means()
    classes = [views["train.normal"], views["train.low"]]
    with closing(RunLog(out, run.step)) as log:
        while run.step < steps and not stop():
            rng = np.random.default_rng((settings.seed, run.step))
            some = [rng.integers(len(of_class), size=settings.batch // 2) for of_class in classes]
            seen = torch.cat([of_class[indices] for of_class, indices in zip(classes, some, strict=True)])
            labels = torch.tensor([NORMAL, LOW]).repeat_interleave(settings.batch // 2)

            loss = prompt_cross_entropy(run.pair(), seen, labels, clip.logit_scale, settings.smoothing)

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            run.optimizer.step()
            run.step += 1

            means.add({"loss": loss.item()})
            tell(run.step, steps, {"loss": loss.item()})
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | {"held_out_accuracy": accuracy(run.pair, views, "held")})
            if run.step % settings.checkpoint_every == 0:
                save(run, settings, known, out)
    save(run, settings, known, out)
    if run.step >= steps:
        run.pair.save(out / PROMPTS)
        report = {"clip": clip.name, "labels": settings.labels, "steps": run.step} | figures(run.pair, views)
        report |= {"pictures": {CLASSES[kind]: [len(s.train), len(s.held)] for kind, s in splits.items()}}
        (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return run


def figures(pair: PromptPair, views: Tensors) -> dict[str, float]:
    """Accuracies: on what was trained on, held out, and held out as the pictures really are (whatever the labels)."""
    return {f"{name}_accuracy": round(accuracy(pair, views, name), 4) for name in ("train", "held", "held_unchanged")}


def accuracy(pair: PromptPair, views: Tensors, part: str) -> float:
    """Mean over the two classes of the share that is told rightly."""
    with torch.no_grad():
        normal = pair.probabilities(views[f"{part}.normal"])[:, NORMAL] > 0.5
        low = pair.probabilities(views[f"{part}.low"])[:, NORMAL] < 0.5
    return float(normal.float().mean() + low.float().mean()) / 2


def _split(settings: PairSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.most, settings.seed)


def _facts(settings: PairSettings, known: Mapping[str, int]) -> dict[str, Any]:
    """What decides the embeddings."""
    names = ("clip", "held_out", "most", "short_side", "seed", "labels", "label_stops", "views", "least_crop")
    return {**known, **{name: getattr(settings, name) for name in names}}


def _look(settings: PairSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
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
    """The picture as a member of its class, by the kind of labels."""
    if settings.labels == "exposure" and kind == NORMAL:
        return _times(picture, 2 ** (settings.label_stops / 2.2))  # display values: about the root of light
    if settings.labels == "meaning":
        return _times(picture, EQUAL_MEAN * 255 / max(float(picture.mean()), 1.0))
    return picture


def _times(picture: BgrImage, gain: float) -> BgrImage:
    return np.asarray(np.clip(np.rint(picture * np.float32(gain)), 0, 255), np.uint8)
