"""`davy migrate`: carry a data folder into PostgreSQL and an object storage."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from davy.access.chain import verify
from davy.access.journal import Notes
from davy.access.journal_keys import CHECKPOINT, journal_folder, kept_checkpoint, known_keys
from davy.adapters.storage import transfer
from davy.adapters.storage.database import Database
from davy.adapters.storage.engine import SQLITE_FILE
from davy.adapters.storage.folder_lock import hold_folder
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.legacy import FILES
from davy.adapters.storage.object_files import ObjectFiles
from davy.adapters.storage.object_transfer import ObjectTransfer
from davy.adapters.storage.opening import open_database, open_schema
from davy.adapters.storage.transfer import Carried, Transfer
from davy.domain.errors import ConfigError, TransferError
from davy.domain.recording import SUFFIX
from davy_cli.directory import DEFAULT, entry_of_process

REGISTRY, RECORDINGS = "registry", "recordings"  # folders of DATA, and of the object storage

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    source: Annotated[Path, typer.Option("--from", envvar="DAVY_AGGREGATOR_DATA", help="Data folder.")] = DEFAULT,
    target: Annotated[
        str, typer.Option("--to", envvar="DAVY_AGGREGATOR_DATABASE", help="postgresql://USER:PASSWORD@HOST/NAME, empty.")
    ] = "",
    objects: Annotated[
        str, typer.Option(help="s3://BUCKET/PREFIX and the like: models and recordings go there, too; they stay if absent.")
    ] = "",
) -> None:
    """Carry a data folder into PostgreSQL and an object storage.

    Run it while no aggregator uses the folder. After an interruption, run it again: it continues. The folder stays as it is.
    """
    if not any((source / name).exists() for name in (SQLITE_FILE, *FILES)):
        raise ConfigError(f"{source} holds no database")
    with ExitStack() as stack:
        stack.enter_context(hold_folder(source, "migrate"))
        old = _opened(stack, open_database(source))
        new = _opened(stack, open_schema(source, target))
        carrying = Transfer(old, new, str((source / SQLITE_FILE).resolve()))
        if carrying.begin():
            print(f"{source} is in {new.name} already: nothing is copied")
            return
        files = list(_object_transfers(source, objects))
        with _shown_progress() as progress:
            carrying.copy(progress)
            for each in files:
                each.copy(progress)
            carried = [*carrying.verify(progress), *(each.verify(progress) for each in files)]
        _print_table(carried)
        _verify_journal(new, source)
        carrying.complete()
        JournalStore(new).append([entry_of_process("davy migrate", new.name, "ok", Notes())])
    _print_settings(new.name, objects)


def _opened(stack: ExitStack, database: Database) -> Database:
    stack.callback(database.close)
    return database


def _object_transfers(source: Path, objects: str) -> Iterator[ObjectTransfer]:
    if objects:
        for name, pattern in ((REGISTRY, "*"), (RECORDINGS, f"*{SUFFIX}")):
            yield ObjectTransfer(name, source / name, ObjectFiles(f"{objects.rstrip('/')}/{name}"), pattern)


@contextmanager
def _shown_progress() -> Iterator[transfer.Progress]:
    columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = {}

        def show(name: str, done: int, total: int) -> None:
            if total:
                if name not in tasks:
                    tasks[name] = progress.add_task(name, total=total)
                progress.update(tasks[name], completed=done)

        yield show


def _print_table(carried: Sequence[Carried]) -> None:
    table = Table("table", "rows", "checksum of the folder", "checksum of the target")
    for each in carried:
        table.add_row(each.name, str(each.target.count), str(each.source), str(each.target))
    Console(width=120).print(table)


def _verify_journal(database: Database, data: Path) -> None:
    store, folder = JournalStore(database), journal_folder(data)
    kept = kept_checkpoint(folder / CHECKPOINT)
    if not (checkpoints := store.checkpoints()) and kept is None:
        return
    verdict = verify(store.rows(), checkpoints, known_keys(folder), kept)
    if verdict.broken is not None:
        raise TransferError("journal rows", [f"row {verdict.broken}: {verdict.reason}"])
    print(f"The journal's {verdict.rows} rows are intact, and signed up to row {verdict.signed_to}.")


def _print_settings(database: str, objects: str) -> None:
    print(f"Everything is there. Start the aggregator with:\nDAVY_AGGREGATOR_DATABASE={database}")
    if objects:
        print(f"DAVY_AGGREGATOR_REGISTRY={objects.rstrip('/')}/{REGISTRY}")
        print(f"DAVY_AGGREGATOR_RECORDINGS={objects.rstrip('/')}/{RECORDINGS}")
