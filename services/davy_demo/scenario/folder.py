"""The folder that a story's services keep their data in: made empty, and never at the cost of what somebody else put there."""

import shutil
from pathlib import Path

from davy.domain.errors import ConfigError

MARK = "davy-story.txt"
_WORDS = "Made by `davy mine story`, which removes everything beside this file when it is played again.\n"


def make_empty(folder: Path) -> None:
    """Make a folder for a story, or empty that of an earlier one.

    Raises:
        ConfigError: there is something that no story made, or it cannot be written to; nothing of it is removed.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ConfigError(f"--data {folder} is no folder of its own: name one that is new or empty")
        if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
            raise ConfigError(
                f"--data {folder} holds files that no story made (there is no {MARK} of ours), and they stay: "
                f"name a folder that is new or empty, or clear this one yourself"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(_WORDS, encoding="utf-8")  # first: a story that is killed leaves a folder of its own
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
