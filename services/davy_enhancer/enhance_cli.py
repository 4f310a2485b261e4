"""`davy enhance IN OUT`: enhance images, folders and videos from the command line."""

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
from davy_enhancer.files import FileTask, enhance_file, is_video, plan
from davy_enhancer.pipes import STDOUT, is_stream, remove_staged_files

GRACE_S = 0.5  # after Ctrl-C, for images in progress
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def enhance(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Images, videos and folders with their subfolders; - is standard input."),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A file or a folder; the suffix selects the format; - is standard output."),
    ],
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 is the identity, 1 the full effect.")] = 1.0,
    preset: Annotated[Preset | None, typer.Option(help="Dials for a kind of place; a dial that is given replaces it.")] = None,
    brightness: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 darker, 0 neutral, 1 brighter.")] = None,
    local_contrast: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 flatter, 0 neutral, 1 more.")] = None,
    noise: Annotated[float | None, typer.Option(min=-1, max=1, help="-1 keeps all grain, 1 smooths most.")] = None,
    colour: Annotated[float | None, typer.Option(min=0, max=2, help="0 monochrome, 1 neutral, 2 twice the saturation.")] = None,
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="Quality of JPEG, lossy WebP and video; PNG and TIFF stay lossless.")
    ] = 90,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Write raw and enhanced next to each other.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing output files.")] = False,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    output_format: Annotated[
        str, typer.Option("--format", help="Format of outputs in a folder and of standard output, such as png or mp4.")
    ] = "",
    threads: Annotated[int, typer.Option(min=0, help="Images to enhance at the same time; 0: one per CPU core.")] = 0,
) -> None:
    """Enhance images, folders and video files. Unreadable files are listed at the end."""
    errors = Console(stderr=True, soft_wrap=True)
    try:
        suffix = f".{output_format.lower().removeprefix('.')}" if output_format else ""
        work = plan(sources, target, overwrite, suffix)
        still = StillEnhancer(model)
    except InvalidInputError as error:
        errors.print(f"davy enhance: {error}", markup=False, highlight=False)
        raise typer.Exit(2) from error
    except DavyError as error:
        errors.print(f"davy enhance: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from error
    options = OutputOptions(strength, quality, side_by_side, dials_of(preset, brightness, local_contrast, noise, colour))
    failures, notes = _enhance_all(work.tasks, still, options, threads or os.cpu_count() or 1)
    skipped = [f"{path}: skipped, no image or video" for path in work.others]
    for line in (*skipped, *notes, *failures):
        errors.print(line, markup=False, highlight=False)
    summary = [f"{len(work.tasks) - len(failures)} enhanced"]
    summary += [f"{len(work.kept)} existing kept (--overwrite replaces them)"] if work.kept else []
    summary += [f"{len(work.others)} skipped (no image or video)"] if work.others else []
    summary += [f"{work.skipped} skipped (hidden or system files)"] if work.skipped else []
    summary += [f"{len(failures)} failed"] if failures else []
    print(", ".join(summary), file=sys.stderr if is_stream(target, STDOUT) else sys.stdout)
    if failures:
        raise typer.Exit(1)


def _enhance_all(
    tasks: list[FileTask], still: StillEnhancer, options: OutputOptions, threads: int
) -> tuple[list[str], list[str]]:
    """Enhance all files. Return failures and notes, one line each."""
    failures: list[str] = []
    notes: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("enhancing", total=len(tasks))
        executor, stop = ThreadPoolExecutor(threads, thread_name_prefix="enhance"), threading.Event()
        futures = _start(executor, tasks, still, options, lambda share: progress.advance(bar, share), stop)
        before = {number: signal.getsignal(number) for number in STOPPING[1:]}
        for number in before:
            if before[number] != signal.SIG_IGN:  # as nohup asks for
                signal.signal(number, _stop)
        try:
            for future in as_completed(futures):
                try:
                    notes += future.result()
                except BrokenPipeError:
                    failures.append(f"{futures[future].target}: its reader went away")
                except (DavyError, OSError) as error:
                    failures.append(f"{futures[future].source}: {_text_of(error)}")
        except KeyboardInterrupt as stopped:
            for number in STOPPING:
                signal.signal(number, signal.SIG_IGN)  # a second one must not prevent the cleanup
            stop.set()
            executor.shutdown(wait=False, cancel_futures=True)
            wait(futures, GRACE_S)
            progress.stop()
            remove_partial_files()
            remove_staged_files()
            console.print("davy enhance: stopped; finished files are kept", markup=False, highlight=False)
            sys.stderr.flush()
            # a thread with a large image would delay the exit by seconds
            os._exit(128 + (stopped.args[0] if stopped.args else signal.SIGINT))
        executor.shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)
    return failures, notes


def _stop(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


def _text_of(error: DavyError | OSError) -> str:
    """An operating system's error without its number: "Is a directory: 'b.jpg'"."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename!r}" if error.filename else error.strerror
    return str(error)


def _start(
    executor: ThreadPoolExecutor,
    tasks: list[FileTask],
    still: StillEnhancer,
    options: OutputOptions,
    advance: Callable[[float], None],
    stop: threading.Event,
) -> "dict[Future[list[str]], FileTask]":
    """Start images in parallel and videos one by one: each video keeps every core busy."""
    one_video = threading.Lock()

    def do(task: FileTask) -> list[str]:
        share = _Share(advance, stop)
        share.reach(0.0)
        try:
            if is_video(task.target):
                with one_video:
                    return enhance_file(task, still, options, share.reach)
            return enhance_file(task, still, options, share.reach)
        finally:
            if not stop.is_set():
                share.reach(1.0)

    return {executor.submit(do, task): task for task in tasks}


class _Stopped(Exception):  # noqa: N818  # no error: the user stopped the program
    pass


class _Share:
    """Share of one file in the progress bar."""

    def __init__(self, advance: Callable[[float], None], stop: threading.Event) -> None:
        self._advance, self._stop, self._reached = advance, stop, 0.0

    def reach(self, share: float) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._advance(share - self._reached)
        self._reached = share
