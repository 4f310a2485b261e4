"""Terminal output of `davy bench`: progress bars, written files, errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.domain.errors import ConfigError, DavyError, InvalidInputError
from davy_bench.quality.scores import ProgressCallback

CONSOLE = Console(stderr=True)


def print_written(paths: Sequence[Path]) -> None:
    """Print the paths of the written files."""
    for path in paths:
        CONSOLE.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bars() -> Iterator[Callable[[str], ProgressCallback]]:
    """Show one progress bar per title."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE) as progress:

        def bar(title: str) -> ProgressCallback:
            task = progress.add_task(title, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield bar


@contextmanager
def bar(title: str) -> Iterator[ProgressCallback]:
    """Show a single progress bar."""
    with bars() as add_bar:
        yield add_bar(title)


def parse_size(text: str) -> tuple[int, int]:
    """Read (width, height) from text such as "1280x720".

    Raises:
        ConfigError: the text has another form.
    """
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"size {text!r} is not WIDTHxHEIGHT, such as 1280x720")
    return int(width), int(height)


@contextmanager
def report_errors(command: str = "davy bench") -> Iterator[None]:
    """Print an expected error of a command in one line and exit, with status 2 for a usage error, else 1."""
    try:
        yield
    except (DavyError, OSError) as error:
        CONSOLE.print(f"{command}: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error
