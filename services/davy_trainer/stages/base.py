"""Base training: stage 0 from a packed data file, with the forward model on the training device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.lowlight.batched.degrade import DARK, HAZY, IDENTITY, MINE, RAW
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.echo import Echo, Sample
from davy_trainer.data.real_frames import RealFrames
from davy_trainer.evaluation.validation import Pair
from davy_trainer.objectives import base_losses, dark_losses, losses
from davy_trainer.objectives.people_guide import PeopleGuide
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import Training
from davy_trainer.stages.base_settings import BaseSettings
from davy_trainer.stages.loop import Forward, Outputs, Stop, run_loop, validation

NAMES = {IDENTITY: "identity", HAZY: "hazy", DARK: "dark", MINE: "mine", RAW: "scene"}
BaseRun = Training[BaseSettings]


def channels_last(net: IspCnn) -> None:
    """Store the convolutions' weights with channels last, in place; see losses_of."""
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def train(
    run: BaseRun,
    echo: Echo,
    frames: RealFrames | None,
    guide: PeopleGuide | None,
    device: Device,
    pairs: Sequence[Pair],
    outputs: Outputs,
    stop: Stop,
) -> None:
    """Train the base stage; see run_loop.

    Args:
        guide: Keeps people detectable; None without.
        pairs: Validation pairs; may be empty.
    """
    settings = run.settings

    def forward() -> Forward:
        sample = echo(run.step)
        terms, decibels = losses_of(run.net, sample, run.step, settings, device, guide)
        if frames is not None and run.step % settings.real_every == 0:
            terms |= losses_of_frames(run.net, frames, run.step, settings, device)
        return Forward(terms, lambda: _by_kind(decibels, sample.kinds))

    periodic = (validation(run, settings.validate_every, pairs, outputs.out),)
    run_loop(run, forward, outputs, periodic, stop, read_every=settings.log_every)


def losses_of(
    net: IspCnn, sample: Sample, step: int, settings: BaseSettings, device: Device, guide: PeopleGuide | None = None
) -> tuple[dict[str, Tensor], Tensor]:
    """Return each loss times its weight, and the PSNR of each picture's block means in dB."""
    parameters = _parameters(net, sample.thumb, device)
    terms, output = base_losses.block_losses(parameters, sample.blocks, sample.small, settings)
    chosen = slice(step // 2 % settings.windows_every, None, settings.windows_every)  # of the pictures, in turn
    subset = base_losses.select_pictures(parameters, chosen)
    rng = np.random.default_rng((settings.seed, step, 2))
    terms |= base_losses.window_losses(sample.low[chosen], sample.ground_truth[chosen], subset, 1 + step % 2, rng, settings)
    terms["fine_smooth"] = settings.fine_smooth_weight * losses.roughness(parameters.fine_log2_gain)
    if guide is not None:
        terms["people"] = settings.people_weight * _people_loss(parameters, sample, step % len(sample.low), guide)
    return terms, base_losses.psnr_db(output, sample.small)


def losses_of_frames(net: IspCnn, frames: RealFrames, step: int, settings: BaseSettings, device: Device) -> dict[str, Tensor]:
    """Return each loss of real frames times its weight."""
    thumb, blocks = frames.draw(settings.real_batch, np.random.default_rng((settings.seed, step, 3)))
    parameters = _parameters(net, thumb, device)
    return dark_losses.reference_free_losses(parameters, blocks, settings)


def _people_loss(parameters: Parameters, sample: Sample, picture: int, guide: PeopleGuide) -> Tensor:
    one = slice(picture, picture + 1)
    low, ground_truth = (planes[one].float() / 255 for planes in (sample.low, sample.ground_truth))
    return guide(enhance(low, base_losses.select_pictures(parameters, one)), ground_truth)


def _parameters(net: IspCnn, thumb: Tensor, device: Device) -> Parameters:
    thumb = thumb.contiguous(memory_format=torch.channels_last)  # saves a quarter of the network's backward pass
    with device.autocast():
        raw = net(thumb)
    return Parameters.from_raw(*(output.float() for output in raw))


def _by_kind(decibels: Tensor, kinds: Tensor) -> dict[str, float]:
    values = {}
    for kind, name in NAMES.items():
        if bool((kinds == kind).any()):
            values[f"psnr_{name}"] = float(decibels[kinds == kind].mean())
    return values
