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

from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions, remove_partial_files
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import Errand, enhance_file, is_video, plan
from davy_enhancer.pipes import STDOUT, is_stream, remove_staged_files

GRACE_S = 0.5  # after Ctrl-C, for the pictures under way
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def enhance(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Pictures, videos, and folders with their sub-folders; - is standard input."),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A file or a folder; the suffix selects the format; - is standard output."),
    ],
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 is the identity, 1 the whole effect.")] = 1.0,
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="Quality of JPEG, lossy WebP and video; PNG and TIFF stay lossless.")
    ] = 90,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put raw and enhanced next to each other.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")] = False,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    output_format: Annotated[
        str, typer.Option("--format", help="Format of outputs in a folder and of standard output, such as png or mp4.")
    ] = "",
    threads: Annotated[int, typer.Option(min=0, help="Pictures to enhance at the same time; 0: one per CPU core.")] = 0,
) -> None:
    """Enhance images, folders and video files. Files that cannot be read are listed at the end."""
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
    failures, notes = _do(work.errands, still, OutputOptions(strength, quality, side_by_side), threads or os.cpu_count() or 1)
    left_alone = [f"{path}: left alone, it is no picture or video" for path in work.others]
    for line in (*left_alone, *notes, *failures):
        errors.print(line, markup=False, highlight=False)
    told = [f"{len(work.errands) - len(failures)} enhanced"]
    told += [f"{len(work.kept)} kept that existed (--overwrite replaces them)"] if work.kept else []
    told += [f"{len(work.others)} left alone that are no pictures or videos"] if work.others else []
    told += [f"{work.skipped} skipped that are hidden or of a system"] if work.skipped else []
    told += [f"{len(failures)} failed"] if failures else []
    print(", ".join(told), file=sys.stderr if is_stream(target, STDOUT) else sys.stdout)
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
        before = {number: signal.getsignal(number) for number in STOPPING[1:]}
        for number in before:
            if before[number] != signal.SIG_IGN:  # as nohup asks for
                signal.signal(number, _stop)
        try:
            for future in as_completed(work):
                try:
                    notes += future.result()
                except BrokenPipeError:
                    failures.append(f"{work[future].target}: its reader went away")
                except (DavyError, OSError) as error:
                    failures.append(f"{work[future].source}: {_text_of(error)}")
        except KeyboardInterrupt as stopped:
            for number in STOPPING:
                signal.signal(number, signal.SIG_IGN)  # a second one must not keep the files from being removed
            stop.set()
            executor.shutdown(wait=False, cancel_futures=True)
            wait(work, GRACE_S)
            progress.stop()
            remove_partial_files()
            remove_staged_files()
            console.print("davy enhance: stopped; finished files are kept", markup=False, highlight=False)
            sys.stderr.flush()
            os._exit(
                128 + (stopped.args[0] if stopped.args else signal.SIGINT)
            )  # a thread in the middle of a large picture would keep the process for seconds
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
