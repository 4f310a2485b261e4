"""Adaptation of the running model to a camera's changed light, without references; other cameras keep their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from torch import Tensor

from davy.imaging.clip import Clip
from davy.imaging.isp.pipeline import Parameters
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import Item, through_blocks
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png
from davy_trainer.objectives import clip_losses, enhance_losses, losses
from davy_trainer.objectives.patches import WHOLE, resize_views
from davy_trainer.objectives.weighted import weighted
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import Training
from davy_trainer.stages.loop import SHEET_ROWS, Forward, Outputs, Periodic, Stop, run_loop

AdaptRun = Training[AdaptSettings]


@dataclass(frozen=True, slots=True)
class AdaptationData:
    """The items and the frozen teachers, all on the training's device.

    Attributes:
        kept: Items of the other cameras; empty if every camera drifted.
        running: The running model.
        clip: The frozen towers; None without CLIP.
        prompts: Unit vectors (2, D); None without CLIP.
    """

    drifted: Sequence[Item]
    kept: Sequence[Item]
    running: IspCnn
    clip: Clip | None
    prompts: Tensor | None


def train(run: AdaptRun, data: AdaptationData, outputs: Outputs, device: Device, stop: Stop) -> None:
    """Train the adaptation; see run_loop."""
    settings = run.settings

    def draw_sheet(_: Forward) -> dict[str, float]:
        write_png(outputs.out / "sheets" / f"{run.step:06}-train.png", _sheet(run.average, data))
        return {}

    periodic = (Periodic("sheet", settings.sheet_every, draw_sheet),)
    read_every = device.read_every(settings.log_every)
    run_loop(run, lambda: forward(run.net, run.step, data, settings, device), outputs, periodic, stop, read_every)


def forward(net: IspCnn, step: int, data: AdaptationData, settings: AdaptSettings, device: Device) -> Forward:
    """Draw the items of a step, pass them through the network, and compute all losses."""
    rng = np.random.default_rng((settings.seed, step))
    drifted, kept = _draw(data.drifted, settings.batch, rng), _draw(data.kept, settings.retained_batch, rng)
    outputs, parameters = through_blocks(net, [*drifted, *kept])
    terms = drifted_terms(drifted, outputs[: len(drifted)], settings)
    terms |= _clip_term(outputs[: len(drifted)], data, settings, device)
    terms |= retention_terms(kept, outputs[len(drifted) :], parameters, settings)
    terms |= _l2_sp_term(net, data.running, settings)
    smoothness = enhance_losses.smoothness(parameters.log2_gain, parameters.log2_colour)
    terms["smooth"] = settings.smooth_weight * smoothness
    return Forward(terms)


def drifted_terms(items: Sequence[Item], outputs: Sequence[Tensor], settings: AdaptSettings) -> dict[str, Tensor]:
    """Return the losses on drifted cameras: of stage 0 against flat-field targets, and of stage 2 without references."""
    each = [_drifted_terms(item, output, settings) for item, output in zip(items, outputs, strict=True)]
    return {name: torch.stack([terms[name] for terms in each]).mean() for name in each[0]}


def _drifted_terms(item: Item, output: Tensor, settings: AdaptSettings) -> dict[str, Tensor]:
    def spatial() -> Tensor:
        return enhance_losses.spatial_consistency(enhance_losses.gain_normalised(item.target, output), output)

    level = output.new_full((1,), settings.level)
    return weighted(
        {
            "charbonnier": (settings.charbonnier_weight, lambda: losses.charbonnier(output, item.target)),
            "decibels": (settings.decibels_weight, lambda: losses.log_mse(output, item.target)),
            "uneven": (settings.uneven_weight, lambda: losses.unevenness(output, item.target)),
            "ssim": (settings.ssim_weight, lambda: losses.dssim_loss(output, item.target)),
            "colour": (settings.colour_weight, lambda: losses.colour_angle(output, item.target)),
            "spatial": (settings.spatial_weight, spatial),
            "exposure": (settings.exposure_weight, lambda: enhance_losses.exposure(output, level)),
        }
    )


def _clip_term(outputs: Sequence[Tensor], data: AdaptationData, settings: AdaptSettings, device: Device) -> dict[str, Tensor]:
    clip = data.clip
    if clip is None or data.prompts is None:
        return {}
    size = clip.preprocessing.size
    views = torch.cat([resize_views(output, [(0, WHOLE)], size) for output in outputs[: settings.clip_views]])
    with device.autocast():
        embeddings = clip.encode_image(views)
    guidance = clip_losses.clip_guidance_loss(data.prompts, embeddings.float(), clip.logit_scale, settings.smoothing)
    return {"clip": settings.clip_weight * guidance}


def retention_terms(
    items: Sequence[Item], outputs: Sequence[Tensor], parameters: Parameters, settings: AdaptSettings
) -> dict[str, Tensor]:
    """Return the losses that retain the other cameras' pictures and parameters. Source: Li and Hoiem 2016.

    Args:
        parameters: Of a batch that ends with items.
    """
    if not items or settings.retention_weight == 0:
        return {}
    each = [_retention_loss(output, item.target, settings) for item, output in zip(items, outputs, strict=True)]
    found = {"retention": settings.retention_weight * torch.stack(each).mean()}
    if settings.retention_parameters_weight > 0:
        first = parameters.tone_curve.shape[0] - len(items)
        found["retention_parameters"] = settings.retention_parameters_weight * _parameter_change(
            parameters, first, items, settings
        )
    return found


def _retention_loss(output: Tensor, target: Tensor, settings: AdaptSettings) -> Tensor:
    terms = weighted(
        {
            "charbonnier": (settings.retention_charbonnier_weight, lambda: enhance_losses.distillation(output, target)),
            "decibels": (settings.retention_decibels_weight, lambda: losses.log_mse(output, target)),
            "uneven": (settings.retention_uneven_weight, lambda: losses.unevenness(output, target)),
            "mean": (settings.retention_mean_weight, lambda: _mean_colour_error(output, target)),
        }
    )
    return reduce(add, terms.values(), output.new_zeros(()))


def _mean_colour_error(output: Tensor, target: Tensor) -> Tensor:
    """Return log10 of the squared error of the mean colour, which detail hides in all other terms."""
    return (output.mean((2, 3)) - target.mean((2, 3))).square().mean().add(1e-7).log10()


def _parameter_change(parameters: Parameters, first: int, items: Sequence[Item], settings: AdaptSettings) -> Tensor:
    """Mean squared difference from the running model's parameters, in stops of gain and of colour."""
    found = []
    for index, item in enumerate(items, first):
        if (before := item.parameters) is not None:
            gain = (parameters.log2_gain[index] - before.log2_gain[0]).square().mean()
            colour = (parameters.log2_colour[index] - before.log2_colour[0]).square().mean()
            tone = (parameters.tone_curve[index] - before.tone_curve[0]).square().mean()
            found.append(gain + colour + settings.retention_tone_weight * tone)
    return torch.stack(found).mean() if found else parameters.tone_curve.new_zeros(())


def _l2_sp_term(net: IspCnn, running: IspCnn, settings: AdaptSettings) -> dict[str, Tensor]:
    """Return the L2-SP term: the squared distance from the running model's weights. Source: Li, Grandvalet, Davoine 2018."""
    if settings.l2_sp_weight == 0:
        return {}
    pairs = zip(net.parameters(), running.parameters(), strict=True)
    squares = [(now - before.detach()).square().sum() for now, before in pairs]
    return {"l2_sp": settings.l2_sp_weight * torch.stack(squares).sum()}


def _draw(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    return [items[int(rng.integers(len(items)))] for _ in range(count)] if items else []


def _sheet(net: IspCnn, data: AdaptationData) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw raw picture, running model, new model and target; drifted cameras first."""
    half = SHEET_ROWS // 2
    rows = []
    with torch.no_grad():
        for item in [*data.drifted[-half:], *data.kept[:half]]:
            pictures = (item.blocks.rgb, *(through_blocks(n, [item])[0][0] for n in (data.running, net)), item.target)
            rows.append([from_tensor(picture[0]) for picture in pictures])
    return sheet(rows)
