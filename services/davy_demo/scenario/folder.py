"""Empty the data folder of a scenario, but never delete files that no scenario made."""

import shutil
from pathlib import Path

from davy.domain.errors import ConfigError

MARK = "davy-scenario.txt"
_WORDS = "Made by `davy demo scenario`, which deletes everything else in this folder when it runs again.\n"


def make_empty(folder: Path) -> None:
    """Make a folder for a scenario, or empty that of an earlier one.

    Raises:
        ConfigError: the folder holds files that no scenario made, or cannot be written; nothing is deleted.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ConfigError(f"--data {folder} is not a plain folder: choose a new or empty one")
        if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
            raise ConfigError(
                f"--data {folder} holds files that no scenario made (it lacks our {MARK}); nothing is deleted: "
                f"choose a new or empty folder, or empty this one yourself"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(_WORDS, encoding="utf-8")  # first: the next one may empty it after a kill
        for path in folder.iterdir():
            if path.name != MARK:
                _remove(path)
    except OSError as error:
        raise ConfigError(f"--data {folder}: {error.strerror or error}") from error


def _is_ours(folder: Path) -> bool:
    mark = folder / MARK
    return mark.is_file() and not mark.is_symlink() and mark.read_text(encoding="utf-8", errors="replace") == _WORDS


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
