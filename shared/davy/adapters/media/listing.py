"""Which files of a folder or an archive are meant, and which ones storage devices and systems put there for themselves."""

from pathlib import Path, PurePath

from davy.adapters.media.images import ImageFormat, sniff

SNIFFED_BYTES = 16
_FOLDERS = (
    "@",  # @eaDir, @tmp, @Recycle, @Recently-Snapshot: Synology, QNAP
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "__MACOSX",
)
_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})


def is_housekeeping(relative: PurePath) -> bool:
    """Whether a path below the folder that was named is hidden, or belongs to a storage device, a system or an archiver."""
    folders = any(part.startswith(_FOLDERS) for part in relative.parts[:-1])
    return folders or relative.name.lower() in _FILES or any(part.startswith(".") for part in relative.parts)


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name, or else by its first bytes."""
    if ImageFormat.of(path) is not None:
        return True
    if path.suffix.lower() in (".txt", ".json", ".yaml", ".csv", ".md", ".xml", ".log"):
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFFED_BYTES)) is not None
    except OSError:
        return False
