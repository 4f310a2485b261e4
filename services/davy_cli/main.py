"""The `davy` command: one tree of commands. It imports a program only on use, so that each needs only its own extra."""

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # not re-exported explicitly
from typer.core import TyperGroup

import davy
from davy.domain.errors import DavyError, MissingExtraError
from davy_cli.crash import limit_reached, write_crashes
from davy_cli.programs import PROGRAMS

SERVICES = ("edge", "aggregator", "analyser", "enhancer", "trainer", "company")


class LazyGroup(TyperGroup):
    """A group of stubs for help and completion; it imports a program on use."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  # as of load
        """Replace the stub of a program by the program."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in PROGRAMS:
            return name, command, rest
        try:
            return name, load(name), rest
        except MissingExtraError:
            if ctx.resilient_parsing:  # a missing extra must not break completion
                return name, command, rest
            raise

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  # as of load
        """Print a program's DavyError as one line, and exit with status 1."""
        try:
            return super().invoke(ctx)
        except DavyError as error:
            prefix = "" if isinstance(error, MissingExtraError) else f"davy {ctx.invoked_subcommand}: "
            typer.echo(f"{prefix}{error}", err=True)
            raise typer.Exit(1) from error
        except (RuntimeError, MemoryError) as error:
            if not (remedy := limit_reached(error)):
                raise
            typer.echo(f"davy {ctx.invoked_subcommand}: {remedy}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _stub() -> None:
    """Stand in for a program before its import."""


for _name, _program in PROGRAMS.items():
    app.command(_name, help=_program.help, hidden=_program.hidden)(_stub)


def load(name: str) -> Any:  # noqa: ANN401  # Typer keeps the class of its commands private
    """Import a program and return its command.

    Raises:
        MissingExtraError: a required package is not installed.
    """
    program = PROGRAMS[name]
    try:
        module = importlib.import_module(program.module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("davy"):
            raise
        raise MissingExtraError(f"davy {name}", str(error.name), program.extra) from error
    return typer.main.get_command(module.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"davy {davy.__version__}")
        raise typer.Exit


@app.callback()
def davy_command(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # its callback prints
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Enhance the cameras of underground mines."""
    if context.invoked_subcommand in PROGRAMS and any(name.startswith("DAVY_") for name in os.environ):
        from davy_cli.environment import apply_old_names, warnings_of  # pydantic: not for every completion

        for line in [*apply_old_names(os.environ), *warnings_of(os.environ)]:
            typer.echo(line, err=True)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder for the new files.")] = Path(),
) -> None:
    """Write a template of site.yaml, and its JSON Schema for editors. Existing files are never overwritten."""
    from davy_cli.init import write_site

    for path in write_site(folder):
        typer.echo(path)


@app.command()
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Shell.")],
) -> None:
    """Print a completion script: eval "$(davy completion bash)". To install it, use davy --install-completion."""
    typer.echo(get_completion_script(prog_name="davy", complete_var="_DAVY_COMPLETE", shell=shell))


def main() -> int:
    """Run the command line.

    Returns:
        The exit status: 0 success, 1 failure, 2 usage error.
    """
    write_crashes()
    if sys.argv[1:2] and sys.argv[1] in SERVICES:
        os.umask(0o027)  # pictures and events are for this user and its group, which may share a registry
    try:
        app(prog_name="davy")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
