"""How a service begins and ends on the command line: its settings, its errors, its signals, its address."""

import asyncio
import signal
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError

from davy.domain.errors import ConfigError, DavyError
from davy.telemetry import get_logger

log = get_logger(__name__)


def chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; the environment and the defaults decide the others."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def reporting_errors(program: str) -> Iterator[None]:
    """Print errors of a service as lines without a traceback, and exit: 2 for settings and configuration, else 1.

    Args:
        program: As after `davy`; DAVY_PROGRAM_ begins the names of its settings.
    """
    try:
        yield
    except ValidationError as error:
        for each in error.errors():
            where = "__".join(map(str, each["loc"])).upper()
            name = f"DAVY_{program.upper()}_{where}" if where else f"davy {program}"
            typer.echo(f"{name}: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy {program}: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def run_until_signal(program: str, work: Awaitable[None]) -> None:
    """Await a service; SIGINT and SIGTERM cancel it, which ends it in order."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info(f"{program}.stopped")


def reachable(host: str) -> str:
    """Return an address at which a service that listens on host is reached from this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host
