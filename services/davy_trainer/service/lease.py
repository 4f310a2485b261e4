"""Leases: one service is active, one run's process lives. The kernel grants and frees them, also after a kill.

A lock of flock(2) belongs to the open file, not to the process, so the process of a run inherits it. After a kill of the
service, the lease shows whether the run's process still lives, and prevents a second one.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Lease:
    """A lock, held from acquire() until release(), and by every process that inherits the file `fd`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fd: int | None = None

    def acquire(self) -> bool:
        """Try to acquire the lease; return whether this object holds it now.

        Raises:
            OSError: The folder cannot be used.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError:
            os.close(fd)
            raise
        self.fd = fd
        return True

    def release(self) -> None:
        """Close the file; a process that inherited it keeps the lease."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
