"""Stage 0: the ISP-CNN learns to undo the dark that davy.imaging.lowlight made. No paired reference is needed."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets.ispcnn import thumbnail
from davy_trainer.data.photographs import Group
from davy_trainer.data.synthetic import Batch
from davy_trainer.distributed import process_group
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png
from davy_trainer.evaluation.validation import Pair, validate
from davy_trainer.objectives import losses
from davy_trainer.runs.run import CHECKPOINT, Run, check_finite, save
from davy_trainer.runs.run_log import Means, run_log

BLOCKS_PX = (1, 2)  # of the crops, in turn: cameras have both, and a block's noise falls with its size
SHEET_ROWS = 8
Tell = Callable[[Run, dict[str, float]], None]


def train(
    run: Run,
    groups: Sequence[Group],
    source: Iterator[Batch],
    pairs: Sequence[Pair],
    out: Path,
    tell: Tell,
    stop: Callable[[], bool],
) -> None:
    """Train until the run is finished or stop() is true; either way a checkpoint is written last.

    Args:
        source: the batches from run.step on.
        pairs: to validate on; may be empty.
        out: folder for checkpoint, log and sheets.
        tell: called after every step with the newest values.

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
            low, truth = next(source).tensors()

            with torch.no_grad():
                blocks = block_statistics(low, BLOCKS_PX[run.step % len(BLOCKS_PX)])
                thumb = thumbnail(blocks)
            parameters = Parameters.from_raw(*run.net(thumb))
            output = enhance(low, parameters, blocks)
            terms = losses.total(output, truth, parameters.log2_gain)
            loss = torch.stack(list(terms.values())).sum()

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            seen = {"loss": loss.item(), "psnr_db": psnr_db(output, truth)}
            seen = process_group.average(run.net, seen | {f"loss_{name}": term.item() for name, term in terms.items()})
            norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), settings.gradient_norm)
            check_finite(run.step, seen["loss"], norm.item(), lower_rate=0.001)
            run.optimizer.step()
            run.update_ema()
            run.step += 1
            run.seconds += process_group.broadcast(time.monotonic() - started)
            run.plan_steps()

            means.add(seen | {"learning_rate": rate})
            tell(run, {"loss": seen["loss"], "psnr_db": seen["psnr_db"], "learning_rate": rate})
            if not process_group.is_first():
                continue
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | {"steps_per_s": run.step / run.seconds})
            if run.step % settings.validate_every == 0 or run.finished:
                log.write("validation", run.step, validate(run.average, pairs, sheets / f"{run.step:06}-validation.png"))
            if run.step % settings.sheet_every == 0 or run.finished:
                triples = zip(low[:SHEET_ROWS], output[:SHEET_ROWS], truth[:SHEET_ROWS], strict=True)
                rows = [[from_tensor(t) for t in row] for row in triples]
                write_png(sheets / f"{run.step:06}-train.png", sheet(rows))
            if run.step % settings.checkpoint_every == 0:
                save(run, groups, out / CHECKPOINT)
    if process_group.is_first():
        save(run, groups, out / CHECKPOINT)


def psnr_db(output: Tensor, truth: Tensor) -> float:
    """Mean over the batch of each picture's PSNR; an equal one counts as 100 dB."""
    squares = (output.detach() - truth).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float(-10 * squares.log10().mean())
