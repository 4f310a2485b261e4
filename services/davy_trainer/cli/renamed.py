"""Deprecated names of `davy train` commands and options."""

from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {"pack": "package", "samples": "photographs"}  # before 0.2
OPTIONS = {("base", "--start"): "--weights", ("pack-data", "--most-mb"): "--max-mb"}  # by command, before 0.2


class RenamedCommands(TyperGroup):
    """A group that accepts deprecated names of commands and options, with a warning."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  # private in Typer
        """Resolve a command by its present or its deprecated name."""
        present = [self._present(args[0], argument) for argument in args]
        if not ctx.resilient_parsing:  # silent during shell completion
            for old, new in zip(args, present, strict=True):
                if old != new:
                    typer.echo(f"warning: davy train: {old} is a deprecated name: use {new}", err=True)
        resolved: tuple[str | None, Any, list[str]] = super().resolve_command(ctx, present)
        return resolved

    @staticmethod
    def _present(command: str, argument: str) -> str:
        if argument == command:
            return COMMANDS.get(argument, argument)
        option, equals, value = argument.partition("=")
        return f"{OPTIONS.get((command, option), option)}{equals}{value}"
