"""One process per data folder. The kernel gives the lock back, whatever is killed."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from davy.domain.errors import FolderInUseError
from davy.telemetry import get_logger

log = get_logger(__name__)

LOCK_FILE = ".lock"
MAX_HOLDER = 200  # bytes


@contextmanager
def hold_folder(folder: Path, program: str) -> Iterator[None]:
    """Hold a data folder, which is made if it is absent, for the duration of the context.

    Args:
        folder: The folder.
        program: The name of this program, for the message to the next one.

    Raises:
        FolderInUseError: another process holds it; the text names that process.
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(number, MAX_HOLDER, 0).decode(errors="replace").strip()
            raise FolderInUseError(str(folder), holder or "another process") from error
        except OSError as error:  # a network drive without locks
            log.warning("folder.unlocked", folder=str(folder), reason=str(error))
        os.ftruncate(number, 0)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        os.pwrite(number, f"davy {program}, process {os.getpid()} on {socket.gethostname()} since {since}\n".encode(), 0)
        yield
    finally:
        os.close(number)
