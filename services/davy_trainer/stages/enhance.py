"""Stage 2: the ISP-CNN learns on real low-light pictures, guided by the prompts; stage 0 is replayed beside it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from davy.imaging.clip import Clip
from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import Parameters
from davy.imaging.isp.pipeline import enhance as through_isp
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.data.mixed_batches import MixedBatch
from davy_trainer.distributed import process_group
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png
from davy_trainer.evaluation.validation import Pair, validate
from davy_trainer.objectives import clip_losses, losses
from davy_trainer.objectives.exposure_target import ExposureTarget
from davy_trainer.objectives.patches import Box, look_at
from davy_trainer.runs.run import CHECKPOINT, Training, check_finite, save_training
from davy_trainer.runs.run_log import Means, run_log
from davy_trainer.stages.self_supervised import BLOCKS_PX
from davy_trainer.stages.settings import EnhanceSettings

SHEET_ROWS = 8
Tell = Callable[[int, int | None, Mapping[str, float]], None]
EnhanceRun = Training[EnhanceSettings]


@dataclass(frozen=True, slots=True)
class FrozenTeachers:
    """What stays as it is while the network learns.

    start: the weights it came from. clip: the frozen towers; None without CLIP. prompts: unit vectors (2, D).
    """

    start: IspCnn
    exposure: ExposureTarget
    clip: Clip | None
    prompts: Tensor | None


def train(
    run: EnhanceRun,
    guides: FrozenTeachers,
    source: Iterator[MixedBatch],
    pairs: Sequence[Pair],
    known: Mapping[str, Any],
    out: Path,
    tell: Tell,
    stop: Callable[[], bool],
) -> None:
    """Train until the run is finished or stop() is true; either way a checkpoint is written last.

    Args:
        source: the batches from run.step on.
        pairs: to validate on; may be empty.
        known: facts of the data, for the checkpoint.
        out: folder for checkpoint, log and sheets.
        tell: called after every step.

    Raises:
        TrainingError: a loss is no number any more, or no batches come.
    """
    settings, sheets, means = run.settings, out / "sheets", Means()
    with closing(run_log(out, run.step)) as log:
        while not run.finished and not process_group.any_rank(stop):
            started = time.monotonic()
            rate = run.rate()
            for group in run.optimizer.param_groups:
                group["lr"] = rate
            batch = next(source)
            low = batch.tensor()
            dark, truth = batch.replay.tensors() if batch.replay is not None else (low[:0], low[:0])

            outputs, parameters = forward(run.net, torch.cat([low, dark]))
            output, replayed = outputs[: len(low)], outputs[len(low) :]
            with torch.no_grad():
                start = forward(guides.start, low)[0]
            terms = guided(low, batch.names, output, start, settings, guides)
            if batch.views:
                looked = seen_by_clip(low, output, batch.views, settings, guides)
                terms |= {name: batch.views_share * term for name, term in looked.items()}
            terms["smooth"] = settings.smooth_weight * clip_losses.smoothness(
                parameters.log2_gain[: len(low)], parameters.log2_colour[: len(low)]
            )
            if len(truth):
                again = losses.total(replayed, truth, parameters.log2_gain[len(low) :])
                terms["replay"] = settings.replay_weight * torch.stack(list(again.values())).sum()
            loss = torch.stack(list(terms.values())).sum()

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            luma = float(clip_losses.mean_luma(output.detach()).mean())
            seen = {"loss": loss.item(), "luma": luma} | dict.fromkeys(_seen(settings, guides), 0.0)
            seen = process_group.average(run.net, seen | {f"loss_{name}": term.item() for name, term in terms.items()})
            norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), settings.gradient_norm)
            check_finite(run.step, seen["loss"], norm.item(), lower_rate=0.0001)
            run.optimizer.step()
            run.update_ema()
            run.step += 1
            run.seconds += process_group.broadcast(time.monotonic() - started)
            run.plan_steps()

            means.add(seen | {"learning_rate": rate})
            tell(run.step, run.total, {"loss": seen["loss"], "luma": seen["luma"], "learning_rate": rate})
            if not process_group.is_first():
                continue
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | {"steps_per_s": run.step / run.seconds})
            if run.step % settings.validate_every == 0 or run.finished:
                log.write("validation", run.step, validate(run.average, pairs, sheets / f"{run.step:06}-validation.png"))
            if run.step % settings.sheet_every == 0 or run.finished:
                triples = zip(low[:SHEET_ROWS], start[:SHEET_ROWS], output[:SHEET_ROWS], strict=True)
                rows = [[from_tensor(t) for t in row] for row in triples]
                write_png(sheets / f"{run.step:06}-train.png", sheet(rows))
            if run.step % settings.checkpoint_every == 0:
                save_training(run, known, out / CHECKPOINT)
    if process_group.is_first():
        save_training(run, known, out / CHECKPOINT)


def forward(net: IspCnn, images: Tensor) -> tuple[Tensor, Parameters]:
    """Enhance crops (B, 3, H, W); also what the network set."""
    with torch.no_grad():
        blocks = block_statistics(images, BLOCKS_PX[1])
        thumb = thumbnail(blocks)
    parameters = Parameters.from_raw(*net(thumb))
    return through_isp(images, parameters, blocks), parameters


def guided(
    low: Tensor, names: Sequence[str], output: Tensor, start: Tensor, settings: EnhanceSettings, guides: FrozenTeachers
) -> dict[str, Tensor]:
    """The losses that need no CLIP, each with its weight; those of weight 0 are left out."""
    same = clip_losses.gain_normalised(low, output)
    named: dict[str, tuple[float, Callable[[], Tensor]]] = {
        "spatial": (settings.spatial_weight, lambda: clip_losses.spatial_consistency(same, output)),
        "exposure": (settings.exposure_weight, lambda: clip_losses.exposure(output, guides.exposure(low, names))),
        "colour": (settings.colour_weight, lambda: clip_losses.colour_constancy(output)),
        "distill": (settings.distill_weight, lambda: clip_losses.distillation(output, start)),
    }
    return {name: weight * loss() for name, (weight, loss) in named.items() if weight > 0}


def _seen(settings: EnhanceSettings, guides: FrozenTeachers) -> list[str]:
    """What the CLIP's terms are called in the log, for a process none of whose pictures it looks at."""
    if guides.clip is None:
        return []
    weights = {"clip": settings.clip_weight if guides.prompts is not None else 0, "fidelity": settings.fidelity_weight}
    return [f"loss_{name}" for name, weight in weights.items() if weight > 0]


def seen_by_clip(
    low: Tensor, output: Tensor, views: list[tuple[int, Box]], settings: EnhanceSettings, guides: FrozenTeachers
) -> dict[str, Tensor]:
    """L_clip and feature fidelity for the price of one pass over the views (and one over the input's, without gradient)."""
    if guides.clip is None:
        return {}
    size, terms = guides.clip.preprocessing.size, {}
    after = guides.clip.image_features(look_at(output, views, size), settings.fidelity_layers)
    if guides.prompts is not None and settings.clip_weight > 0:
        scale = guides.clip.logit_scale
        nearer = clip_losses.clip_guidance_loss(guides.prompts, after.embedding, scale, settings.smoothing)
        terms["clip"] = settings.clip_weight * nearer
    if settings.fidelity_weight > 0:
        with torch.no_grad():
            same = look_at(clip_losses.gain_normalised(low, output), views, size)
            before = guides.clip.feature_maps(same, settings.fidelity_layers)
        terms["fidelity"] = settings.fidelity_weight * clip_losses.feature_fidelity(before, after.maps)
    return terms
