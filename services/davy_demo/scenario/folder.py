"""The data folder of a scenario. Only files of earlier scenarios are deleted."""

import shutil
from pathlib import Path

from davy.domain.errors import ConfigError

MARK = "davy-scenario.txt"
_MARK_TEXT = "Made by `davy demo scenario`, which deletes everything else in this folder when it runs again.\n"


def make_empty(folder: Path) -> None:
    """Create the folder of a scenario, or empty that of an earlier one.

    Raises:
        ConfigError: the folder has foreign files, or is not writable; nothing is deleted.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ConfigError(f"--data {folder} is no regular folder: choose a new or empty one")
        if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
            raise ConfigError(
                f"--data {folder} has files of other programs (no {MARK}); nothing is deleted: "
                f"choose a new or empty folder, or empty this one"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")  # first: the next one may empty it after a kill
        for path in folder.iterdir():
            if path.name != MARK:
                _remove(path)
    except OSError as error:
        raise ConfigError(f"--data {folder}: {error.strerror or error}") from error


def _is_ours(folder: Path) -> bool:
    mark = folder / MARK
    return mark.is_file() and not mark.is_symlink() and mark.read_text(encoding="utf-8", errors="replace") == _MARK_TEXT


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
