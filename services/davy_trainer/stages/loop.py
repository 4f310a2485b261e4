"""The training loop of every stage that moves the network's weights: stage 0, base training, enhancement and adaptation."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from davy.domain.errors import ConfigError
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.distributed import process_group
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png
from davy_trainer.evaluation.validation import Pair, validate
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.run import CHECKPOINT, Schedule, Training, check_finite, save_training
from davy_trainer.runs.run_log import Means, run_log

SHEET_ROWS = 8
Stop = Callable[[], bool]


class LoopSettings(Schedule, Protocol):
    """Settings of a stage that the loop reads."""

    @property
    def gradient_norm(self) -> float: ...
    @property
    def log_every(self) -> int: ...
    @property
    def checkpoint_every(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward pass of one step.

    Attributes:
        terms: Each loss times its weight, scalars; their sum is minimised.
        values: Further values to report and to log; called only when they are read, because reading waits for a GPU.
        columns: Columns of the sheet, each (B, 3, H, W) in [0, 1].
    """

    terms: Mapping[str, Tensor]
    values: Callable[[], Mapping[str, float]] = dict
    columns: Sequence[Tensor] = ()


@dataclass(frozen=True, slots=True)
class Periodic:
    """An action after every `every` steps and after the last one.

    Attributes:
        action: Receives the newest forward pass; returns the values to log as `kind`.
    """

    kind: str
    every: int
    action: Callable[[Forward], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs of a run: files and progress.

    Attributes:
        out: Folder of checkpoint, log and sheets.
        known: Facts of the data, for the checkpoint.
        report: Called after every step with steps done, steps to do and the newest values.
    """

    out: Path
    known: Mapping[str, Any]
    report: ReportProgress


def run_loop(
    run: Training[Any],
    forward: Callable[[], Forward],
    outputs: Outputs,
    periodic: Sequence[Periodic],
    stop: Stop,
    read_every: int = 1,
) -> None:
    """Train until the run is finished or stop() is true; either way a checkpoint is written last.

    Args:
        forward: Draws the batch of run.step and passes it through run.net.
        read_every: Steps between two readings of the losses; on a GPU each reading waits for the device.

    Raises:
        ConfigError: Every loss has weight 0.
        TrainingError: A loss is not finite, or a worker failed.
    """
    settings: LoopSettings = run.settings
    means, newest = Means(), dict[str, float]()
    with closing(run_log(outputs.out, run.step)) as log:
        while not run.finished and not process_group.any_rank(stop):
            started = time.monotonic()
            rate = run.rate()
            for group in run.optimizer.param_groups:
                group["lr"] = rate
            result = forward()
            loss = total_loss(result.terms)

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            reading = run.step % read_every == 0
            values = dict(result.values()) if reading else {}
            terms = {f"loss_{name}": term.item() for name, term in result.terms.items()} if reading else {}
            average = process_group.average(run.net, {"loss": loss.item()} | values | terms if reading else {})
            norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), settings.gradient_norm)
            if reading:
                check_finite(run.step, average["loss"], norm.item(), settings.learning_rate)
                means.add(average | {"learning_rate": rate, "gradient_norm": norm.item()})
                newest = {name: value for name, value in average.items() if name not in terms} | {"learning_rate": rate}
            run.optimizer.step()
            run.update_ema()
            run.step += 1
            run.seconds += process_group.broadcast(time.monotonic() - started)
            run.plan_steps()

            outputs.report(run.step, run.total, newest)
            if not process_group.is_first():
                continue
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | {"steps_per_s": run.step / run.seconds})
            for each in periodic:
                if run.step % each.every == 0 or run.finished:
                    log.write(each.kind, run.step, each.action(result))
            if run.step % settings.checkpoint_every == 0:
                save_training(run, outputs.known, outputs.out / CHECKPOINT)
    if process_group.is_first():
        save_training(run, outputs.known, outputs.out / CHECKPOINT)


def total_loss(terms: Mapping[str, Tensor]) -> Tensor:
    """Sum the weighted losses.

    Raises:
        ConfigError: There is none.
    """
    if not terms:
        raise ConfigError("every loss has weight 0: set at least one weight above 0")
    return torch.stack(list(terms.values())).sum()


def validation(run: Training[Any], every: int, pairs: Sequence[Pair], out: Path) -> Periodic:
    """Validate the averaged weights on pairs, and write a sheet; do nothing without pairs."""

    def action(_: Forward) -> Mapping[str, float]:
        return validate(on_cpu(run.average), pairs, _sheet_path(run, out, "validation"))

    return Periodic("validation", every, action)


def training_sheet(run: Training[Any], every: int, out: Path) -> Periodic:
    """Write a sheet of the first pictures of the newest batch, one row each."""

    def action(newest: Forward) -> Mapping[str, float]:
        columns = [column[:SHEET_ROWS] for column in newest.columns]
        rows = [[from_tensor(picture) for picture in row] for row in zip(*columns, strict=True)]
        write_png(_sheet_path(run, out, "train"), sheet(rows))
        return {}

    return Periodic("sheet", every, action)


def on_cpu(net: IspCnn) -> IspCnn:
    """Return the network itself if it is on the CPU, else a copy there."""
    return net if next(net.parameters()).device.type == "cpu" else copy.deepcopy(net).cpu().eval()


def _sheet_path(run: Training[Any], out: Path, kind: str) -> Path:
    return out / "sheets" / f"{run.step:06}-{kind}.png"
