"""Atomic writes, and failpoints at which fault tests kill the process."""

import os
import signal
from pathlib import Path

FAILPOINT = "DAVY_FAILPOINT"


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file atomically: readers see the old content or the new one, even after a power failure.

    Args:
        path: The file.
        data: Its new content.
        mode: Its permissions, less those of the process's umask.

    Raises:
        OSError: the disk fails or is full; the old content stays and no partial file remains.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # its permissions would stay
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the rename must not reach the disk before the data
        failpoint("atomic.written")
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failpoint(name: str) -> None:
    """Kill this process, as by kill -9, if DAVY_FAILPOINT names this place."""
    if os.environ.get(FAILPOINT) == name:
        os.kill(os.getpid(), signal.SIGKILL)
