"""Enhancement of a ZIP archive of images and videos. No name in an archive becomes a path on disk."""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from davy.adapters.media.images import ImageFormat, decode, encode, left_out, sniff
from davy.adapters.media.listing import SNIFFED_BYTES, is_housekeeping, video_suffix
from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions, enhance_picture
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import FileTask, enhance_file, free_name, is_video, written_name

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


@dataclass(slots=True)
class Outcome:
    """failures: of members; notes: on enhanced members; skipped: number of hidden and system files."""

    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: int = 0


def enhance_archive(
    source: Path, target: Path, still: StillEnhancer, options: OutputOptions, limits: Limits, progress: Callable[[float], None]
) -> Outcome:
    """Enhance every image and video of an archive; names stay.

    Returns:
        One line for each failed member, and for each note on an enhanced one.

    Raises:
        InvalidInputError: the file is no ZIP archive, or exceeds the limits.
    """
    outcome = Outcome()
    try:
        with zipfile.ZipFile(source) as reader, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as writer:
            every = _members(reader, limits)
            members = [member for member in every if not is_housekeeping(PurePosixPath(member.filename))]
            outcome.skipped = len(every) - len(members)
            names: set[str] = set()
            for number, member in enumerate(members):
                try:
                    _check_name(member.filename, names)
                    notes = _enhance_member(reader, writer, member, target.parent, still, options, limits)
                    outcome.notes += [f"{member.filename}: {note}" for note in notes]
                except (DavyError, *_FOREIGN_ERRORS) as error:
                    outcome.failures.append(f"{member.filename}: {error}")
                progress((number + 1) / len(members))
    except zipfile.BadZipFile as error:
        raise InvalidInputError(f"the ZIP archive cannot be read: {error}") from error
    if outcome.skipped:
        outcome.notes.append(f"{outcome.skipped} hidden or system files skipped")
    return outcome


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
    name = written_name(member.filename)
    kind = ImageFormat.of(Path(name))
    if kind is None and not is_video(Path(name)):
        with reader.open(member) as packed:
            start = packed.read(SNIFFED_BYTES)
        kind = sniff(start)
        suffix = kind.suffixes[0] if kind else video_suffix(start)
        if suffix is None:
            raise InvalidInputError("no image or video")
        name += suffix
    if name != member.filename:
        name = free_name(name, {*reader.namelist(), *writer.namelist()})
    if kind is None:
        return _enhance_video(reader, writer, member, name, folder, still, options)
    if member.file_size > limits.max_picture_bytes:
        raise InvalidInputError(f"{member.file_size:,} bytes exceed the image limit of {limits.max_picture_bytes:,}")
    picture = decode(reader.read(member), tuple(ImageFormat), limits.max_pixels)
    enhanced = enhance_picture(still, picture, options.strength, options.dials)
    writer.writestr(name, encode(enhanced, kind, options.quality))
    return (*picture.notes, *left_out(enhanced, kind))


def _enhance_video(
    reader: zipfile.ZipFile,
    writer: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    folder: Path,
    still: StillEnhancer,
    options: OutputOptions,
) -> tuple[str, ...]:
    task = FileTask(folder / f"member{Path(member.filename).suffix}", folder / f"member-enhanced{Path(name).suffix}")
    try:
        with reader.open(member) as packed, task.source.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, COPY_BYTES)
        notes = enhance_file(task, still, options)
        writer.write(task.target, name)
        return tuple(note.removeprefix(f"{task.source}: ") for note in notes)
    finally:
        task.source.unlink(missing_ok=True)
        task.target.unlink(missing_ok=True)
