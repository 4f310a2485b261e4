"""What a run's command tells, read line by line from where the service was."""

import json
from pathlib import Path

from pydantic import ValidationError

from davy_trainer.service.record import Progress

MOST_BYTES = 1_000_000  # of one reading


def read_progress(path: Path, offset: int) -> tuple[list[Progress], int]:
    """The whole lines after offset, and the offset after them; what is no progress, cut short by a kill, is passed over."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        try:
            found.append(Progress.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            continue
    return found, offset + len(whole)
