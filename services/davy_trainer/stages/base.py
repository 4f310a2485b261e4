"""Base training: stage 0 from a packed data file, with the forward model on the training's own device."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.imaging.isp.pipeline import Parameters
from davy.imaging.lowlight.batched.degrade import DARK, HAZY, IDENTITY, MINE, RAW
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.echo import Echo, Sample
from davy_trainer.data.real_frames import RealFrames
from davy_trainer.evaluation.validation import Pair, validate
from davy_trainer.objectives import base_losses, dark_losses, losses
from davy_trainer.runs.run import CHECKPOINT, Training, check_finite, save_training
from davy_trainer.runs.run_log import Means, RunLog
from davy_trainer.stages.base_settings import BaseSettings

NAMES = {IDENTITY: "identity", HAZY: "hazy", DARK: "dark", MINE: "mine", RAW: "scene"}
BaseRun = Training[BaseSettings]
Tell = Callable[[int, int | None, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Device:
    """Where training runs, and whether its network counts in bfloat16."""

    device: torch.device
    half: bool

    @classmethod
    def of(cls, settings: BaseSettings) -> "Device":
        """auto: a GPU where there is one; bfloat16 there, and float32 on a CPU, where the network is a tenth of a step."""
        name = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        half = name != "cpu" if settings.precision == "auto" else settings.precision == "bfloat16"
        return cls(torch.device(name), half)


def move(run: BaseRun, device: torch.device) -> None:
    """Bring network, average and the optimiser's state to the device."""
    run.net.to(device=device)
    for parameter in run.net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    run.average.to(device)
    for state in run.optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and name != "step":
                state[name] = value.to(device)


def train(
    run: BaseRun,
    echo: Echo,
    frames: RealFrames | None,
    device: Device,
    pairs: Sequence[Pair],
    known: dict[str, Any],
    out: Path,
    tell: Tell,
    stop: Callable[[], bool],
) -> None:
    """Train until the run is finished or stop() is true; either way a checkpoint is written last.

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
            sample = echo(run.step)
            terms, decibels = losses_of(run.net, sample, run.step, settings, device)
            if frames is not None and run.step % settings.real_every == 0:
                terms |= losses_of_frames(run.net, frames, run.step, settings, device)
            loss = torch.stack(list(terms.values())).sum()
            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), settings.gradient_norm)
            if run.step % settings.log_every == 0:  # reading a number waits for the device
                check_finite(run.step, loss.item(), norm.item(), lower_rate=0.001)
                means.add({"loss": loss.item(), **{f"loss_{name}": term.item() for name, term in terms.items()}})
                means.add(_by_kind(decibels, sample.kinds))
            run.optimizer.step()
            run.update_ema()
            run.step += 1
            run.seconds += time.monotonic() - started
            run.plan_steps()
            if run.step % settings.log_every == 0:
                taken = means.take() | {"learning_rate": rate}
                tell(run.step, run.total, taken)
                log.write("train", run.step, taken | {"steps_per_s": run.step / run.seconds})
            if pairs and (run.step % settings.validate_every == 0 or run.finished):
                sheet = out / "sheets" / f"{run.step:06}-validation.png"
                log.write("validation", run.step, validate(_on_cpu(run.average), pairs, sheet))
            if run.step % settings.checkpoint_every == 0:
                save_training(run, known, out / CHECKPOINT)
    save_training(run, known, out / CHECKPOINT)


def losses_of(
    net: IspCnn, sample: Sample, step: int, settings: BaseSettings, device: Device
) -> tuple[dict[str, Tensor], Tensor]:
    """Each loss with its weight, and the PSNR of each picture's block means in dB."""
    parameters = _parameters(net, sample.thumb, device)
    terms, output = base_losses.whole(parameters, sample.blocks, sample.small)
    few = slice(step // 2 % settings.windows_every, None, settings.windows_every)  # of the pictures, in turn
    some = base_losses.of_pictures(parameters, few)
    rng = np.random.default_rng((settings.seed, step, 2))
    terms |= base_losses.window(sample.low[few], sample.truth[few], some, 1 + step % 2, rng)
    terms["calm"] = settings.calm * losses.roughness(parameters.fine_log2_gain)
    return terms, base_losses.psnr_db(output, sample.small)


def losses_of_frames(net: IspCnn, frames: RealFrames, step: int, settings: BaseSettings, device: Device) -> dict[str, Tensor]:
    """Each loss of real frames with its weight."""
    thumb, blocks = frames.drawn(settings.real_batch, np.random.default_rng((settings.seed, step, 3)))
    parameters = _parameters(net, thumb, device)
    return dark_losses.without_reference(parameters, blocks)


def _parameters(net: IspCnn, thumb: Tensor, device: Device) -> Parameters:
    thumb = thumb.contiguous(memory_format=torch.channels_last)  # saves a quarter of the network's backward pass
    with torch.autocast(device.device.type, torch.bfloat16, enabled=device.half):
        raw = net(thumb)
    return Parameters.from_raw(*(part.float() for part in raw))


def _by_kind(decibels: Tensor, kinds: Tensor) -> dict[str, float]:
    values = {}
    for kind, name in NAMES.items():
        if bool((kinds == kind).any()):
            values[f"psnr_{name}"] = float(decibels[kinds == kind].mean())
    return values


def _on_cpu(net: IspCnn) -> IspCnn:
    copy = IspCnn(net.width, net.detail)
    copy.load_state_dict({name: value.cpu() for name, value in net.state_dict().items()})
    return copy.eval()
