"""Stage 3, cue refinement: all enhanced pictures so far are classes between low-light and normal.

Ranked are whole pictures, and local patches, the darkest most: so the prompts come to see uneven regions.
Source: Liang et al. 2023, CLIP-LIT, prompt refinement; here with patches, and with every earlier round.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from davy.domain.frame import BgrImage
from davy.imaging.clip import LOW, NORMAL, Clip, load_prompts
from davy.imaging.nets.checkpoint import Tensors
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.embeddings import embed_views, kept, tick_each
from davy_trainer.data.unpaired import Split, checksum_of_files, read_small, split_folders
from davy_trainer.evaluation.validation import through
from davy_trainer.objectives.clip_losses import margin_ranking, normality, prompt_cross_entropy
from davy_trainer.objectives.patches import WHOLE, cut, darkness, draw_dark, grid_boxes
from davy_trainer.runs.prompt_run import PROMPTS, REPORT, PromptRun, begin, resume, save
from davy_trainer.runs.run_log import Means, RunLog
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.pair import EMBEDDINGS, Tell, Tick
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
    settings: RefineSettings, clip: Clip, out: Path, going_on: bool, tick: Tick, tell: Tell, stop: Callable[[], bool]
) -> PromptRun:
    """Train until done or stop() is true; arguments and files as of stage 1's train."""
    splits = {NORMAL: _split(settings, NORMAL), LOW: _split(settings, LOW)}
    sources = [*settings.weights, settings.prompts]
    known = {"pictures": checksum_of_files([p for s in splits.values() for p in (*s.train, *s.held)])}
    known |= {"weights": checksum_of_files(sources)}
    names = ("clip", "held_out", "most", "short_side", "seed", "grid", "patches", "darkness")
    facts = {**known, **{name: getattr(settings, name) for name in names}}
    start = load_prompts(settings.prompts, clip)
    run = begin(load_prompts(settings.prompts, clip), settings)
    if going_on:
        resume(run, known, out)
    else:
        save(run, settings, known, out)  # looking takes a minute: a kill amid it is resumed, too
    views = kept(out / EMBEDDINGS, facts, lambda: _look(settings, clip, splits, tick))
    learned, judged = (_classes(views, part, len(settings.weights)) for part in ("train", "held"))
    means = Means()
    with closing(RunLog(out, run.step)) as log:
        while run.step < settings.steps and not stop():
            rng = np.random.default_rng((settings.seed, run.step))
            low, normal = (torch.from_numpy(rng.integers(len(x), size=settings.batch)) for x in (learned.low, learned.normal))
            whole, local = (learned.at(low, normal, places) for places in (slice(0, 1), slice(1, None)))

            pair = run.pair()
            terms = {
                "whole": ranking(pair, whole, clip.logit_scale, settings),
                "local": settings.patch_weight * ranking(pair, local, clip.logit_scale, settings, local.dark),
                "entropy": settings.entropy_weight * _entropy(pair, whole, clip.logit_scale, settings.smoothing),
            }
            loss = torch.stack(list(terms.values())).sum()

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            run.optimizer.step()
            run.step += 1

            means.add({"loss": loss.item()} | {f"loss_{name}": term.item() for name, term in terms.items()})
            tell(run.step, settings.steps, {"loss": loss.item()})
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | figures(run.pair(), judged, clip.logit_scale))
            if run.step % settings.checkpoint_every == 0:
                save(run, settings, known, out)
    save(run, settings, known, out)
    if run.step >= settings.steps:
        run.pair.save(out / PROMPTS)
        before, after = (figures(pair(), judged, clip.logit_scale) for pair in (start, run.pair))
        report = {"clip": clip.name, "steps": run.step, "before": before, "after": after}
        (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return run


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
    """Held out: classes told apart, and pictures (and patches) whose newest version ranks above their low one."""
    with torch.no_grad():
        normal, low = normality(pair, seen.normal, scale), normality(pair, seen.low, scale)
        newest = normality(pair, seen.enhanced[-1], scale)
        told = ((normal[:, 0] > 0.5).float().mean() + (low[:, 0] < 0.5).float().mean()) / 2
        above = (newest > low).float()
        return {
            "held_accuracy": round(float(told), 4),
            "held_ranked_whole": round(float(above[:, 0].mean()), 4),
            "held_ranked_patches": round(float(above[:, 1:].mean()), 4),
            "patches_low": round(float(low[:, 1:].mean()), 4),
            "patches_newest": round(float(newest[:, 1:].mean()), 4),
            "patches_normal": round(float(normal[:, 1:].mean()), 4),
        }


def _entropy(pair: Tensor, seen: Classes, scale: float, smoothing: float) -> Tensor:
    labels = torch.tensor([NORMAL, LOW]).repeat_interleave(len(seen.low))
    return prompt_cross_entropy(pair, torch.cat([seen.normal, seen.low]), labels, scale, smoothing)


def _split(settings: RefineSettings, kind: int) -> Split:
    folders = settings.normal if kind == NORMAL else settings.low
    return split_folders(folders, settings.held_out, settings.most, settings.seed)


def _classes(views: Tensors, part: str, rounds: int) -> Classes:
    enhanced = [views[f"{part}.enhanced.{k}"] for k in range(rounds)]
    return Classes(views[f"{part}.low"], enhanced, views[f"{part}.normal"], views[f"{part}.dark"])


def _look(settings: RefineSettings, clip: Clip, splits: Mapping[int, Split], tick: Tick) -> Tensors:
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
