"""Exports of the journal: JSON lines with rows and checkpoints, and syslog messages (RFC 5424)."""

import json
import logging
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Literal, TextIO

from davy.access.chain import Checkpoint, JournalRow, row_fields, row_of
from davy.atomic import sync_folder
from davy.domain.errors import ConfigError, UnreadableError

Format = Literal["json", "syslog"]
AUDIT = 13  # facility "log audit" of RFC 5424, section 6.2.1
NOTICE, INFORMATIONAL = 5, 6  # severities


@contextmanager
def output_file(path: Path | None) -> Iterator[TextIO]:
    """Open a new file, which this user alone may read, and flush it to the disk at the end; standard output for None.

    Raises:
        ConfigError: The file exists, or cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def json_line(item: JournalRow | Checkpoint) -> str:
    """A row, or a checkpoint as {"checkpoint": ...}, as one line of JSON."""
    return json.dumps({"checkpoint": asdict(item)} if isinstance(item, Checkpoint) else row_fields(item))


def read_export(path: Path) -> tuple[list[Checkpoint], Iterable[JournalRow]]:
    """Read a file of JSON lines.

    Raises:
        UnreadableError: A line is damaged.
        ConfigError: The file cannot be read.
    """
    checkpoints: list[Checkpoint] = []
    rows: list[JournalRow] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            if "checkpoint" in fields:
                checkpoints.append(Checkpoint(**fields["checkpoint"]))
            else:
                rows.append(row_of(fields))
        except (ValueError, TypeError, KeyError) as error:
            raise UnreadableError(f"{path}, line {number}: no row of the journal") from error
    return checkpoints, rows


def syslog_message(row: JournalRow) -> str:
    """A row in the format of RFC 5424, after its priority: the message is the row's JSON."""
    at = datetime.fromtimestamp(row.entry.at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"1 {at} {socket.gethostname()} davy - journal - {json_line(row)}"


def syslog_line(row: JournalRow) -> str:
    """The same with its priority."""
    return f"<{AUDIT * 8 + (NOTICE if row.entry.refused else INFORMATIONAL)}>{syslog_message(row)}"


def send_rows(rows: Iterable[JournalRow], server: str) -> int:
    """Send rows to a syslog server by UDP.

    Args:
        rows: Oldest first.
        server: HOST:PORT.

    Returns:
        The number of rows.

    Raises:
        ConfigError: The address has another form, or a row cannot be sent.
    """
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"{server!r} is no syslog server: write HOST:PORT, such as 10.0.0.5:514")
    handler, count = _Sender((host.strip("[]"), int(port)), AUDIT), 0
    handler.append_nul = False
    try:
        for row in rows:
            level = "notice" if row.entry.refused else "info"
            handler.emit(logging.makeLogRecord({"msg": syslog_message(row), "levelname": level}))
            count += 1
    finally:
        handler.close()
    return count


class _Sender(SysLogHandler):
    """A handler whose errors end the export."""

    def mapPriority(self, levelName: str) -> str:  # noqa: N802, N803  # the names of the standard library
        return levelName

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # as above
        error = sys.exc_info()[1]
        raise ConfigError(f"the syslog server cannot be reached: {error}") from error
