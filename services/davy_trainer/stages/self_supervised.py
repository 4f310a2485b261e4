"""Stage 0: the ISP-CNN learns to restore photographs that davy.imaging.lowlight darkened, without paired references."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets.ispcnn import thumbnail
from davy_trainer.data.synthetic import Batch
from davy_trainer.evaluation.validation import Pair
from davy_trainer.objectives import losses
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import Run
from davy_trainer.stages.loop import Forward, Outputs, Stop, run_loop, training_sheet, validation

BLOCKS_PX = (1, 2)  # of the crops, alternating: cameras have both, and the noise of a block decreases with its size


def train(run: Run, source: Iterator[Batch], pairs: Sequence[Pair], outputs: Outputs, device: Device, stop: Stop) -> None:
    """Train stage 0; see run_loop.

    Args:
        source: The batches from run.step on.
        pairs: Validation pairs; may be empty.
    """
    settings = run.settings

    def forward() -> Forward:
        low, ground_truth = (planes.to(device.device) for planes in next(source).tensors())
        with torch.no_grad():
            blocks = block_statistics(low, BLOCKS_PX[run.step % len(BLOCKS_PX)])
            thumb = thumbnail(blocks)
        with device.autocast():
            raw = run.net(thumb)
        parameters = Parameters.from_raw(*(output.float() for output in raw))
        output = enhance(low, parameters, blocks)
        terms = losses.total(output, ground_truth, parameters.log2_gain, settings)
        return Forward(terms, lambda: {"psnr_db": psnr_db(output, ground_truth)}, (low, output, ground_truth))

    periodic = (
        validation(run, settings.validate_every, pairs, outputs.out),
        training_sheet(run, settings.sheet_every, outputs.out),
    )
    run_loop(run, forward, outputs, periodic, stop, device.read_every(settings.log_every))


def psnr_db(output: Tensor, ground_truth: Tensor) -> float:
    """Return the mean PSNR of a batch's pictures in dB; identical pictures count as 100 dB."""
    squares = (output.detach() - ground_truth).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float(-10 * squares.log10().mean())
