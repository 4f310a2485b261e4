"""Progress that a run's command has written, read line by line from the last offset."""

import json
from pathlib import Path

from pydantic import ValidationError

from davy_trainer.service.record import Progress

MAX_BYTES = 1_000_000  # of one read


def read_progress(path: Path, offset: int) -> tuple[list[Progress], int]:
    """Read the complete lines after offset; skip lines that a kill cut short.

    Returns:
        The progress of each line, and the offset after the last one.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(MAX_BYTES)
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    found = []
    for line in complete.splitlines():
        try:
            found.append(Progress.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            continue
    return found, offset + len(complete)
