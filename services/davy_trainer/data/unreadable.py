"""Unreadable pictures: skipped, named and counted, so that a broken file does not end a run."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from davy.domain.errors import UnreadableImageError
from davy_trainer.cli.terminal import CONSOLE
from davy_trainer.distributed import process_group

T = TypeVar("T")
NAMED = 50  # paths that the terminal names; the count is complete


def read_all(paths: Iterable[Path], read: Callable[[Path], T]) -> tuple[list[tuple[Path, T]], list[Path]]:
    """Read pictures.

    Returns:
        Path and picture of those that can be read, and the paths of the others.
    """
    found: list[tuple[Path, T]] = []
    unreadable: list[Path] = []
    for path in paths:
        try:
            found.append((path, read(path)))
        except UnreadableImageError:
            unreadable.append(path)
    return found, unreadable


def report_unreadable(paths: Sequence[Path]) -> None:
    """Print the count and the names of unreadable pictures; nothing where there are none."""
    if not paths or not process_group.is_first():
        return
    names = ", ".join(map(str, paths[:NAMED]))
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    noun = "picture" if len(paths) == 1 else "pictures"
    CONSOLE.print(f"{len(paths)} unreadable {noun} left out: {names}{rest}", highlight=False, markup=False, soft_wrap=True)
