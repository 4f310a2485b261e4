"""`davy recordings`: enhance recorded video again, and verify exports of it."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.access.journal_keys import journal_folder, known_keys, own_key
from davy.adapters.recording.evidence import verify_export
from davy.adapters.tls import Tls, TlsSettings
from davy.domain.errors import ConfigError, ModelRefusedError, UnreadableError
from davy.domain.secret_url import SecretUrl
from davy.domain.video import Variant
from davy.imaging.runtime import shipped_model

if TYPE_CHECKING:
    from davy_enhancer.recordings.archive import ArchiveReport, ArchiveRun
    from davy_enhancer.recordings.pools import WorkerPool
    from davy_enhancer.recordings.sources import SegmentSource

HELP = "Enhance recorded video again, and verify exports."
DEFAULT = "http://127.0.0.1:8080"
Keys = Annotated[Path | None, typer.Option(help="Folder of the key and of trust.json. Default: DATA/keys/journal.")]
Data = Annotated[Path, typer.Option(envvar="DAVY_AGGREGATOR_DATA", help="Data folder of an aggregator, for its key.")]

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False)


@app.callback()
def recordings() -> None:
    """Enhance recorded video again, and verify exports."""


@app.command()
def enhance(
    camera: Annotated[str, typer.Argument(help="edge.camera.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.zip", help="Archive: MP4 and a signed manifest.")],
    since: Annotated[datetime, typer.Option(help="First moment, in local time.")],
    until: Annotated[datetime, typer.Option(help="Last moment, exclusive, in local time.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the manifest.")],
    folder: Annotated[
        str, typer.Option("--recordings", help="Folder of recordings, or s3://BUCKET/FOLDER and the like, not an aggregator.")
    ] = "",
    console: Annotated[str, typer.Option(help="HTTP address of the aggregator.")] = DEFAULT,
    variant: Annotated[Variant, typer.Option(help="Recording to read: raw, or enhanced if no raw one exists.")] = "raw",
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 is the identity, 1 the full effect.")] = 1.0,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of the video.")] = 80,
    per_segment: Annotated[bool, typer.Option("--per-segment", help="Write one MP4 per segment.")] = False,
    processes: Annotated[int, typer.Option(min=0, help="Number of processes; 0: one per CPU core.")] = 0,
    ray: Annotated[
        str, typer.Option(help="Use a Ray cluster: ray://HOST:PORT, auto, or local to start one here. Needs the extra ray.")
    ] = "",
    keys: Keys = None,
    data: Data = Path("data/aggregator"),
) -> None:
    """Enhance a recording by another model or strength. A stopped run continues with the same command.

    If a segment is damaged, the archive lacks it, and the exit status is 1.
    """
    from davy_enhancer.recordings.archive import ArchiveRequest, ArchiveRun
    from davy_enhancer.recordings.segment import EnhancementSettings

    if target.exists():
        raise ConfigError(f"{target} exists: choose another name")
    settings = EnhancementSettings((model or shipped_model()).read_bytes(), strength, round(51 - 0.37 * quality))
    begin, end = since.astimezone(), until.astimezone()
    request = ArchiveRequest(camera, variant, begin, end, settings, per_segment, reason, getpass.getuser())
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _source(folder, console) as source, _pool(processes, ray) as pool:
            report = _run(ArchiveRun(request, source, target, own_key(keys or journal_folder(data))), pool)
    except KeyboardInterrupt:
        typer.echo("davy recordings: stopped; the same command continues", err=True)
        raise typer.Exit(130) from None
    for line in report.failures:
        typer.echo(line, err=True)
    kept = f" ({report.kept} of them before)" if report.kept else ""
    print(f"{report.enhanced} segments enhanced{kept}, {len(report.failures)} failed: {target}")
    if report.failures:
        raise typer.Exit(1)


@contextmanager
def _source(folder: str, console: str) -> "Iterator[SegmentSource]":
    from davy_enhancer.recordings.sources import AggregatorSource, FolderSource

    if folder:
        yield FolderSource(SecretUrl.of(folder))
        return
    with AggregatorSource.opened(console, Tls.of(TlsSettings())) as source:
        yield source


@contextmanager
def _pool(processes: int, ray: str) -> "Iterator[WorkerPool]":
    if ray:
        from davy_enhancer.recordings.ray_pool import RayPool

        with RayPool(ray) as cluster:
            yield cluster
        return
    from davy_enhancer.recordings.pools import ProcessPool

    with ProcessPool(processes) as pool:
        yield pool


def _run(run: "ArchiveRun", pool: "WorkerPool") -> "ArchiveReport":
    """Run, with a bar on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    terminal = Terminal(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        bar = progress.add_task("enhancing", total=None)
        return run.run(pool, lambda done, total: progress.update(bar, completed=done, total=total))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Exported ZIP.")],
    keys: Keys = None,
    data: Data = Path("data/aggregator"),
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
    if again := manifest.enhancement:
        print(f"enhanced again by {again.model} (SHA-256 {again.model_sha256}) at strength {again.strength:g}")
