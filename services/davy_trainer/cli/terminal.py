"""The terminal of all training commands: errors in one sentence, Ctrl-C, a progress bar, NAME=VALUE."""

import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.domain.errors import DavyError, InvalidInputError
from davy_trainer.distributed import process_group
from davy_trainer.runs.progress import ProgressWriter, ReportProgress
from davy_trainer.stages.migration import renamed_settings

CONSOLE = Console(stderr=True)


def command_line() -> str:
    """Return the command line, for the checkpoint."""
    return shlex.join(["davy", *sys.argv[1:]])


@contextmanager
def clear_errors() -> Iterator[None]:
    """End the command with a one-sentence error: status 2 for invalid input, else 1."""
    try:
        yield
    except ValidationError as error:
        for each in error.errors():
            where = ".".join(map(str, each["loc"]))
            CONSOLE.print(f"davy train: {where + ': ' if where else ''}{each['msg']}", markup=False, highlight=False)
        raise typer.Exit(2) from error
    except (DavyError, OSError) as error:
        CONSOLE.print(f"davy train: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or SIGTERM arrived; the step then ends with a checkpoint. A second signal kills."""
    requested = threading.Event()

    def request(number: int, _frame: FrameType | None) -> None:
        requested.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(title: str, shown: Mapping[str, str], done: int = 0, total: int | None = None) -> Iterator[ReportProgress]:
    """Show a bar with the values of `shown`, each in its format: {"loss": "loss {:.4f}"}; means over about 20 steps."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, disable=not process_group.is_first()) as bar:
        task = bar.add_task(title, total=total, completed=done)
        mean: dict[str, float] = {}

        writer = ProgressWriter(title)

        def advance(done: int, total: int | None, values: Mapping[str, float]) -> None:
            writer.write(done, total, values)
            for name, value in values.items():
                mean[name] = mean.get(name, value) * 0.95 + value * 0.05
            texts = [form.format(mean[name]) for name, form in shown.items() if name in mean]
            bar.update(task, completed=done, total=total, description="  ".join([title, *texts]))

        yield advance


def parse_settings(assignments: list[str], kind: type[BaseModel]) -> dict[str, Any]:
    """Parse NAME=VALUE as settings of a kind; a value is JSON if it parses, else text; a.b=1 sets b inside a.

    Deprecated names print a warning.

    Raises:
        typer.BadParameter: A name is not a setting.
    """
    values: dict[str, Any] = {}
    renamed = renamed_settings(kind)
    for assignment in assignments:
        path, _, text = assignment.partition("=")
        name, _, inner = path.partition(".")
        if name in renamed and name not in kind.model_fields:
            CONSOLE.print(f"warning: {name} is a deprecated name: use {renamed[name]}", highlight=False)
            name = renamed[name]
        if name not in kind.model_fields:
            raise typer.BadParameter(f"{name!r} is not a setting: {', '.join(kind.model_fields)}")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        if inner:
            values.setdefault(name, {})[inner] = value
        else:
            values[name] = value
    return values


def parse_numbers(assignments: list[str]) -> dict[str, float]:
    """Parse GROUP=NUMBER assignments.

    Raises:
        typer.BadParameter: A value is not a number.
    """
    try:
        return {name: float(number) for name, _, number in (each.rpartition("=") for each in assignments)}
    except ValueError as error:
        raise typer.BadParameter("write --weight GROUP=NUMBER, as in --weight lol=0.28") from error
