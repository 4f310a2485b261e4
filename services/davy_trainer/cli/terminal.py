"""What every training command shares on the terminal: errors in one sentence, Ctrl-C, a progress bar, NAME=VALUE."""

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

CONSOLE = Console(stderr=True)


def command_line() -> str:
    """The command as it was typed, for a checkpoint to carry."""
    return shlex.join(["davy", *sys.argv[1:]])


@contextmanager
def clear_errors() -> Iterator[None]:
    """Errors end the command with a sentence: status 2 where the words were wrong, 1 otherwise."""
    try:
        yield
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(map(str, fault["loc"]))
            CONSOLE.print(f"davy train: {where + ': ' if where else ''}{fault['msg']}", markup=False, highlight=False)
        raise typer.Exit(2) from error
    except (DavyError, OSError) as error:
        CONSOLE.print(f"davy train: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM lets the step finish and a checkpoint be written; the second kills."""
    asked = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(title: str, shown: Mapping[str, str], done: int = 0, total: int | None = None) -> Iterator[ReportProgress]:
    """A bar with the values that `shown` names, each in its format: {"loss": "loss {:.4f}"}; means of about 20 steps."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, disable=not process_group.is_first()) as bar:
        task = bar.add_task(title, total=total, completed=done)
        mean: dict[str, float] = {}

        writer = ProgressWriter(title)

        def advance(done: int, total: int | None, values: Mapping[str, float]) -> None:
            writer.write(done, total, values)
            for name, value in values.items():
                mean[name] = mean.get(name, value) * 0.95 + value * 0.05
            words = [form.format(mean[name]) for name, form in shown.items() if name in mean]
            bar.update(task, completed=done, total=total, description="  ".join([title, *words]))

        yield advance


def settings_of_words(words: list[str], kind: type[BaseModel]) -> dict[str, Any]:
    """NAME=VALUE words as settings of a kind; values are JSON where they can be; a.b=1 sets b inside a.

    Raises:
        typer.BadParameter: a name is no setting.
    """
    values: dict[str, Any] = {}
    for word in words:
        path, _, text = word.partition("=")
        name, _, inner = path.partition(".")
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


def numbers_of_words(words: list[str]) -> dict[str, float]:
    """GROUP=NUMBER words as a table.

    Raises:
        typer.BadParameter: it is no number.
    """
    try:
        return {name: float(number) for name, _, number in (word.rpartition("=") for word in words)}
    except ValueError as error:
        raise typer.BadParameter("write --weight GROUP=NUMBER, as in --weight lol=0.28") from error
