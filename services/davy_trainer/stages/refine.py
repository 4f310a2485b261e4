"""Stage 3, cue refinement: the enhanced pictures of every round are classes between low-light and normal.

It ranks complete pictures and local patches, dark patches most often, so that the prompts respond to uneven regions.
Source: Liang et al. 2023, CLIP-LIT, prompt refinement; here with patches, and with every earlier round.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.domain.frame import BgrImage
from davy.imaging.clip import LOW, NORMAL, Clip, PromptPair, load_prompts
from davy.imaging.nets.checkpoint import Tensors
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.embeddings import embed_views, load_or_compute, tick_each
from davy_trainer.data.unpaired import Split, checksum_of_files, read_small, split_folders
from davy_trainer.evaluation.validation import enhance_with
from davy_trainer.objectives.clip_losses import margin_ranking, normality, prompt_cross_entropy
from davy_trainer.objectives.patches import WHOLE, crop_box, darkness, draw_dark, grid_boxes
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.prompt_run import PromptRun, begin, resume, save, write_result
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.loop import Outputs, Stop, total_loss
from davy_trainer.stages.pair import EMBEDDINGS, Tick
from davy_trainer.stages.prompt_loop import run_prompt_loop
from davy_trainer.stages.settings import RefineSettings


@dataclass(frozen=True, slots=True)
class Classes:
    """Unit vectors by class; regions are the complete picture, then its patches: (pictures, regions, D)."""

    low: Tensor
    enhanced: list[Tensor]  # as low, the newest last
    normal: Tensor  # of other pictures
    dark: Tensor  # (pictures, regions): darkness of the low picture there, in stops below white

    def at(self, low: Tensor, normal: Tensor, regions: slice) -> "Classes":
        """Return regions of some pictures, flattened: (n, D)."""
        found = [x[low][:, regions].flatten(0, 1) for x in (self.low, *self.enhanced)]
        normals, dark = self.normal[normal][:, regions].flatten(0, 1), self.dark[low][:, regions].flatten()
        return Classes(found[0], found[1:], normals, dark)


def train(
    settings: RefineSettings, clip: Clip, out: Path, resuming: bool, tick: Tick, report: ReportProgress, stop: Stop
) -> PromptRun:
    """Train until done or stop() is true; arguments and files as of davy_trainer.stages.pair.train."""
    splits = {NORMAL: _split(settings, NORMAL), LOW: _split(settings, LOW)}
    known = {"pictures": checksum_of_files([p for s in splits.values() for p in (*s.train, *s.held_out)])}
    known |= {"weights": checksum_of_files([*settings.weights, settings.prompts])}
    initial = load_prompts(settings.prompts, clip)
    run = begin(load_prompts(settings.prompts, clip), settings)
    if resuming:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # embedding takes a minute: a run that is killed meanwhile can resume, too
    views = load_or_compute(out / EMBEDDINGS, _facts(settings, known), lambda: _embed(settings, clip, splits, tick))
    views = {name: view.to(clip.device) for name, view in views.items()}
    train_set, held_out = (_classes(views, split, len(settings.weights)) for split in ("train", "held_out"))

    def evaluate(pair: PromptPair) -> dict[str, float]:
        return figures(pair(), held_out, clip.logit_scale)

    outputs = Outputs(out, known, report)
    run_prompt_loop(
        run, settings, settings.steps, lambda: _loss(run, train_set, settings), lambda: evaluate(run.pair), outputs, stop
    )
    if run.step >= settings.steps:
        before, after = evaluate(initial), evaluate(run.pair)
        write_result(run, {"clip": clip.name, "steps": run.step, "before": before, "after": after}, out)
    return run


def _loss(run: PromptRun, train_set: Classes, settings: RefineSettings) -> tuple[Tensor, dict[str, float]]:
    """Draw the regions of run.step; return the loss and its terms."""
    rng = np.random.default_rng((settings.seed, run.step))
    low, normal = (torch.from_numpy(rng.integers(len(x), size=settings.batch)) for x in (train_set.low, train_set.normal))
    whole, local = (train_set.at(low, normal, regions) for regions in (slice(0, 1), slice(1, None)))
    pair, scale = run.pair(), run.pair.clip.logit_scale
    terms = {
        "whole": ranking(pair, whole, scale, settings),
        "local": settings.patch_weight * ranking(pair, local, scale, settings, local.dark),
        "entropy": settings.entropy_weight * _entropy(pair, whole, scale, settings.smoothing),
    }
    return total_loss(terms), {f"loss_{name}": term.item() for name, term in terms.items()}


def _facts(settings: RefineSettings, known: Mapping[str, int]) -> dict[str, Any]:
    """Return the facts that determine the embeddings."""
    names = ("clip", "held_out", "max_pictures", "short_side", "seed", "grid", "patches", "darkness")
    return {**known, **{name: getattr(settings, name) for name in names}}


def ranking(pair: Tensor, classes: Classes, scale: float, settings: RefineSettings, weights: Tensor | None = None) -> Tensor:
    """Return the margin losses between neighbours of normal > newest > earlier ... > low, and between the ends."""
    normal, low = normality(pair, classes.normal, scale), normality(pair, classes.low, scale)
    enhanced = [normality(pair, x, scale) for x in classes.enhanced]
    steps = zip(enhanced[1:], enhanced[:-1], strict=True)
    return torch.stack(
        [
            margin_ranking(normal, low, settings.margin_light, weights),
            margin_ranking(normal, enhanced[-1], settings.margin_normal, weights),
            *(margin_ranking(newer, older, settings.margin_step, weights) for newer, older in steps),
            margin_ranking(enhanced[0], low, settings.margin_low, weights),
        ]
    ).sum()


def figures(pair: Tensor, classes: Classes, scale: float) -> dict[str, float]:
    """Return the held-out accuracy, and the shares of pictures and patches that rank above their low version."""
    with torch.no_grad():
        normal, low = normality(pair, classes.normal, scale), normality(pair, classes.low, scale)
        newest = normality(pair, classes.enhanced[-1], scale)
        correct = ((normal[:, 0] > 0.5).float().mean() + (low[:, 0] < 0.5).float().mean()) / 2
        above = (newest > low).float()
        return {
            "held_out_accuracy": round(float(correct), 4),
            "held_out_ranked_whole": round(float(above[:, 0].mean()), 4),
            "held_out_ranked_patches": round(float(above[:, 1:].mean()), 4),
            "patches_low": round(float(low[:, 1:].mean()), 4),
            "patches_newest": round(float(newest[:, 1:].mean()), 4),
            "patches_normal": round(float(normal[:, 1:].mean()), 4),
        }


def _entropy(pair: Tensor, classes: Classes, scale: float, smoothing: float) -> Tensor:
    labels = torch.tensor([NORMAL, LOW], device=classes.low.device).repeat_interleave(len(classes.low))
    return prompt_cross_entropy(pair, torch.cat([classes.normal, classes.low]), labels, scale, smoothing)


def _split(settings: RefineSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.max_pictures, settings.seed)


def _classes(views: Tensors, split: str, rounds: int) -> Classes:
    enhanced = [views[f"{split}.enhanced.{k}"] for k in range(rounds)]
    return Classes(views[f"{split}.low"], enhanced, views[f"{split}.normal"], views[f"{split}.dark"])


def _embed(settings: RefineSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
    nets = [load_weights(path) for path in settings.weights]
    found: dict[str, Tensor] = {}
    for split in ("train", "held_out"):
        paths = {kind: getattr(splits[kind], split) for kind in (NORMAL, LOW)}
        dark: list[list[float]] = []
        low = embed_views(clip, _low_views(settings, paths[LOW], nets, dark, tick))
        regions = 1 + min(settings.patches, settings.grid**2)
        by_version = low.view(len(paths[LOW]), 1 + len(nets), regions, -1)  # (N, 1 + K, P, D)
        found[f"{split}.low"] = by_version[:, 0]
        found |= {f"{split}.enhanced.{k}": by_version[:, 1 + k] for k in range(len(nets))}
        found[f"{split}.dark"] = torch.tensor(dark)
        normal = embed_views(clip, _normal_views(settings, paths[NORMAL], tick))
        found[f"{split}.normal"] = normal.view(len(paths[NORMAL]), regions, -1)
    return found


def _low_views(
    settings: RefineSettings, paths: tuple[Path, ...], nets: list[IspCnn], dark: list[list[float]], tick: Tick
) -> Iterator[BgrImage]:
    """Yield each picture's regions, then those of every enhanced version; append their darkness to dark."""
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, LOW, index))
        picture = read_small(path, settings.short_side)
        boxes = grid_boxes(settings.grid)
        boxes = [WHOLE, *(boxes[i] for i in draw_dark(picture, boxes, settings.patches, settings.darkness, rng))]
        dark.append([float(stops) for stops in darkness(picture, boxes)])
        for version in (picture, *(enhance_with(net, picture) for net in nets)):
            yield from (crop_box(version, box) for box in boxes)


def _normal_views(settings: RefineSettings, paths: tuple[Path, ...], tick: Tick) -> Iterator[BgrImage]:
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, NORMAL, index))
        picture = read_small(path, settings.short_side)
        boxes = grid_boxes(settings.grid)
        drawn = rng.choice(len(boxes), min(settings.patches, len(boxes)), replace=False)
        yield from (crop_box(picture, box) for box in [WHOLE, *(boxes[int(i)] for i in drawn)])
