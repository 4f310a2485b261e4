"""Stage 2: the ISP-CNN learns on real low-light pictures, guided by the prompts; batches of stage 0 are replayed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from davy.imaging.clip import Clip
from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import Parameters
from davy.imaging.isp.pipeline import enhance as through_isp
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.data.mixed_batches import MixedBatch
from davy_trainer.evaluation.validation import Pair
from davy_trainer.objectives import clip_losses, enhance_losses, losses
from davy_trainer.objectives.exposure_target import ExposureTarget
from davy_trainer.objectives.patches import Box, resize_views
from davy_trainer.objectives.weighted import weighted
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import Training
from davy_trainer.stages.loop import Forward, Outputs, Stop, run_loop, training_sheet, validation
from davy_trainer.stages.self_supervised import BLOCKS_PX
from davy_trainer.stages.settings import EnhanceSettings

EnhanceRun = Training[EnhanceSettings]


@dataclass(frozen=True, slots=True)
class FrozenTeachers:
    """The frozen networks that guide enhancement, all on the training's device.

    Attributes:
        initial: The network that training started from.
        clip: The frozen towers; None without CLIP.
        prompts: Unit vectors (2, D); None without CLIP guidance.
    """

    initial: IspCnn
    exposure: ExposureTarget
    clip: Clip | None
    prompts: Tensor | None


def train(
    run: EnhanceRun,
    teachers: FrozenTeachers,
    source: Iterator[MixedBatch],
    pairs: Sequence[Pair],
    outputs: Outputs,
    device: Device,
    stop: Stop,
) -> None:
    """Train stage 2; see run_loop.

    Args:
        source: The batches from run.step on.
        pairs: Validation pairs; may be empty.
    """
    settings = run.settings
    periodic = (
        validation(run, settings.validate_every, pairs, outputs.out),
        training_sheet(run, settings.sheet_every, outputs.out),
    )
    run_loop(
        run,
        lambda: forward(run.net, next(source), teachers, settings, device),
        outputs,
        periodic,
        stop,
        device.read_every(settings.log_every),
    )


def forward(net: IspCnn, batch: MixedBatch, teachers: FrozenTeachers, settings: EnhanceSettings, device: Device) -> Forward:
    """Pass real and replayed pictures through the network together, and compute all losses."""
    low = batch.tensor().to(device.device)
    dark, ground_truth = batch.replay.tensors() if batch.replay is not None else (low[:0], low[:0])
    dark, ground_truth = dark.to(device.device), ground_truth.to(device.device)

    outputs, parameters = enhanced(net, torch.cat([low, dark]), device)
    output, replayed = outputs[: len(low)], outputs[len(low) :]
    with torch.no_grad():
        initial = enhanced(teachers.initial, low, device)[0]
    terms = content_terms(low, batch.names, output, initial, settings, teachers)
    terms |= _clip_terms_or_zero(low, output, batch, settings, teachers, device)
    gain, colour = parameters.log2_gain[: len(low)], parameters.log2_colour[: len(low)]
    terms["smooth"] = settings.smooth_weight * enhance_losses.smoothness(gain, colour)
    if batch.replay is not None and settings.replay is not None:
        replay_terms = losses.total(replayed, ground_truth, parameters.log2_gain[len(low) :], settings.replay)
        terms["replay"] = settings.replay_weight * torch.stack(list(replay_terms.values())).sum()
    return Forward(terms, lambda: {"luma": float(enhance_losses.mean_luma(output.detach()).mean())}, (low, initial, output))


def enhanced(net: IspCnn, images: Tensor, device: Device) -> tuple[Tensor, Parameters]:
    """Enhance crops (B, 3, H, W); return the network's parameters too."""
    with torch.no_grad():
        blocks = block_statistics(images, BLOCKS_PX[1])
        thumb = thumbnail(blocks)
    with device.autocast():
        raw = net(thumb)
    parameters = Parameters.from_raw(*(output.float() for output in raw))
    return through_isp(images, parameters, blocks), parameters


def content_terms(
    low: Tensor,
    names: Sequence[str],
    output: Tensor,
    initial: Tensor,
    settings: EnhanceSettings,
    teachers: FrozenTeachers,
) -> dict[str, Tensor]:
    """Return the losses that need no CLIP, each times its weight.

    Args:
        names: Group of each picture of low.
        initial: The pictures as the initial network enhances them.
    """
    level = enhance_losses.gain_normalised(low, output)
    return weighted(
        {
            "spatial": (settings.spatial_weight, lambda: enhance_losses.spatial_consistency(level, output)),
            "exposure": (
                settings.exposure_weight,
                lambda: enhance_losses.exposure(output, teachers.exposure(low, names)),
            ),
            "colour": (settings.colour_weight, lambda: enhance_losses.colour_constancy(output)),
            "distill": (settings.distill_weight, lambda: enhance_losses.distillation(output, initial)),
        }
    )


def clip_terms(
    low: Tensor,
    output: Tensor,
    views: list[tuple[int, Box]],
    settings: EnhanceSettings,
    teachers: FrozenTeachers,
    device: Device,
) -> dict[str, Tensor]:
    """Return L_clip and feature fidelity, each times its weight, from one pass over the views.

    Fidelity adds a pass over the input's views, without gradient.
    """
    clip, prompts = teachers.clip, teachers.prompts
    if clip is None:
        return {}
    size, terms = clip.preprocessing.size, {}
    with device.autocast():
        after = clip.image_features(resize_views(output, views, size), settings.fidelity_layers)
    if prompts is not None and settings.clip_weight > 0:
        embedding = after.embedding.float()
        guidance = clip_losses.clip_guidance_loss(prompts, embedding, clip.logit_scale, settings.smoothing)
        terms["clip"] = settings.clip_weight * guidance
    if settings.fidelity_weight > 0:
        with torch.no_grad(), device.autocast():
            level = resize_views(enhance_losses.gain_normalised(low, output), views, size)
            before = clip.feature_maps(level, settings.fidelity_layers)
        maps = [[each.float() for each in layers] for layers in (before, after.maps)]
        terms["fidelity"] = settings.fidelity_weight * clip_losses.feature_fidelity(*maps)
    return terms


def _clip_terms_or_zero(
    low: Tensor,
    output: Tensor,
    batch: MixedBatch,
    settings: EnhanceSettings,
    teachers: FrozenTeachers,
    device: Device,
) -> dict[str, Tensor]:
    """Return the same terms in every process: zeros in a process without views."""
    if batch.views:
        found = clip_terms(low, output, batch.views, settings, teachers, device)
        return {name: batch.views_share * term for name, term in found.items()}
    if teachers.clip is None:
        return {}
    weights = {"clip": settings.clip_weight if teachers.prompts is not None else 0, "fidelity": settings.fidelity_weight}
    return {name: output.new_zeros(()) for name, weight in weights.items() if weight > 0}
