"""`davy journal`: verify, export and list the audit journal of an aggregator."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from davy.access.chain import Checkpoint, Verdict, verify
from davy.access.journal import Notes, state_text
from davy.access.journal_keys import CHECKPOINT, journal_folder, keep_checkpoint, kept_checkpoint, known_keys
from davy.adapters.storage.journal_store import JournalQuery, JournalStore
from davy.domain.errors import ConfigError
from davy.models.keyring import signing_key
from davy_cli.directory import DEFAULT, Data, DatabaseUrl, entry_of_process, opened
from davy_cli.journal_export import Format, json_line, output_file, read_export, send_rows, syslog_line

app = typer.Typer(help="Verify, export and list the audit journal.", no_args_is_help=True, add_completion=False)


@app.command("list")
def list_(
    who: Annotated[str, typer.Option(help="Only this name.")] = "",
    operation: Annotated[str, typer.Option(help="Only operations that contain this text.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of rows.")] = 50,
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """List the newest rows, newest first."""
    with opened(data, database) as found:
        for row in JournalStore(found).query(JournalQuery(who or None, operation or None, limit=limit)):
            entry, at = row.entry, datetime.fromtimestamp(row.entry.at_ns / 1e9, UTC)
            caller = f"{entry.who} ({entry.role}, {entry.via}) from {entry.address or 'this process'}"
            line = f"{row.sequence:>7}  {at:%F %T}  {entry.answer:<5}  {caller}  {entry.operation}  {entry.target}"
            print("".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in line))  # strangers write targets


@app.command("verify")
def verify_(
    file: Annotated[Path | None, typer.Argument(help="Exported file; the database if absent.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Checkpoint that is kept elsewhere. Default: DATA/keys/journal/checkpoint.json.")
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="Folder of trust.json. Default: DATA/keys/journal.")] = None,
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """Verify the hash chain and the signed checkpoints. Exit status 1: a row is changed or missing."""
    folder = keys or journal_folder(data)
    if file is not None:
        checkpoints, rows = read_export(file)
        kept = kept_checkpoint(checkpoint) if checkpoint else None
        verdict = verify(rows, checkpoints, known_keys(folder), kept)
    else:
        kept = kept_checkpoint(checkpoint or folder / CHECKPOINT)
        with opened(data, database) as found:
            store = JournalStore(found)
            checkpoints = store.checkpoints()
            verdict = verify(store.rows(), checkpoints, known_keys(folder), kept)
    _check(verdict)
    unsigned = verdict.last - verdict.signed_to
    print(f"{verdict.rows} rows are intact, up to row {verdict.last}; signed up to row {verdict.signed_to}")
    if unsigned > 0:
        print(f"the last {unsigned} rows await the next checkpoint: their removal would not be noticed")


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="New file; standard output if absent.")] = None,
    form: Annotated[Format, typer.Option("--format", help="json: JSON lines, for `verify`. syslog: RFC 5424.")] = "json",
    after: Annotated[int, typer.Option(min=0, help="Only rows with a larger sequence.")] = 0,
    send: Annotated[str, typer.Option(help="Also send the rows to a syslog server by UDP: HOST:PORT.")] = "",
    then_remove: Annotated[bool, typer.Option(help="Sign the last row, verify the file, then remove its rows.")] = False,
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """Export the rows, oldest first."""
    if then_remove and (output is None or form != "json" or after):
        raise ConfigError("--then-remove needs --output FILE with every row: leave out --format and --after")
    with opened(data, database) as found:
        store = JournalStore(found)
        end = _sign(store, data) if then_remove else None
        until = end.sequence if end else None
        checkpoints = [each for each in store.checkpoints() if until is None or each.sequence <= until]
        with output_file(output) as file:
            for row in store.rows(after, until):
                file.write((json_line(row) if form == "json" else syslog_line(row)) + "\n")
            file.writelines(f"{json_line(each)}\n" for each in checkpoints if form == "json")
        if send:
            typer.echo(f"{send_rows(store.rows(after, until), send)} rows are sent to {send}", err=True)
        if end is not None and output is not None:
            _remove(store, data, output, end)


def _sign(store: JournalStore, data: Path) -> Checkpoint:
    """Sign the last row; return its checkpoint."""
    folder = journal_folder(data)
    if not any(folder.glob("*.pem")):
        raise ConfigError(f"{folder} holds no key of the journal: run this on the aggregator's machine")
    store.sign_end(signing_key(folder), time.time_ns())
    if not (checkpoints := store.checkpoints()):
        raise ConfigError("the journal is empty")
    return checkpoints[-1]


def _remove(store: JournalStore, data: Path, output: Path, end: Checkpoint) -> None:
    """Remove the rows that a file holds, once it is verified."""
    folder = journal_folder(data)
    exported, rows = read_export(output)
    verdict = verify(rows, exported, known_keys(folder), end)
    _check(verdict)
    change = state_text({"removed_to": end.sequence, "rows": verdict.rows, "hash": end.hash})
    entry = entry_of_process("davy journal export --then-remove", str(output), "ok", Notes(after=change))
    keep_checkpoint(folder, store.remove_to(end.sequence, entry, signing_key(folder)))
    print(f"{verdict.rows} rows up to row {end.sequence} are in {output} and removed from the database")


def _check(verdict: Verdict) -> None:
    if verdict.broken is not None:
        typer.echo(f"the journal is not intact: row {verdict.broken}: {verdict.reason}", err=True)
        raise typer.Exit(1)
