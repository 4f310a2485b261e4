"""The lines of a run's log, without torch."""

from pathlib import Path
from typing import Final

LOG: Final = "log.jsonl"


def read_lines(path: Path) -> list[str]:
    """Return the complete lines of a log, without one that a kill cut short."""
    if not path.exists():
        return []
    return [line.rstrip("\n") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
