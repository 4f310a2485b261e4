"""Deprecated names of `davy train` commands."""

from typing import Any

import typer
from typer.core import TyperGroup

RENAMED = {"pack": "package", "samples": "photographs"}  # before 0.2


class RenamedCommands(TyperGroup):
    """A group that accepts deprecated names of commands, with a warning."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  # private in Typer
        """Resolve a command by its present or its deprecated name."""
        if args and args[0] in RENAMED:
            if not ctx.resilient_parsing:  # silent during shell completion
                typer.echo(f"warning: davy train {args[0]} is a deprecated name: use davy train {RENAMED[args[0]]}", err=True)
            args = [RENAMED[args[0]], *args[1:]]
        resolved: tuple[str | None, Any, list[str]] = super().resolve_command(ctx, args)
        return resolved
