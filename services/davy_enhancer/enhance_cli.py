"""`davy enhance IN OUT`: pictures, folders and videos from the command line."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.domain.dials import Preset, dials_of
from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions, remove_partial_files
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import Errand, enhance_file, is_video, plan

GRACE_S = 0.5  # after Ctrl-C, for the pictures under way
INTERRUPTED = 130  # exit code: 128 + SIGINT

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def enhance(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A picture, a video, or a folder with its sub-folders.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A file or a folder; the suffix selects the format.")],
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 is the identity, 1 the whole effect.")] = 1.0,
    preset: Annotated[Preset | None, typer.Option(help="Dials for a kind of place; a dial that is given replaces it.")] = None,
    brightness: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 darker, 0 neutral, 1 brighter.")] = None,
    local_contrast: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 flatter, 0 neutral, 1 more.")] = None,
    noise: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 keeps all grain, 1 smooths most.")] = None,
    colour: Annotated[float | None, typer.Option(min=0, max=2, help="0 monochrome, 1 neutral, 2 twice the saturation.")] = None,
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
    look = OutputOptions(strength, quality, side_by_side, dials_of(preset, brightness, local_contrast, noise, colour))
    failures, notes = _do(work.errands, still, look, threads or os.cpu_count() or 1)
    left_alone = [f"{path}: left alone, it is no picture or video" for path in work.others]
    for line in (*left_alone, *notes, *failures):
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
        executor, stop = ThreadPoolExecutor(threads, thread_name_prefix="enhance"), threading.Event()
        work = _start(executor, errands, still, look, lambda part: progress.advance(bar, part), stop)
        try:
            for future in as_completed(work):
                try:
                    notes += future.result()
                except (DavyError, OSError) as error:
                    failures.append(f"{work[future].source}: {error}")
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not keep the files from being removed
            stop.set()
            executor.shutdown(wait=False, cancel_futures=True)
            wait(work, GRACE_S)
            progress.stop()
            remove_partial_files()
            console.print("davy enhance: stopped; finished files are kept", markup=False, highlight=False)
            sys.stderr.flush()
            os._exit(INTERRUPTED)  # a thread in the middle of a large picture would keep the process for seconds
        executor.shutdown()
    return failures, notes


def _start(
    executor: ThreadPoolExecutor,
    errands: list[Errand],
    still: StillEnhancer,
    look: OutputOptions,
    advance: Callable[[float], None],
    stop: threading.Event,
) -> "dict[Future[list[str]], Errand]":
    """Start pictures side by side, videos one after the other: each video keeps every core busy."""
    one_video = threading.Lock()

    def do(errand: Errand) -> list[str]:
        share = _Share(advance, stop)
        share.reach(0.0)
        try:
            if is_video(errand.target):
                with one_video:
                    return enhance_file(errand, still, look, share.reach)
            return enhance_file(errand, still, look, share.reach)
        finally:
            if not stop.is_set():
                share.reach(1.0)

    return {executor.submit(do, errand): errand for errand in errands}


class _Stopped(Exception):  # noqa: N818  # no error: the user stops the program
    pass


class _Share:
    """One file's share of the progress bar."""

    def __init__(self, advance: Callable[[float], None], stop: threading.Event) -> None:
        self._advance, self._stop, self._reached = advance, stop, 0.0

    def reach(self, part: float) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._advance(part - self._reached)
        self._reached = part
