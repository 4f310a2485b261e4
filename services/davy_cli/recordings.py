"""`davy recordings`: verify exports of recorded video."""

from pathlib import Path
from typing import Annotated

import typer

from davy.access.journal_keys import journal_folder, known_keys
from davy.adapters.recording.evidence import verify_export
from davy.domain.errors import ModelRefusedError, UnreadableError

app = typer.Typer(help="Verify exports of recorded video.", no_args_is_help=True, add_completion=False)


@app.callback()
def recordings() -> None:
    """Verify exports of recorded video."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Exported ZIP.")],
    keys: Annotated[Path | None, typer.Option(help="Folder of trust.json. Default: DATA/keys/journal.")] = None,
    data: Annotated[
        Path, typer.Option(envvar="DAVY_AGGREGATOR_DATA", help="Data folder of the aggregator that exported it.")
    ] = Path("data/aggregator"),
) -> None:
    """Verify every byte of an export and its signature. Exit status 1: a byte was changed, or the key is unknown."""
    try:
        manifest, key = verify_export(file, known_keys(keys or journal_folder(data)))
    except (UnreadableError, ModelRefusedError) as error:
        typer.echo(f"the export is not intact: {error}", err=True)
        raise typer.Exit(1) from error
    print(f"intact: {len(manifest.files)} files, {len(manifest.segments)} segments; signed by key {key}")
    print(f"exported by {manifest.exported_by} of site {manifest.site} at {manifest.exported_at:%F %T} UTC: {manifest.reason}")
    models = sorted({f"{each.model} at strength {each.strength:g}" for each in manifest.segments if each.model})
    print(f"from {manifest.start_at:%F %T} to {manifest.end_at:%F %T} UTC; enhanced by {', '.join(models) or 'no model'}")
