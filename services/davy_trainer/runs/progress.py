"""Progress for a program that watches: JSON lines in the file that DAVY_PROGRESS names, beside the bar for a person."""

import json
import os
import time
from collections.abc import Mapping

FILE = "DAVY_PROGRESS"
EVERY_S = 0.5


class ProgressWriter:
    """Appends a line at the first step of a stage, the last, and twice a second between; to nothing if FILE is not set."""

    def __init__(self, stage: str) -> None:
        self._stage, self._path, self._last_s = stage, os.environ.get(FILE, ""), float("-inf")

    def tell(self, step: int, total: int | None, values: Mapping[str, float]) -> None:
        """Say how far it is; one write of one line, begun anew after one that a kill has cut short.

        Raises:
            OSError: the disk is full.
        """
        now_s = time.monotonic()
        if not self._path or (now_s - self._last_s < EVERY_S and step != total):
            return
        self._last_s = now_s
        line = {"stage": self._stage, "step": step, "total": total, "at_ns": time.time_ns()}
        line["values"] = {name: round(float(value), 7) for name, value in values.items()}
        with open(self._path, "ab") as file:  # noqa: PTH123  # one system call per line
            file.write(f"\n{json.dumps(line)}\n".encode())
