"""Adaptation: the running model learns a camera's changed light, without references; on all other cameras it stays as it is."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.imaging.clip import Clip
from davy.imaging.isp.pipeline import Parameters
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import Item, through_blocks
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png
from davy_trainer.objectives import clip_losses, losses
from davy_trainer.objectives.patches import WHOLE, look_at
from davy_trainer.runs.run import CHECKPOINT, Training, check_finite, save_training
from davy_trainer.runs.run_log import Means, RunLog

SHEET_ROWS = 8
Tell = Callable[[int, int | None, Mapping[str, float]], None]
AdaptRun = Training[AdaptSettings]


@dataclass(frozen=True, slots=True)
class AdaptationData:
    """All items; kept may be empty where every camera drifted. clip and prompts (2, D) guide; None without CLIP."""

    drifted: Sequence[Item]
    kept: Sequence[Item]
    start: IspCnn
    clip: Clip | None
    prompts: Tensor | None


def train(
    run: AdaptRun, data: AdaptationData, known: Mapping[str, Any], out: Path, tell: Tell, stop: Callable[[], bool]
) -> None:
    """Train until the run is finished or stop() is true; either way a checkpoint is written last.

    Args:
        known: facts of the data, for the checkpoint.
        out: folder for checkpoint, log and sheets.
        tell: called after every step.

    Raises:
        TrainingError: a loss is no number any more.
    """
    settings, means = run.settings, Means()
    with closing(RunLog(out, run.step)) as log:
        while not run.finished and not stop():
            started = time.monotonic()
            rate = run.rate()
            for group in run.optimizer.param_groups:
                group["lr"] = rate
            rng = np.random.default_rng((settings.seed, run.step))
            changed = _draw(data.drifted, settings.batch, rng)
            same = _draw(data.kept, settings.kept, rng)

            outputs, parameters = through_blocks(run.net, [*changed, *same])
            terms = evened_terms(changed, outputs[: len(changed)], settings)
            terms |= _seen_by_clip(outputs[: len(changed)], data, settings)
            terms |= kept_terms(same, outputs[len(changed) :], parameters, settings)
            terms |= _near(run.net, data.start, settings)
            terms["smooth"] = _smooth(parameters)
            loss = torch.stack(list(terms.values())).sum()

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), settings.gradient_norm)
            check_finite(run.step, loss.item(), norm.item(), lower_rate=0.0001)
            run.optimizer.step()
            run.update_ema()
            run.step += 1
            run.seconds += time.monotonic() - started

            means.add({"loss": loss.item(), "learning_rate": rate} | {f"loss_{name}": t.item() for name, t in terms.items()})
            tell(run.step, run.total, {"loss": loss.item()})
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | {"steps_per_s": run.step / run.seconds})
            if run.step % settings.sheet_every == 0 or run.finished:
                write_png(out / "sheets" / f"{run.step:06}-train.png", _sheet(run.average, data))
            if run.step % settings.checkpoint_every == 0:
                save_training(run, known, out / CHECKPOINT)
    save_training(run, known, out / CHECKPOINT)


def evened_terms(items: Sequence[Item], outputs: Sequence[Tensor], settings: AdaptSettings) -> dict[str, Tensor]:
    """Losses on drifted cameras: stage 0 against flat-field targets, stage 2 without targets."""
    found: dict[str, list[Tensor]] = {}
    for item, output in zip(items, outputs, strict=True):
        terms = {
            "charbonnier": losses.charbonnier(output, item.target),
            "decibels": 0.15 * losses.mean_square(output, item.target),
            "uneven": 0.2 * losses.unevenness(output, item.target),
            "ssim": 0.25 * losses.dssim_loss(output, item.target),
            "colour": 0.5 * losses.colour_angle(output, item.target),
        }
        if settings.spatial_weight > 0:
            even = clip_losses.gain_normalised(item.target, output)
            terms["spatial"] = settings.spatial_weight * clip_losses.spatial_consistency(even, output)
        if settings.exposure_weight > 0:
            terms["exposure"] = settings.exposure_weight * clip_losses.exposure(output, output.new_full((1,), settings.level))
        for name, term in terms.items():
            found.setdefault(name, []).append(term)
    return {name: torch.stack(values).mean() for name, values in found.items()}


def _seen_by_clip(outputs: Sequence[Tensor], data: AdaptationData, settings: AdaptSettings) -> dict[str, Tensor]:
    if data.clip is None or data.prompts is None:
        return {}
    size = data.clip.preprocessing.size
    views = torch.cat([look_at(output, [(0, WHOLE)], size) for output in outputs[: settings.clip_views]])
    nearer = clip_losses.clip_guidance_loss(
        data.prompts, data.clip.encode_image(views), data.clip.logit_scale, settings.smoothing
    )
    return {"clip": settings.clip_weight * nearer}


def kept_terms(
    items: Sequence[Item], outputs: Sequence[Tensor], parameters: Parameters, settings: AdaptSettings
) -> dict[str, Tensor]:
    """Learning without forgetting, of the picture and of what the network sets. Source: Li and Hoiem 2016.

    Args:
        parameters: of a batch that ends with items.
    """
    if not items or settings.keep_weight == 0:
        return {}
    each = [
        clip_losses.distillation(output, item.target)
        + 0.05 * losses.mean_square(output, item.target)
        + 0.05 * losses.unevenness(output, item.target)
        + 0.05 * _mean_apart(output, item.target)
        for item, output in zip(items, outputs, strict=True)
    ]
    found = {"keep": settings.keep_weight * torch.stack(each).mean()}
    if settings.keep_parameters > 0:
        first = parameters.tone_curve.shape[0] - len(items)
        found["settings"] = settings.keep_parameters * _apart(parameters, first, items)
    return found


def _mean_apart(output: Tensor, target: Tensor) -> Tensor:
    """Of the pictures' mean colours, squared, log10: one level of 255 all over is 0.15 dB, and detail hides it elsewhere."""
    return (output.mean((2, 3)) - target.mean((2, 3))).square().mean().add(1e-7).log10()


def _apart(parameters: Parameters, first: int, items: Sequence[Item]) -> Tensor:
    """Mean squared difference from what the running model set, in stops of gain and of colour; tone in tenths."""
    found = []
    for index, item in enumerate(items, first):
        if (was := item.parameters) is not None:
            gain = (parameters.log2_gain[index] - was.log2_gain[0]).square().mean()
            colour = (parameters.log2_colour[index] - was.log2_colour[0]).square().mean()
            tone = (parameters.tone_curve[index] - was.tone_curve[0]).square().mean()
            found.append(gain + colour + 100 * tone)
    return torch.stack(found).mean() if found else parameters.tone_curve.new_zeros(())


def _near(net: IspCnn, start: IspCnn, settings: AdaptSettings) -> dict[str, Tensor]:
    """L2-SP: what does not help stays. Source: Li, Grandvalet, Davoine 2018."""
    if settings.near_weight == 0:
        return {}
    pairs = zip(net.parameters(), start.parameters(), strict=True)
    return {"near": settings.near_weight * torch.stack([(now - was.detach()).square().sum() for now, was in pairs]).sum()}


def _smooth(parameters: Parameters) -> Tensor:
    return 0.005 * clip_losses.smoothness(parameters.log2_gain, parameters.log2_colour)


def _draw(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    return [items[int(rng.integers(len(items)))] for _ in range(count)] if items else []


def _sheet(net: IspCnn, data: AdaptationData) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Raw, start, now, target; drifted cameras first."""
    half = SHEET_ROWS // 2
    rows = []
    with torch.no_grad():
        for item in [*data.drifted[-half:], *data.kept[:half]]:
            pictures = (item.blocks.rgb, *(through_blocks(n, [item])[0][0] for n in (data.start, net)), item.target)
            rows.append([from_tensor(picture[0]) for picture in pictures])
    return sheet(rows)
