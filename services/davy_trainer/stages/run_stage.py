"""Each stage as one call that starts or resumes it, shows a bar, and returns whether it is finished."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from rich.progress import Progress

from davy.imaging.clip import Clip, PromptPair, load_clip, load_prompts
from davy_trainer.cli.terminal import CONSOLE, command_line, progress_bar
from davy_trainer.data.loader import batches, prefetch
from davy_trainer.data.mixed_batches import make_mixed
from davy_trainer.data.photographs import Group, load_groups
from davy_trainer.data.unpaired import checksum_of_files
from davy_trainer.distributed import process_group
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.objectives.content_exposure import content_exposure
from davy_trainer.objectives.exposure_target import ExposureTarget, prior_of
from davy_trainer.runs import prompt_run
from davy_trainer.runs.device import Device, move
from davy_trainer.runs.progress import ReportProgress
from davy_trainer.runs.run import (
    CHECKPOINT,
    Run,
    begin_from,
    fingerprint,
    resume,
    resume_training,
    save_training,
    settings_of,
    stored_settings,
)
from davy_trainer.runs.weights import begin_self_supervised, load_weights, weights_file
from davy_trainer.stages import enhance, pair, refine, self_supervised
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import EnhanceSettings, PairSettings, PromptSettings, RefineSettings

SHOWN = {"loss": "loss {:.4f}"}


def run_self_supervised(settings: SelfSupervisedSettings, out: Path, stop: Stop) -> bool:
    """Run stage 0 in out, from its checkpoint if there is one; return whether it is finished."""
    groups, path = read_groups(settings), out / CHECKPOINT
    out.mkdir(parents=True, exist_ok=True)
    run = (
        resume(settings, settings_of(path)[1], groups, path)
        if path.exists()
        else begin_self_supervised(settings, command_line())
    )
    train_self_supervised(run, groups, out, stop)
    return run.finished


def train_self_supervised(run: Run, groups: Sequence[Group], out: Path, stop: Stop) -> None:
    """Train a run of stage 0 with a progress bar until it is finished or stop() is true."""
    settings, device = run.settings, Device.of(run.settings)
    torch.set_num_threads(settings.threads)
    pairs = load_validation(settings.validation)
    shown = {"loss": "loss {:.4f}", "psnr_db": "PSNR {:.2f} dB"}
    bar = progress_bar(out.name, shown, run.step, run.total)
    move(run, device.device)
    with batches(groups, settings, run.step) as source, bar as report:
        outputs = Outputs(out, {"photographs": fingerprint(groups)}, report)
        self_supervised.train(run, source, pairs, outputs, device, stop)


def run_pair(settings: PairSettings, out: Path, stop: Stop) -> bool:
    """Run stage 1 in out, from its checkpoint if there is one; return whether it is finished."""
    return _run_prompts(settings, out, partial(pair.train, settings), stop)


def run_refine(settings: RefineSettings, out: Path, stop: Stop) -> bool:
    """Run stage 3 in out, from its checkpoint if there is one; return whether it is finished."""
    return _run_prompts(settings, out, partial(refine.train, settings), stop)


class _StoppedError(Exception):
    """A stop was requested while pictures are embedded."""


PromptTrain = Callable[[Clip, Path, bool, Callable[[], None], ReportProgress, Stop], prompt_run.PromptRun]


def _run_prompts(settings: PromptSettings, out: Path, train: PromptTrain, stop: Stop) -> bool:
    torch.set_num_threads(settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    embedded = 0
    with progress_bar(out.name, SHOWN) as advance:

        def tick() -> None:
            nonlocal embedded
            embedded += 1
            advance(embedded, None, {})
            if stop():
                raise _StoppedError

        try:
            train(
                load_clip(settings.clip, Device.of(settings).device),
                out,
                (out / prompt_run.CHECKPOINT).exists(),
                tick,
                advance,
                stop,
            )
        except _StoppedError:
            return False
    return (out / prompt_run.PROMPTS).exists()


def run_enhance(settings: EnhanceSettings, out: Path, stop: Stop, exposure: ExposureTarget | None = None) -> bool:
    """Run stage 2 in out, from its checkpoint if there is one; return whether it is finished.

    Args:
        exposure: Target of the mean luma; None takes the target of the settings.
    """
    path, device = out / CHECKPOINT, Device.of(settings)
    torch.set_num_threads(settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    low = read_groups(settings.reading)
    normal = read_groups(settings.replay) if settings.replay else []
    initial = weights_file(settings.initial_weights)
    sources = [initial, settings.prompts] if settings.prompts and settings.uses_prompts else [initial]
    known = {
        "photographs": fingerprint(normal),
        "low-light pictures": fingerprint(low),
        "initial weights or prompts": checksum_of_files(sources),
    }
    resuming = path.exists()
    process_group.barrier()  # before rank 0 writes it
    if resuming:
        run = resume_training(settings, stored_settings(path, EnhanceSettings)[1], known, path)
    else:
        torch.manual_seed(settings.seed)
        run = begin_from(load_weights(initial).train(), settings, command_line(), settings.steps)
        if process_group.is_first():
            save_training(run, known, path)  # a run that is killed before its first checkpoint can resume, too
    clip = load_clip(settings.clip, device.device) if settings.uses_clip else None
    exposure = exposure or _exposure(settings, clip, normal)
    initial_net = load_weights(initial).to(device.device)
    teachers = enhance.FrozenTeachers(initial_net, exposure, clip, _prompts(settings, clip))
    pairs = load_validation(settings.validation)
    for batch in (settings.batch, settings.replay.batch if settings.replay else settings.batch):
        process_group.local_indices(batch)  # reject an odd batch before any work
    move(run, device.device)
    make = partial(make_mixed, low, normal, settings, process=process_group.rank())
    bar = progress_bar(out.name, {"loss": "loss {:.4f}", "luma": "luma {:.3f}"}, run.step, run.total)
    with prefetch(make, run.step, settings.workers, settings.prefetch) as source, bar as report:
        enhance.train(run, teachers, source, pairs, Outputs(out, known, report), device, stop)
    return run.finished


def _exposure(settings: EnhanceSettings, clip: Clip | None, normal: Sequence[Group]) -> ExposureTarget:
    """Return the target by content if there is a CLIP, else the prior of the photographs."""
    if clip is None or not normal or settings.exposure == "prior" or settings.exposure_weight == 0:
        return prior_of(normal)
    with Progress(console=CONSOLE, transient=True) as bar:
        task = bar.add_task("estimating exposure targets")
        return content_exposure(clip, normal, settings.seed, lambda done, total: bar.update(task, completed=done, total=total))


def _prompts(settings: EnhanceSettings, clip: Clip | None) -> torch.Tensor | None:
    if clip is None or settings.prompts is None or not settings.uses_prompts:
        return None
    pair: PromptPair = load_prompts(settings.prompts, clip)
    with torch.no_grad():
        found: torch.Tensor = pair()
    return found


def read_groups(settings: SelfSupervisedSettings) -> list[Group]:
    """Read the pictures of settings.data, with a bar; print a line for each group."""
    with Progress(console=CONSOLE, transient=True, disable=not process_group.is_first()) as bar:
        task = bar.add_task("reading photographs")
        groups = load_groups(settings, lambda done, total: bar.update(task, completed=done, total=total))
    for group in groups if process_group.is_first() else ():
        CONSOLE.print(_described(group), highlight=False)
    return groups


def _described(group: Group) -> str:
    counts = {"unreadable": len(group.unreadable), "not well lit": group.unlit}
    skipped = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
    note = f" ({skipped} skipped)" if skipped else ""
    return f"{group.name}: {len(group.pictures)} photographs, weight {group.weight:g}{note}"
