"""What all commands of `davy bench` say on the terminal: progress, where files are, errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.domain.errors import ConfigError, DavyError, InvalidInputError
from davy_bench.quality.scores import Tick

CONSOLE = Console(stderr=True)


def publish(paths: Sequence[Path]) -> None:
    """Say which files were written."""
    for path in paths:
        CONSOLE.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bars() -> Iterator[Callable[[str], Tick]]:
    """One bar per title."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE) as progress:

        def bar(title: str) -> Tick:
            task = progress.add_task(title, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield bar


@contextmanager
def bar(title: str) -> Iterator[Tick]:
    """A bar by itself."""
    with bars() as begin:
        yield begin(title)


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of "1280x720".

    Raises:
        ConfigError: it is something else.
    """
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"size {text!r} is not WIDTHxHEIGHT, as 1280x720 is")
    return int(width), int(height)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Errors that Davy raises on purpose end the command in one line: status 2 where the words were wrong, else 1."""
    try:
        yield
    except (DavyError, OSError) as error:
        CONSOLE.print(f"davy bench: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error
