"""Enhancement of a ZIP archive of images and videos. No name in an archive becomes a path on disk."""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from davy.adapters.media import video
from davy.adapters.media.images import ImageFormat, decode, encode, sniff
from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions, enhance_picture
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import FileTask, enhance_file, free_name

MAX_MEMBERS = 20_000
COPY_BYTES = 1 << 20
# A damaged or encrypted member, or a compression method that zipfile does not support.
_FOREIGN_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an archive. max_bytes: of all unpacked members. max_picture_bytes: of one image file."""

    max_bytes: int
    max_picture_bytes: int
    max_pixels: int


def enhance_archive(
    source: Path, target: Path, still: StillEnhancer, options: OutputOptions, limits: Limits, progress: Callable[[float], None]
) -> list[str]:
    """Enhance every image and video of an archive; names stay.

    Returns:
        One line for each failed member and each note.

    Raises:
        InvalidInputError: the file is no ZIP archive, or exceeds the limits.
    """
    failures = []
    try:
        with zipfile.ZipFile(source) as reader, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as writer:
            members = _members(reader, limits)
            names: set[str] = set()
            for number, member in enumerate(members):
                try:
                    _check_name(member.filename, names)
                    notes = _enhance_member(reader, writer, member, target.parent, still, options, limits)
                    failures += [f"{member.filename}: {note}" for note in notes]
                except (DavyError, *_FOREIGN_ERRORS) as error:
                    failures.append(f"{member.filename}: {error}")
                progress((number + 1) / len(members))
    except zipfile.BadZipFile as error:
        raise InvalidInputError(f"the ZIP archive cannot be read: {error}") from error
    return failures


def _members(reader: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    members = [member for member in reader.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise InvalidInputError(f"the archive has {len(members):,} files; the limit is {MAX_MEMBERS:,}")
    unpacked = sum(member.file_size for member in members)  # zipfile never reads more of a member
    if unpacked > limits.max_bytes:
        raise InvalidInputError(f"the archive unpacks to {unpacked:,} bytes; the limit is {limits.max_bytes:,}")
    return members


def _check_name(name: str, names: set[str]) -> None:
    """Check a member name: the result contains it, and the client may unpack it unchecked."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
        raise InvalidInputError("unsafe name: it leaves the archive, or has forbidden characters")
    if name in names:
        raise InvalidInputError("duplicate name; only the first file is enhanced")
    names.add(name)


def _enhance_member(
    reader: zipfile.ZipFile,
    writer: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    folder: Path,
    still: StillEnhancer,
    options: OutputOptions,
    limits: Limits,
) -> tuple[str, ...]:
    path = Path(member.filename)
    if path.suffix.lower() in video.SUFFIXES:
        return _enhance_video(reader, writer, member, folder, still, options)
    kind, name = ImageFormat.of(path), member.filename
    if kind is None:
        with reader.open(member) as packed:
            kind = sniff(packed.read(16))
        if kind is None:
            raise InvalidInputError("no image or video")
        name = free_name(name + kind.suffixes[0], {*reader.namelist(), *writer.namelist()})
    if member.file_size > limits.max_picture_bytes:
        raise InvalidInputError(f"{member.file_size:,} bytes exceed the image limit of {limits.max_picture_bytes:,}")
    picture = decode(reader.read(member), tuple(ImageFormat), limits.max_pixels)
    writer.writestr(name, encode(enhance_picture(still, picture, options.strength, options.dials), kind, options.quality))
    return picture.notes


def _enhance_video(
    reader: zipfile.ZipFile,
    writer: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    folder: Path,
    still: StillEnhancer,
    options: OutputOptions,
) -> tuple[str, ...]:
    suffix = Path(member.filename).suffix
    task = FileTask(folder / f"member{suffix}", folder / f"member-enhanced{suffix}")
    try:
        with reader.open(member) as packed, task.source.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, COPY_BYTES)
        notes = enhance_file(task, still, options)
        writer.write(task.target, member.filename)
        return tuple(note.removeprefix(f"{task.source}: ") for note in notes)
    finally:
        task.source.unlink(missing_ok=True)
        task.target.unlink(missing_ok=True)
