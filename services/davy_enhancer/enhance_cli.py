"""`davy enhance IN OUT`: pictures, folders and videos from the command line."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import Errand, enhance_file, is_video, plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def enhance(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A picture, a video, or a folder with its sub-folders.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A file or a folder; the suffix selects the format.")],
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 is the identity, 1 the whole effect.")] = 1.0,
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="Quality of JPEG, lossy WebP and video; PNG and TIFF stay lossless.")
    ] = 90,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put raw and enhanced next to each other.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")] = False,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Pictures to enhance at the same time; 0: one per CPU core.")] = 0,
) -> None:
    """Enhance an image, a folder or a video file. Files that cannot be read are listed at the end."""
    errors = Console(stderr=True, soft_wrap=True)
    try:
        work = plan(source, target, overwrite)
        still = StillEnhancer(model)
    except InvalidInputError as error:
        errors.print(f"davy enhance: {error}", markup=False, highlight=False)
        raise typer.Exit(2) from error
    except DavyError as error:
        errors.print(f"davy enhance: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from error
    failures, notes = _do(work.errands, still, OutputOptions(strength, quality, side_by_side), threads or os.cpu_count() or 1)
    for line in (*notes, *failures):
        errors.print(line, markup=False, highlight=False)
    told = [f"{len(work.errands) - len(failures)} enhanced"]
    told += [f"{len(work.kept)} kept that existed (--overwrite replaces them)"] if work.kept else []
    told += [f"{len(work.others)} left alone that are no pictures or videos"] if work.others else []
    told += [f"{len(failures)} failed"] if failures else []
    print(", ".join(told))
    if failures:
        raise typer.Exit(1)


def _do(errands: list[Errand], still: StillEnhancer, look: OutputOptions, threads: int) -> tuple[list[str], list[str]]:
    """Returns what failed and what is worth telling, one line each."""
    failures: list[str] = []
    notes: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("enhancing", total=len(errands))
        executor = ThreadPoolExecutor(threads, thread_name_prefix="enhance")
        try:
            for errand, future in _finished(executor, errands, still, look, lambda part: progress.advance(bar, part)):
                try:
                    notes += future.result()
                except (DavyError, OSError) as error:
                    failures.append(f"{errand.source}: {error}")
        finally:  # Ctrl-C: what has not begun does not begin; what has leaves no half file
            executor.shutdown(wait=True, cancel_futures=True)
    return failures, notes


def _finished(
    executor: ThreadPoolExecutor,
    errands: list[Errand],
    still: StillEnhancer,
    look: OutputOptions,
    advance: Callable[[float], None],
) -> Iterable[tuple[Errand, "Future[list[str]]"]]:
    """Pictures side by side; videos one after the other, for each of them keeps every core busy."""
    one_video = threading.Lock()

    def do(errand: Errand) -> list[str]:
        share = _Share(advance)
        try:
            if is_video(errand.target):
                with one_video:
                    return enhance_file(errand, still, look, share.reach)
            return enhance_file(errand, still, look, share.reach)
        finally:
            share.reach(1.0)

    futures = {executor.submit(do, errand): errand for errand in errands}
    for future in as_completed(futures):
        yield futures[future], future


class _Share:
    """One file's share of the bar: told how far it is, passes on how much further it got."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance, self._reached = advance, 0.0

    def reach(self, part: float) -> None:
        self._advance(part - self._reached)
        self._reached = part
