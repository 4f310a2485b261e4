"""A line and backtraces, native and Python's, for a process that native code kills; a sentence for one that a limit stops."""

import faulthandler
import os
import sys
from pathlib import Path

from davy.domain.errors import DavyError
from davy.imaging.native import load_kernels


def write_crashes() -> None:
    """Write where a fatal signal happened to stderr: the native backtrace, then the place of every Python thread."""
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")  # for child processes
    if sys.__stderr__ is None:
        return
    if not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)
    try:
        load_kernels(Path(__file__).parent, "backtrace").davy_write_crashes()
    except DavyError:  # not compiled, or of another version: what needs its kernels says so
        return


def limit_reached(error: BaseException) -> str:
    """Return what to do about a limit of threads or memory that ended the program; empty for any other error."""
    if isinstance(error, MemoryError):
        return "no memory is left: raise the memory limit of the container or unit (mem_limit, MemoryMax), or use fewer cameras"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return (
            "no further thread may start: raise the limit of processes (pids_limit, TasksMax, ulimit -u); Davy needs 64 or more"
        )
    return ""
