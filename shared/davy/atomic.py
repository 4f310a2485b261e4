"""Files that are there whole or not at all, whatever is killed meanwhile; and the places where a test kills."""

import os
import signal
from pathlib import Path

FAILPOINT = "DAVY_FAILPOINT"


def write_atomic(path: Path, data: bytes) -> None:
    """Write so that a reader, or a machine that loses its power, finds the old content or the new one.

    Raises:
        OSError: the disk fails or is full; the old content is still there, and no half-written file beside it.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the bytes
        failpoint("atomic.written")
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failpoint(name: str) -> None:
    """Die here, as by kill -9, if DAVY_FAILPOINT names this place: how RELIABILITY.md's F06 is tested."""
    if os.environ.get(FAILPOINT) == name:
        os.kill(os.getpid(), signal.SIGKILL)
