"""Progress of a run for another program: JSON lines in the file that DAVY_PROGRESS names."""

import json
import os
import time
from collections.abc import Callable, Mapping

FILE = "DAVY_PROGRESS"
EVERY_S = 0.5
ReportProgress = Callable[[int, int | None, Mapping[str, float]], None]
"""Called after every step: steps done, steps to do (None while unknown), the newest values."""


class ProgressWriter:
    """Appends a line at the first and the last step of a stage, and twice per second between; needs DAVY_PROGRESS."""

    def __init__(self, stage: str) -> None:
        self._stage, self._path, self._last_s = stage, os.environ.get(FILE, ""), float("-inf")

    def write(self, step: int, total: int | None, values: Mapping[str, float]) -> None:
        """Append the progress as one line in one write; a newline first separates it from an incomplete line.

        Raises:
            OSError: The disk is full.
        """
        now_s = time.monotonic()
        if not self._path or (now_s - self._last_s < EVERY_S and step != total):
            return
        self._last_s = now_s
        line = {"stage": self._stage, "step": step, "total": total, "at_ns": time.time_ns()}
        line["values"] = {name: round(float(value), 7) for name, value in values.items()}
        with open(self._path, "ab") as file:  # noqa: PTH123  # one system call per line
            file.write(f"\n{json.dumps(line)}\n".encode())
