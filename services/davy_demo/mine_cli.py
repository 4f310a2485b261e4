"""`davy mine`: the deprecated name of `davy demo` and `davy simulator`."""

from typing import Any

import typer
from typer.core import TyperGroup

from davy_demo.cli import demo
from davy_demo.scenario.cli import scenario
from davy_simulator.cli import pairs, render, serve, truths

NEW_NAMES = {
    "serve": "davy simulator serve",
    "render": "davy simulator render",
    "pairs": "davy simulator pairs",
    "truths": "davy simulator truths",
    "story": "davy demo scenario",
}


class OldNames(TyperGroup):
    """A group whose subcommands warn about their new names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  # private in Typer
        """Resolve a subcommand, with a warning except during shell completion."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and not ctx.resilient_parsing:
            typer.echo(f"warning: davy mine {name} is a deprecated name: use {NEW_NAMES[name]}", err=True)
        return name, command, rest


app = typer.Typer(cls=OldNames, add_completion=False, pretty_exceptions_enable=False)
app.callback(invoke_without_command=True)(demo)
for command in (serve, render, pairs, truths):
    app.command()(command)
app.command("story")(scenario)
