"""Classification of files in a folder or an archive: pictures, videos and system files."""

from pathlib import Path, PurePath

from davy.adapters.media.images import ImageFormat, sniff

SNIFFED_BYTES = 400  # two packets of an MPEG transport stream with time codes
_FOLDERS = (
    "@",  # @eaDir, @tmp, @Recycle, @Recently-Snapshot: Synology, QNAP
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "__MACOSX",
)
_READ_ONLY = (b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u\x8ef\xcf\x11", b"DHAV", b"OggS")  # MPEG, ASF, Dahua, Ogg
_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})


def is_housekeeping(relative: PurePath) -> bool:
    """Whether a path below a folder is hidden, or belongs to a storage device, an operating system or an archiver."""
    folders = any(name.startswith(_FOLDERS) for name in relative.parts[:-1])
    hidden = any(name.startswith(".") and not name.startswith("..") for name in relative.parts)
    return folders or hidden or relative.name.lower() in _FILES


def is_picture(path: Path) -> bool:
    """Whether a file is a picture, by its name or else by its first bytes."""
    if ImageFormat.of(path) is not None:
        return True
    if path.suffix.lower() in (".txt", ".json", ".yaml", ".csv", ".md", ".xml", ".log"):
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFFED_BYTES)) is not None
    except OSError:
        return False


def video_suffix(data: bytes) -> str | None:
    """The suffix of a video by its first SNIFFED_BYTES; None for an unknown container."""
    if data[4:8] == b"ftyp":
        still = data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")
        return None if still else ".mov" if data[8:12] == b"qt  " else ".mp4"
    if data[4:8] in (b"moov", b"mdat", b"wide", b"skip"):
        return ".mov"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return ".webm" if b"webm" in data[:64] else ".mkv"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return ".avi"
    if data.startswith(b"FLV\1"):
        return ".flv"
    if any(len(data) > 2 * size and data[at] == data[at + size] == 0x47 for at, size in ((0, 188), (4, 192))):
        return ".ts"
    return ".mp4" if data.startswith(_READ_ONLY) else None
