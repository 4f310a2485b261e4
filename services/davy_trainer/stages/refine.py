"""Stage 3, cue refinement: the enhanced pictures of every round are classes between low-light and normal.

It ranks whole pictures and local patches, dark patches most often, so that the prompts respond to uneven regions.
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
from davy_trainer.data.embeddings import embed_views, kept, tick_each
from davy_trainer.data.unpaired import Split, checksum_of_files, read_small, split_folders
from davy_trainer.evaluation.validation import through
from davy_trainer.objectives.clip_losses import margin_ranking, normality, prompt_cross_entropy
from davy_trainer.objectives.patches import WHOLE, cut, darkness, draw_dark, grid_boxes
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.prompt_run import PromptRun, begin, resume, save, write_result
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.loop import Outputs, Stop, total_loss
from davy_trainer.stages.pair import EMBEDDINGS, Tick
from davy_trainer.stages.prompt_loop import run_prompt_loop
from davy_trainer.stages.settings import RefineSettings


@dataclass(frozen=True, slots=True)
class Classes:
    """Unit vectors by class; places are the whole picture, then its patches: (pictures, places, D)."""

    low: Tensor
    enhanced: list[Tensor]  # as low, the newest last
    normal: Tensor  # of other pictures
    dark: Tensor  # (pictures, places): how dark the low picture is there, stops below white

    def at(self, low: Tensor, normal: Tensor, places: slice) -> "Classes":
        """Some pictures, some places, in one row: (n, D)."""
        some = [x[low][:, places].flatten(0, 1) for x in (self.low, *self.enhanced)]
        return Classes(some[0], some[1:], self.normal[normal][:, places].flatten(0, 1), self.dark[low][:, places].flatten())


def train(
    settings: RefineSettings, clip: Clip, out: Path, resuming: bool, tick: Tick, report: ReportProgress, stop: Stop
) -> PromptRun:
    """Train until done or stop() is true; arguments and files are those of stage 1's train."""
    splits = {NORMAL: _split(settings, NORMAL), LOW: _split(settings, LOW)}
    known = {"pictures": checksum_of_files([p for s in splits.values() for p in (*s.train, *s.held)])}
    known |= {"weights": checksum_of_files([*settings.weights, settings.prompts])}
    start = load_prompts(settings.prompts, clip)
    run = begin(load_prompts(settings.prompts, clip), settings)
    if resuming:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # embedding takes a minute: a kill meanwhile is resumed, too
    views = kept(out / EMBEDDINGS, _facts(settings, known), lambda: _embed(settings, clip, splits, tick))
    views = {name: view.to(clip.device) for name, view in views.items()}
    learned, held = (_classes(views, part, len(settings.weights)) for part in ("train", "held"))

    def evaluate(pair: PromptPair) -> dict[str, float]:
        return figures(pair(), held, clip.logit_scale)

    outputs = Outputs(out, known, report)
    run_prompt_loop(
        run, settings, settings.steps, lambda: _loss(run, learned, settings), lambda: evaluate(run.pair), outputs, stop
    )
    if run.step >= settings.steps:
        before, after = evaluate(start), evaluate(run.pair)
        write_result(run, {"clip": clip.name, "steps": run.step, "before": before, "after": after}, out)
    return run


def _loss(run: PromptRun, learned: Classes, settings: RefineSettings) -> tuple[Tensor, dict[str, float]]:
    """Draw the places of run.step; return the loss and its terms."""
    rng = np.random.default_rng((settings.seed, run.step))
    low, normal = (torch.from_numpy(rng.integers(len(x), size=settings.batch)) for x in (learned.low, learned.normal))
    whole, local = (learned.at(low, normal, places) for places in (slice(0, 1), slice(1, None)))
    pair, scale = run.pair(), run.pair.clip.logit_scale
    terms = {
        "whole": ranking(pair, whole, scale, settings),
        "local": settings.patch_weight * ranking(pair, local, scale, settings, local.dark),
        "entropy": settings.entropy_weight * _entropy(pair, whole, scale, settings.smoothing),
    }
    return total_loss(terms), {f"loss_{name}": term.item() for name, term in terms.items()}


def _facts(settings: RefineSettings, known: Mapping[str, int]) -> dict[str, Any]:
    """Facts that the embeddings depend on."""
    names = ("clip", "held_out", "most", "short_side", "seed", "grid", "patches", "darkness")
    return {**known, **{name: getattr(settings, name) for name in names}}


def ranking(pair: Tensor, seen: Classes, scale: float, settings: RefineSettings, weights: Tensor | None = None) -> Tensor:
    """Margins between neighbours of normal > newest > earlier ... > low, and between its ends."""
    normal, low = normality(pair, seen.normal, scale), normality(pair, seen.low, scale)
    enhanced = [normality(pair, x, scale) for x in seen.enhanced]
    steps = zip(enhanced[1:], enhanced[:-1], strict=True)
    return torch.stack(
        [
            margin_ranking(normal, low, settings.margin_light, weights),
            margin_ranking(normal, enhanced[-1], settings.margin_normal, weights),
            *(margin_ranking(newer, older, settings.margin_step, weights) for newer, older in steps),
            margin_ranking(enhanced[0], low, settings.margin_low, weights),
        ]
    ).sum()


def figures(pair: Tensor, seen: Classes, scale: float) -> dict[str, float]:
    """Held-out accuracy, and the share of pictures and of patches whose newest version ranks above the low one."""
    with torch.no_grad():
        normal, low = normality(pair, seen.normal, scale), normality(pair, seen.low, scale)
        newest = normality(pair, seen.enhanced[-1], scale)
        correct = ((normal[:, 0] > 0.5).float().mean() + (low[:, 0] < 0.5).float().mean()) / 2
        above = (newest > low).float()
        return {
            "held_accuracy": round(float(correct), 4),
            "held_ranked_whole": round(float(above[:, 0].mean()), 4),
            "held_ranked_patches": round(float(above[:, 1:].mean()), 4),
            "patches_low": round(float(low[:, 1:].mean()), 4),
            "patches_newest": round(float(newest[:, 1:].mean()), 4),
            "patches_normal": round(float(normal[:, 1:].mean()), 4),
        }


def _entropy(pair: Tensor, seen: Classes, scale: float, smoothing: float) -> Tensor:
    labels = torch.tensor([NORMAL, LOW], device=seen.low.device).repeat_interleave(len(seen.low))
    return prompt_cross_entropy(pair, torch.cat([seen.normal, seen.low]), labels, scale, smoothing)


def _split(settings: RefineSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.most, settings.seed)


def _classes(views: Tensors, part: str, rounds: int) -> Classes:
    enhanced = [views[f"{part}.enhanced.{k}"] for k in range(rounds)]
    return Classes(views[f"{part}.low"], enhanced, views[f"{part}.normal"], views[f"{part}.dark"])


def _embed(settings: RefineSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
    nets = [load_weights(path) for path in settings.weights]
    found: dict[str, Tensor] = {}
    for part in ("train", "held"):
        paths = {kind: getattr(splits[kind], part) for kind in (NORMAL, LOW)}
        dark: list[list[float]] = []
        low = embed_views(clip, _low_views(settings, paths[LOW], nets, dark, tick))
        places = 1 + min(settings.patches, settings.grid**2)
        by_version = low.view(len(paths[LOW]), 1 + len(nets), places, -1)  # (N, 1 + K, P, D)
        found[f"{part}.low"] = by_version[:, 0]
        found |= {f"{part}.enhanced.{k}": by_version[:, 1 + k] for k in range(len(nets))}
        found[f"{part}.dark"] = torch.tensor(dark)
        normal = embed_views(clip, _normal_views(settings, paths[NORMAL], tick))
        found[f"{part}.normal"] = normal.view(len(paths[NORMAL]), places, -1)
    return found


def _low_views(
    settings: RefineSettings, paths: tuple[Path, ...], nets: list[IspCnn], dark: list[list[float]], tick: Tick
) -> Iterator[BgrImage]:
    """Per picture: its places, then the same places of every enhanced version; dark gets the places' darkness."""
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, LOW, index))
        picture = read_small(path, settings.short_side)
        boxes = grid_boxes(settings.grid)
        boxes = [WHOLE, *(boxes[i] for i in draw_dark(picture, boxes, settings.patches, settings.darkness, rng))]
        dark.append([float(stops) for stops in darkness(picture, boxes)])
        for version in (picture, *(through(net, picture) for net in nets)):
            yield from (cut(version, box) for box in boxes)


def _normal_views(settings: RefineSettings, paths: tuple[Path, ...], tick: Tick) -> Iterator[BgrImage]:
    for index, path in tick_each(paths, tick):
        rng = np.random.default_rng((settings.seed, NORMAL, index))
        picture = read_small(path, settings.short_side)
        boxes = grid_boxes(settings.grid)
        some = rng.choice(len(boxes), min(settings.patches, len(boxes)), replace=False)
        yield from (cut(picture, box) for box in [WHOLE, *(boxes[int(i)] for i in some)])
