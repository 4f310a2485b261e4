"""Leases: one service works, one run's process lives. The kernel gives and takes them back, whatever is killed.

A lock of flock(2) belongs to the open file, not to the process: a run's process inherits it, so that a service which is killed
leaves no doubt whether its run still goes on, and no second one can begin.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Lease:
    """Held from take() until release(), and by every process that was started with `number` among its files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number: int | None = None  # the open file's

    def take(self) -> bool:
        """True if it is ours now.

        Raises:
            OSError: the folder cannot be used.
        """
        number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return False
        except OSError:
            os.close(number)
            raise
        self.number = number
        return True

    def release(self) -> None:
        """Give it back, or leave it to the process that inherited it."""
        if self.number is not None:
            os.close(self.number)
            self.number = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
